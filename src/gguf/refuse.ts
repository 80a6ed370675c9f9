import { UserError } from '../errors/user-error.js'

/** Refuses a file that is damaged. Throws a `UserError`. */
export const refuseFile = (file: string, what: string, why: string): never => {
  throw new UserError({
    what,
    where: file,
    why,
    hint: 'the file is damaged or cut off: fetch or write it again',
  })
}
