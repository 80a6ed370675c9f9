import { UserError } from '../errors/user-error.js'

/**
 * Returns the logits. Throws a `UserError` if one is +∞ or not a number, since texts and scores would be
 * meaningless. −∞ means an impossible token.
 */
export const requireLogits = <A extends ArrayLike<number>>(values: A): A =>
  without(values, x => Number.isNaN(x) || x === Number.POSITIVE_INFINITY)

/** Returns the losses. Throws a `UserError` if one is not a number. +∞ is the loss of an impossible token. */
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
