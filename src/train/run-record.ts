import type { Precision, Schedule } from '../../compiler/artifact.js'
import type { EpochCounts } from '../data/epoch-counts.js'
import type { Reading } from '../data/reading.js'
import type { ModelIdentity } from '../model/identity.js'
import type { WeightFormat } from '../model/weight-format.js'

/** The numbers a step reported; `step` counts from 1. */
export interface StepRecord {
  readonly step: number
  readonly [metric: string]: number
}

/** The result of an epoch's validation after `step`. */
export interface EpochRecord {
  readonly epoch: number
  readonly step: number
  readonly loss: number
}

export interface History {
  readonly steps: readonly StepRecord[]
  readonly epochs: readonly EpochRecord[]
}

/** Everything that decides a run: the same description gives the same bits on the same device. */
export interface RunDescription {
  readonly format: 'jola-run-1'
  readonly program: string
  /** The program that computes the model, if one was chosen. */
  readonly modelProgram?: string
  readonly recipe: string
  readonly programHash: string
  readonly model: string
  /** The identity of the model, independent of its folder's name. */
  readonly base?: ModelIdentity
  /** The format of the model's weights on the device. */
  readonly weights?: WeightFormat
  /** Refused entries and tensors of the model that the user allowed. */
  readonly allow?: readonly string[]
  /** The precision of products. */
  readonly precision?: Precision
  /** The schedules chosen by measurement, by their kernels' signatures; the cost model chose all others. */
  readonly schedules?: Readonly<Record<string, Schedule>>
  /** The limit of memory that the user set, in bytes. */
  readonly memory?: number
  /**
   * The limit of memory that it was planned within, from the user or the device, in bytes. It decides into
   * which parts the work is cut.
   */
  readonly budget?: number
  readonly data: string
  /** Options for reading the data's files, if any were given. */
  readonly reading?: Reading
  /** A hash of the data's tokens, since files can change under the same name. */
  readonly dataDigest: string
  /** What the batches of the first epoch hold. */
  readonly epoch?: EpochCounts
  readonly seed: number
  readonly settings: Readonly<Record<string, number | boolean | string>>
  readonly sizes: Readonly<Record<string, number>>
  readonly device: string
  readonly trainable: number
}

/** The point from which training can continue. `best` is the epoch record of the best state so far. */
export interface Position {
  readonly step: number
  readonly done: boolean
  /** The number of all steps, without an early stop. */
  readonly steps: number
  readonly best?: EpochRecord
}

/** A tensor of the state, as saved. */
export interface StateTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** The format of a run's weights on the device; f32 for runs of versions without the choice. */
export const formatOf = (run: Pick<RunDescription, 'weights'>): WeightFormat => run.weights ?? 'f32'

/** The precision of a run's products; f32 for runs of versions without the choice. */
export const precisionOf = (run: Pick<RunDescription, 'precision'>): Precision => run.precision ?? 'f32'

/** The saved data from which a run continues. */
export interface SavedRun {
  readonly state: ReadonlyMap<string, StateTensor>
  readonly position: Position
  readonly history: History
}

/** The storage of a run during training. */
export interface RunStore {
  /** Stores the run's description. */
  describe(run: RunDescription): Promise<void>
  /** Stores state, position and history together, replacing the earlier ones. */
  save(state: ReadonlyMap<string, StateTensor>, position: Position, history: History): Promise<void>
  /** Stores the state of the best epoch so far. */
  saveBest(state: ReadonlyMap<string, StateTensor>): Promise<void>
  /** The last saved data; `undefined` if there is none. */
  load(): Promise<SavedRun | undefined>
}
