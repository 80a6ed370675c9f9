/**
 * Scheduling decides how a kernel is laid over threads: the size of a workgroup, how many elements a thread
 * computes, what lies in workgroup memory. A schedule is plain data. For each kernel there is a list of
 * candidates, every setting that makes sense for the problem on the device, ordered by a cost model (in the
 * manner of TVM's and Halide's search spaces). A tuning, found by measuring, may choose another candidate
 * than the first. Every candidate computes the right values.
 *
 *     contract b[8] m[64] n[64] k[48] …  →  { family: 'broadcast', rows: 16, columns: 4, … }
 *
 * This room writes no WGSL: `wgsl/emit.ts` turns a problem and its schedule into a kernel.
 */
import type { ChosenSchedule, Schedule } from '../artifact.js'
import type { KernelContext } from '../kernel/context.js'
import type { KernelProblem } from '../kernel/problem.js'
import { sameSchedule } from './compare-schedules.js'
import { contractCandidates, contractSignature } from './contract-schedules.js'
import { mapCandidates, mapSignature } from './map-schedules.js'
import { plainRows, rowsCandidates, rowsSignature } from './rows-schedules.js'
import { scanCandidates, scanSignature } from './scan-schedules.js'
import { scatterCandidates, scatterSignature } from './scatter-schedules.js'

/** Schedules found by measuring, by the signature of the kernels they are for. */
export type Tuning = ReadonlyMap<string, Schedule>

/**
 * The facts that decide how fast each schedule of a problem is: extents, the operands' layout in memory,
 * prologues and epilogues. Kernels with one signature take one schedule.
 */
const signatureOf = (problem: KernelProblem, ctx: KernelContext): string => {
  switch (problem.kind) {
    case 'map':
      return mapSignature(problem.program, ctx)
    case 'rows':
      return rowsSignature(problem.program, ctx)
    case 'contract':
      return contractSignature(problem.product, ctx)
    case 'scatter':
      return scatterSignature(problem.program)
    case 'scan':
      return scanSignature(problem.program)
  }
}

/** Every schedule that makes sense for a problem, the cost model's favourite first. There is at least one. */
const candidatesOf = (problem: KernelProblem, ctx: KernelContext): readonly Schedule[] => {
  switch (problem.kind) {
    case 'map':
      return mapCandidates(problem.program, ctx.traits)
    case 'rows':
      return rowsCandidates(problem.program, ctx)
    case 'contract':
      return contractCandidates(problem.product, ctx.traits)
    case 'scatter':
      return scatterCandidates(problem.program, ctx.traits)
    case 'scan':
      return scanCandidates(problem.program, ctx.traits)
  }
}

/** The schedule found by measuring, if it is one of the kernel's candidates. */
export const tunedSchedule = (
  { signature, candidates }: Pick<ChosenSchedule, 'signature' | 'candidates'>,
  tuning: Tuning | undefined,
): Schedule | undefined => {
  const tuned = tuning?.get(signature)
  return tuned && candidates.find(c => sameSchedule(c, tuned))
}

/** How schedules are chosen. */
export interface ChoiceOptions {
  /** Rows take the simplest schedule: the reference that every other schedule is compared with. */
  readonly plain: boolean
  readonly tuning?: Tuning | undefined
}

/** The schedule of a kernel: the tuned one, or else the first of the candidates. */
export const chooseSchedule = (
  problem: KernelProblem,
  ctx: KernelContext,
  { plain, tuning }: ChoiceOptions,
): ChosenSchedule => {
  const candidates = plain && problem.kind === 'rows' ? [plainRows] : candidatesOf(problem, ctx)
  const signature = signatureOf(problem, ctx)
  const schedule = tunedSchedule({ signature, candidates }, tuning) ?? candidates[0]!
  return { signature, schedule, candidates }
}
