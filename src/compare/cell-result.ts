import { UserError } from '../errors/user-error.js'
import { isJsonObject, type JsonObject } from '../json/json-values.js'
import type { Metric } from '../tasks/declaration.js'
import type { SettingValues } from './plan.js'

/** How far the edits of each head are open, by kind: [layers][heads]. */
export interface HeadGates {
  readonly scale: readonly (readonly number[])[]
  readonly offset: readonly (readonly number[])[]
}

/** The record of a cell's training. */
export interface TrainedCell {
  readonly settings: SettingValues
  /** The best validation loss, and its epoch. */
  readonly loss: number
  readonly epoch: number
  readonly steps: number
  /** Absent if the training was interrupted. */
  readonly seconds?: number
  /** Seconds of the processor in all its cores, as far as this process used it. Absent like `seconds`. */
  readonly cpuSeconds?: number
  /** Numbers that were trained. */
  readonly trained: number
  /** Numbers that act in the result, for methods that choose some of what they train. */
  readonly active?: number
  /** Bytes of the device's memory in training. */
  readonly deviceBytes: number
  /** SHA-256 of the recipe's sources, the device's name. */
  readonly programHash: string
  readonly device: string
  /** Before the first step, and of the best state. */
  readonly gatesBefore?: HeadGates
  readonly gates?: HeadGates
}

/** The scores of a cell on the test data. */
export interface ScoredCell {
  readonly accuracy: number
  readonly bleu?: number
  readonly rougeL?: number
  /** The accuracy of always giving the most frequent answer. */
  readonly majority: number
  /** Whether each test example was right, in the order of the data: `1` or `0`. */
  readonly right: string
  readonly seconds: number
  readonly adapterBytes: number
}

/** The result of a cell. */
export interface CellResult {
  readonly format: 'jola-cell-1'
  readonly cell: string
  /** A hash of all that decides the cell. */
  readonly key: string
  /** Why there is nothing else: the training's numbers left what they can hold. */
  readonly diverged?: string
  readonly trained?: TrainedCell
  readonly scored?: ScoredCell
}

/** The score by which a cell is compared. Throws a `UserError` if the metric was undefined for the texts. */
export const scoreOf = (scored: ScoredCell, metric: Metric): number => {
  const value = { accuracy: scored.accuracy, bleu: scored.bleu, rouge_l: scored.rougeL }[metric]
  if (value !== undefined) return value
  throw new UserError({
    what: `the metric ${metric} is undefined for this task`,
    why: metric === 'bleu' ? 'no reference has four words' : 'its answers are chosen, not written',
    hint: 'compare by another metric',
  })
}

/** A cell's result from its file. Throws a `UserError` if it is not one. */
export const cellResultOf = (path: string, found: JsonObject): CellResult => {
  const isResult =
    found.format === 'jola-cell-1' &&
    typeof found.cell === 'string' &&
    typeof found.key === 'string' &&
    (found.trained === undefined ||
      (isJsonObject(found.trained) &&
        typeof found.trained.loss === 'number' &&
        isJsonObject(found.trained.settings))) &&
    (found.scored === undefined ||
      (isJsonObject(found.scored) &&
        typeof found.scored.accuracy === 'number' &&
        typeof found.scored.right === 'string'))
  if (isResult) return found as unknown as CellResult
  throw new UserError({
    what: 'the file is not the result of a cell',
    where: path,
    hint: 'delete it: `jola compare` computes the cell anew',
  })
}
