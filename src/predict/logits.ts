import { UserError } from '../errors/user-error.js'

/**
 * Gives back logits. Throws a `UserError` where one is +∞ or not a number: the text and the scores that
 * follow would mean nothing. −∞ is a token that can't be.
 */
export const requireLogits = <A extends ArrayLike<number>>(values: A): A =>
  without(values, x => Number.isNaN(x) || x === Number.POSITIVE_INFINITY)

/**
 * Gives back losses by logits. Throws a `UserError` where one is not a number. +∞ is the loss of a token that
 * can't be.
 */
export const requireLosses = <A extends ArrayLike<number>>(values: A): A => without(values, Number.isNaN)

const without = <A extends ArrayLike<number>>(values: A, wrong: (x: number) => boolean): A => {
  for (let i = 0; i < values.length; i++)
    if (wrong(values[i]!))
      throw new UserError({
        what: 'the logits are not numbers',
        why: 'somewhere in the model a value became infinite or not a number',
        hint: 'look at the weights and the adapter; with --precision f16 or --weights f16, try f32',
      })
  return values
}

/** The position of the greatest value; the first of equals. */
export const argmax = (values: ArrayLike<number>): number => {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
