/** A text to continue and the continuation that is right. */
export interface Example {
  readonly prompt: string
  readonly answer: string
  /** All answers that are right, where there are several; the first is `answer`. */
  readonly references?: readonly string[]
  /** The answers to choose among, where the data names them. */
  readonly options?: readonly string[]
  /**
   * Where the model's chat template wrote the prompt: special tokens are in its text, and `ending` follows
   * the answer.
   */
  readonly chat?: { readonly ending: string }
  readonly file: string
  /** The line of the data it begins on, from 1. */
  readonly line: number
}

/**
 * Every distinct answer of some examples, without white space around it, sorted: what a classification
 * chooses from when the data doesn't say.
 */
export const distinctAnswers = (examples: readonly Example[]): readonly string[] =>
  [...new Set(examples.map(({ answer }) => answer.trim()))].sort()
