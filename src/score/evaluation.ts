import type { Example } from '../data/examples.js'
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
 * What is scored, and how: found from all of a split, so that scoring a part of it is scoring the same thing.
 */
export interface Task {
  readonly scoring: Scoring
  /** The answers to choose among where an example names none, spelled as they are learned. */
  readonly options: readonly string[]
  /** The accuracy of always giving the most frequent answer. */
  readonly majority: number
}

export interface Evaluation {
  readonly scoring: Scoring
  readonly accuracy: Accuracy
  /**
   * How many answers there were to choose among; absent where texts are read, or the examples name their own.
   */
  readonly answers?: number
  /** Of the most frequent answer. */
  readonly majority: number
  /**
   * `choice` with one token an option: how often the token that the model finds likeliest of all is the right
   * one.
   */
  readonly unconstrained?: Accuracy
  /** Absent where no reference has four words: there is no BLEU of such. */
  readonly bleu?: number
  readonly rougeL?: number
  /** Prompts that were cut to fit the context. */
  readonly cut?: number
  /** Examples that were left out, being longer than the context. */
  readonly skipped?: number
  /** Generated texts that ended where the context does. */
  readonly atContextEnd?: number
  readonly predictions: readonly Prediction[]
}

/** What an evaluation needs of a model. */
export type Scored = Pick<SequenceModel, 'context' | 'next' | 'losses' | 'greedy'>

/** How an evaluation is done. */
export interface EvaluateOptions {
  /** What happens to prompts that leave no room for their answers; refused unless said. */
  readonly long?: LongWay
  /** Told how many examples are done. */
  readonly progress?: (done: number) => void
  /** Aborted, it ends scoring: `evaluate` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}
