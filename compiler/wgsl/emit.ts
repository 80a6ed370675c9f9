/**
 * Writes kernels as WGSL text. A kernel comes here as a problem (what to compute, over which axes, at which
 * addresses) and a schedule (which thread computes what). Expressions are written by `writer.ts`, reads and
 * writes of buffers by `buffer-access.ts`, and `kernel.ts` puts bindings, workgroup memory and the entry
 * point around them.
 *
 *     map [512], { family: 'map', threads: 64, width: 4 }  →  @compute @workgroup_size(64) fn main(…) { … }
 *
 * Equal texts are one kernel, so names of tensors are put in last. Nothing here decides what is fast.
 */
import type { Schedule } from '../artifact.js'
import type { KernelContext } from '../kernel/context.js'
import type { KernelProblem } from '../kernel/problem.js'
import type { KernelSpec } from '../kernel/spec.js'
import type { EmittedKernel } from './kernel.js'
import { writeColumns } from './write-columns.js'
import { writeMap } from './write-map.js'
import { writeMatrices } from './write-matrices.js'
import { writeRows } from './write-rows.js'
import { writeScan } from './write-scan.js'
import { writeScatter } from './write-scatter.js'
import { writeTiles } from './write-tiles.js'

/** A problem, the schedule chosen for it, and the nodes that it comes from. */
export interface ScheduledKernel {
  readonly problem: KernelProblem
  readonly schedule: Schedule
  readonly spec: KernelSpec
}

/** Writes a kernel. The schedule must be one of the problem's candidates. */
export const emitKernel = (
  { problem, schedule: s, spec }: ScheduledKernel,
  ctx: KernelContext,
): EmittedKernel => {
  if (problem.kind === 'map' && s.family === 'map') return writeMap(problem.program, s, ctx, spec)
  if (problem.kind === 'rows' && s.family === 'rows') return writeRows(problem.program, s, ctx, spec)
  if (problem.kind === 'scatter' && s.family === 'scatter') return writeScatter(problem.program, s, ctx, spec)
  if (problem.kind === 'scan' && s.family === 'scan') return writeScan(problem.program, s, ctx, spec)
  if (problem.kind === 'contract')
    switch (s.family) {
      case 'tile':
        return writeTiles(problem.product, s, ctx, spec)
      case 'matrix':
        return writeMatrices(problem.product, s, ctx, spec)
      case 'broadcast':
      case 'register':
        return writeColumns(problem.product, s, ctx, spec)
    }
  throw new Error(`a schedule for ${s.family} is given to a kernel of kind ${problem.kind}`)
}
