import type { Device } from '../../../runtime/index.js'
import type { BatchKind, BatchShape } from '../../data/batch.js'
import { pairedRatios, type Spread, spreadOf } from '../../measure/statistics.js'
import { compileRecipe } from '../../train/compile.js'
import { disagrees } from '../peers/agree.js'
import { PeerFailure, PeerProcess, type PeerProgram } from '../peers/process.js'
import { jola, type OpenStep, openStep } from '../recipe-step.js'
import { removeFolder, temporaryFolder } from '../temporary.js'
import {
  allLengths,
  batchSize,
  type EpochBatches,
  epochBatches,
  epochTime,
  equalLength,
  equalRowsTime,
  lengthsToTime,
  type StepTimes,
} from './epoch-time.js'
import { LengthSteps, timeSteps } from './length-steps.js'
import type { EpochModel, EpochPlan } from './sources.js'

/** An epoch, put into batches in one way, or its tokens in rows of equal length. */
export interface EpochResult {
  readonly by: string
  readonly batches: BatchKind | 'equal'
  /** Tokens of data in a second; padding does not count. */
  readonly rate: Spread
  /** The share of tokens in the positions that are computed. */
  readonly share: number
  /** Its time divided by that of the same tokens in rows of equal length, by the same system. */
  readonly toEqual?: Spread
  /** Its time divided by the peer's, which pads each batch to its longest row. */
  readonly toPeer?: Spread
}

/** A data set's epochs. */
export interface EpochsResult {
  readonly name: string
  readonly model: string
  readonly examples: number
  /** Examples longer than the model's context, which are left out. */
  readonly left: number
  readonly mean: number
  readonly longest: number
  /** The lengths of batches that occur, those that were timed, and that of equal rows. */
  readonly lengths: readonly number[]
  readonly timed: readonly number[]
  readonly equal: number
  readonly epochs: readonly EpochResult[]
  /** Distinct kernels of the recipe's methods at all lengths, and at the longest. */
  readonly kernels: { readonly all: number; readonly one: number }
}

/** All epochs, and what could not be measured. */
export interface EpochsReport {
  readonly sets: readonly EpochsResult[]
  readonly missing: readonly { readonly name: string; readonly why: string }[]
  /** Works at which the peer computes something else. */
  readonly wrong: readonly string[]
}

export interface EpochsOptions {
  readonly runs: number
  readonly progress?: (line: string) => void
}

/** Lengths that are timed for a model, besides those of equal rows. */
const mostTimed = 6

/** A set with its lengths. */
interface ReadSet {
  readonly name: string
  readonly lengths: readonly number[]
  readonly left: number
}

/** The results of a set from the times of steps. */
const epochsOf = (
  batches: readonly EpochBatches[],
  equal: number,
  systems: readonly { readonly by: string; readonly rounds: readonly StepTimes[] }[],
): readonly EpochResult[] => {
  const { tokens } = batches[0]!
  const any = batches.find(b => b.kind === 'any')!
  const [, peer] = systems
  const peerTimes = peer?.rounds.map(times => epochTime(times, any.exact))
  return systems.flatMap(({ by, rounds }, system) => {
    const equalTimes = rounds.map(times => equalRowsTime(times, equal, tokens))
    const result = (
      kind: EpochResult['batches'],
      milliseconds: readonly number[],
      share: number,
    ): EpochResult => ({
      by,
      batches: kind,
      share,
      rate: spreadOf(milliseconds.map(ms => (1000 * tokens) / ms)),
      ...(kind === 'equal' ? {} : { toEqual: pairedRatios(milliseconds, equalTimes) }),
      ...(peerTimes === undefined ? {} : { toPeer: pairedRatios(milliseconds, peerTimes) }),
    })
    const exact = system > 0
    return [
      // A peer has no reason to pad all batches to one length.
      ...batches
        .filter(b => !exact || b.kind !== 'one_length')
        .map(b => {
          const lengths = exact ? b.exact : b.rounded
          const positions = batchSize * lengths.reduce((sum, length) => sum + length, 0)
          const times = rounds.map(time => epochTime(time, lengths))
          return result(b.kind, times, tokens / positions)
        }),
      result('equal', equalTimes, 1),
    ]
  })
}

/** The texts of the kernels of a recipe's methods, by the length of batches. */
const kernelTexts = async (
  device: Device,
  { loaded, recipe, model, settings }: OpenStep,
  shape: BatchShape,
) => {
  const subject = { device, program: loaded.program, recipe, model, settings }
  const { artifacts, artifactsFor, anyLength } = await compileRecipe(subject, shape, {})
  const texts = (some: object): readonly string[] =>
    Object.values(some as typeof artifacts).flatMap(({ kernels }) => kernels.map(k => k.wgsl))
  const known = new Map([[shape.T, texts(artifacts)]])
  return (lengths: readonly number[]): number => {
    // Kernels for any length are those of the longest.
    for (const T of lengths)
      if (!known.has(T)) known.set(T, anyLength ? known.get(shape.T)! : texts(artifactsFor(T)))
    return new Set([known.get(shape.T)!, ...lengths.map(T => known.get(T)!)].flat()).size
  }
}

