import type { Example } from '../data/examples.js'
import type { BeamOptions } from '../predict/beams.js'
import type { SequenceModel } from '../predict/sequence-model.js'
import type { LongWay } from './fit-prompts.js'
import type { Accuracy } from './scores.js'

/** How predictions are scored. `choice` picks the likeliest option; the others read the generated text. */
export type Scoring = 'choice' | 'word' | 'letter' | 'text'

export interface Prediction {
  readonly example: Example
  /** The option chosen or the text generated. */
  readonly predicted: string | undefined
  readonly right: boolean
}

/**
 * A task: the answers and the scoring. It is derived from a whole split, so that parts of the split are
 * scored in the same way.
 */
export interface Task {
  readonly scoring: Scoring
  /** The answers to choose among if an example lists none, spelled as in training. */
  readonly options: readonly string[]
  /** The accuracy of always giving the most frequent answer. */
  readonly majority: number
}

export interface Evaluation {
  readonly scoring: Scoring
  readonly accuracy: Accuracy
  /** The number of answers to choose among; absent if texts are read, or if the examples list their own. */
  readonly answers?: number
  /** The accuracy of always giving the most frequent answer. */
  readonly majority: number
  /**
   * `choice` with one token an option: how often the token that the model finds likeliest of all is the right
   * one.
   */
  readonly unconstrained?: Accuracy
  /** Absent if no reference has four words, since BLEU is then undefined. */
  readonly bleu?: number
  readonly rougeL?: number
  /** Prompts that were cut to fit the context. */
  readonly cut?: number
  /** Examples that were left out because they are longer than the context. */
  readonly skipped?: number
  /** Generated texts that the end of the context cut off. */
  readonly atContextEnd?: number
  readonly predictions: readonly Prediction[]
}

/** The part of a model that an evaluation needs. */
export type Scored = Pick<SequenceModel, 'context' | 'next' | 'losses' | 'greedy'> &
  Partial<Pick<SequenceModel, 'beams'>>

/** Options of an evaluation. */
export interface EvaluateOptions {
  /** The treatment of prompts that leave no room for their answers; refused by default. */
  readonly long?: LongWay
  /** Searches texts with beams, instead of greedily; for scores of generated text. */
  readonly beams?: BeamOptions | undefined
  /** Receives the number of finished examples. */
  readonly progress?: (done: number) => void
  /** If it is aborted, `evaluate` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}
