import { UserError } from './errors.js'

/**
 * Gives back logits, or losses by them. Throws a `UserError` where one is not a number: the text and the scores that follow would mean nothing. −∞ is a
 * token that can't be, and a loss by it +∞.
 */
export const requireLogits = <A extends ArrayLike<number>>(values: A): A => {
  for (let i = 0; i < values.length; i++)
    if (Number.isNaN(values[i]!))
      throw new UserError({
        what: 'the logits are not numbers',
        why: 'somewhere in the model a value became infinite or not a number',
        hint: 'look at the weights and the adapter; with --precision f16 or --weights f16, try f32',
      })
  return values
}