/** Opens a peer that does JoLA's step on these files and agrees with ours. */
const agreeingPeer = async (
  program: PeerProgram,
  folder: string,
  expected: Parameters<typeof disagrees>[1],
): Promise<{ readonly process: PeerProcess; readonly name: string; readonly refused?: string }> => {
  const { process, name } = await PeerProcess.open(program)
  try {
    const { values } = await process.ask({ verb: 'prepare', work: 'lengths', folder })
    const why = disagrees(values as readonly number[], expected)
    return { process, name, ...(why === undefined ? {} : { refused: why }) }
  } catch (error) {
    process.close()
    throw error
  }
}

/** Measures the sets that one model is trained on. */
const measureModel = async (
  device: Device,
  model: EpochModel,
  sets: readonly ReadSet[],
  { program, runs }: { readonly program: PeerProgram | undefined; readonly runs: number },
): Promise<EpochsReport> => {
  const lengthsOf = sets.map(set => allLengths(set.lengths, model.context))
  const all = [...new Set(lengthsOf.flat())].sort((a, b) => a - b)
  const equals = sets.map(set => equalLength(set.lengths, model.context))
  const timed = lengthsToTime(all, mostTimed, equals)
  const shape: BatchShape = { B: batchSize, T: timed.at(-1)!, A: 1, everywhere: false, oneLength: false }
  const folder = temporaryFolder()
  const opened = await openStep(device, { name: model.name, recipe: jola, model: model.config, shape })
  const missing: { readonly name: string; readonly why: string }[] = []
  const wrong: string[] = []
  let peer: Awaited<ReturnType<typeof agreeingPeer>> | undefined
  const withPeer = async <A>(work: () => Promise<A>): Promise<A | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof PeerFailure) || program === undefined) throw error
      missing.push({ name: program.name, why: `${error.message}; ${program.install}` })
      return undefined
    }
  }
  try {
    const steps = new LengthSteps(opened, timed)
    if (program !== undefined) await steps.write(device, folder, model.config)
    const expected = await steps.check()
    if (program !== undefined) peer = await withPeer(() => agreeingPeer(program, folder, expected))
    if (peer?.refused !== undefined) wrong.push(`${peer.name} on ${model.name}: ${peer.refused}`)
    const other = peer?.refused === undefined ? peer?.process : undefined
    const rounds =
      (await withPeer(() => timeSteps(steps, other, runs))) ?? (await timeSteps(steps, undefined, runs))
    const names = ['Jola', peer?.name ?? '']
    const systems = rounds.map((times, i) => ({ by: names[i]!, rounds: times }))
    opened.session.close()
    const kernels = await kernelTexts(device, opened, shape)
    const results = sets.map((set, i): EpochsResult => {
      const own = lengthsOf[i]!
      return {
        name: set.name,
        model: model.name,
        examples: set.lengths.length,
        left: set.left,
        mean: set.lengths.reduce((a, b) => a + b, 0) / set.lengths.length,
        longest: Math.max(...set.lengths),
        lengths: own,
        timed,
        equal: equals[i]!,
        epochs: epochsOf(epochBatches(set.lengths, model.context), equals[i]!, systems),
        kernels: { all: kernels(own), one: kernels([]) },
      }
    })
    return { sets: results, missing, wrong }
  } finally {
    peer?.process.close()
    await opened.close()
    removeFolder(folder)
  }
}

/**
 * Measures epochs of JoLA on rows as long as those of data sets, with random tokens and weights, beside a
 * peer if there is one. Steps of some lengths are timed, and epochs are worked out from them. Sets that are
 * not here are reported, but are no failures.
 */
export const measureEpochs = async (
  device: Device,
  plans: readonly EpochPlan[],
  program: PeerProgram | undefined,
  { runs, progress }: EpochsOptions,
): Promise<EpochsReport> => {
  const missing = plans.flatMap(({ name, missing: file }) =>
    file === undefined ? [] : [{ name, why: `there is no ${file}` }],
  )
  const models = new Map<string, { readonly model: EpochModel; readonly sets: ReadSet[] }>()
  for (const plan of plans.filter(p => p.missing === undefined)) {
    progress?.(`reading the lengths of ${plan.name}`)
    const model = await plan.model()
    const found = await plan.lengths()
    const lengths = found.filter(length => length <= model.context)
    const known = models.get(model.name) ?? { model, sets: [] }
    models.set(model.name, known)
    known.sets.push({ name: plan.name, lengths, left: found.length - lengths.length })
  }
  const reports: EpochsReport[] = []
  for (const { model, sets } of models.values()) {
    progress?.(`steps on ${model.name}: ${sets.map(set => set.name).join(', ')}`)
    reports.push(await measureModel(device, model, sets, { program, runs }))
  }
  const unique = new Map([...missing, ...reports.flatMap(r => r.missing)].map(m => [m.name, m]))
  return {
    sets: reports.flatMap(r => r.sets),
    missing: [...unique.values()],
    wrong: reports.flatMap(r => r.wrong),
  }
}
