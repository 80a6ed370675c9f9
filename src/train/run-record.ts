import type { Precision, Schedule } from '../../compiler/artifact.js'
import type { Reading } from '../data/reading.js'
import type { ModelIdentity } from '../model/identity.js'
import type { WeightFormat } from '../model/weight-format.js'

/** The numbers a step reported; `step` counts from 1. */
export interface StepRecord {
  readonly step: number
  readonly [metric: string]: number
}

/** What an epoch's validation found after `step`. */
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
  /** The program that computes the model, where that was said. */
  readonly modelProgram?: string
  readonly recipe: string
  readonly programHash: string
  readonly model: string
  /** Which model it is, whatever its folder is called. */
  readonly base?: ModelIdentity
  /** What the model's weights are on the device. */
  readonly weights?: WeightFormat
  /** Entries and tensors of the model that were refused and let pass. */
  readonly allow?: readonly string[]
  /** What products are computed in. */
  readonly precision?: Precision
  /** The schedules that measuring chose, by their kernels' signatures; all others are the cost model's. */
  readonly schedules?: Readonly<Record<string, Schedule>>
  /** Bytes that it was told to take at most. */
  readonly memory?: number
  /**
   * Bytes that it was held to, by that or by what the device had: what passes them is computed in other
   * parts.
   */
  readonly budget?: number
  readonly data: string
  /** How the data's files are read, where that was said. */
  readonly reading?: Reading
  /** Of the data's tokens: the files may have changed under the same name. */
  readonly dataDigest: string
  readonly seed: number
  readonly settings: Readonly<Record<string, number | boolean | string>>
  readonly sizes: Readonly<Record<string, number>>
  readonly device: string
  readonly trainable: number
}

/** Where training can go on from. `best` is the epoch record whose state was the best so far. */
export interface Position {
  readonly step: number
  readonly done: boolean
  /** Steps in all, if no early stop comes between. */
  readonly steps: number
  readonly best?: EpochRecord
}

/** A tensor of the state, as saved. */
export interface StateTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** What a run's weights are on the device; f32 where it was begun before there was a choice. */
export const formatOf = (run: Pick<RunDescription, 'weights'>): WeightFormat => run.weights ?? 'f32'

/** What a run's products are computed in; f32 where it was begun before there was a choice. */
export const precisionOf = (run: Pick<RunDescription, 'precision'>): Precision => run.precision ?? 'f32'

/** What is saved of a run to go on from. */
export interface SavedRun {
  readonly state: ReadonlyMap<string, StateTensor>
  readonly position: Position
  readonly history: History
}

/** Where a run is kept while it trains. */
export interface RunStore {
  /** Writes down what the run is. */
  describe(run: RunDescription): Promise<void>
  /** Keeps state, position and history together, in the place of those kept before. */
  save(state: ReadonlyMap<string, StateTensor>, position: Position, history: History): Promise<void>
  /** Keeps the state of the best epoch so far. */
  saveBest(state: ReadonlyMap<string, StateTensor>): Promise<void>
  /** What was saved last; `undefined` where nothing was. */
  load(): Promise<SavedRun | undefined>
}
