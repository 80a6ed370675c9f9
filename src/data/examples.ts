/** A text to continue, and its right continuation. */
export interface Example {
  readonly prompt: string
  readonly answer: string
  /** All right answers, if there are several; the first is `answer`. */
  readonly references?: readonly string[]
  /** The answers to choose among, if the data names them. */
  readonly options?: readonly string[]
  /** Wrong answers, if the data names some. */
  readonly wrong?: readonly string[]
  /**
   * Set if the model's chat template wrote the prompt: its text contains special tokens, and `ending` follows
   * the answer.
   */
  readonly chat?: { readonly ending: string }
  readonly file: string
  /** The line of the data it begins on, from 1. */
  readonly line: number
}

/**
 * Every distinct answer of some examples, trimmed and sorted: the options of a classification whose data does
 * not list them.
 */
export const distinctAnswers = (examples: readonly Example[]): readonly string[] =>
  [...new Set(examples.map(({ answer }) => answer.trim()))].sort()
