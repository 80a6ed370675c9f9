import { expect } from 'vitest'
import { UserError } from '../../src/errors/user-error.js'

/** The `UserError` that a promise or function ends with; anything else fails the test. */
export const userError = async (action: Promise<unknown> | (() => unknown)): Promise<UserError> => {
  try {
    await (typeof action === 'function' ? action() : action)
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    if (error instanceof UserError) return error
  }
  throw new Error('no error was thrown')
}
