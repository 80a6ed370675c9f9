import type { CodeEntries } from './codes/code-entry.js'
import { keyCodes } from './codes/key-codes.js'
import { nameCodes } from './codes/name-codes.js'
import { syntaxCodes } from './codes/syntax-codes.js'
import { typeCodes } from './codes/type-codes.js'
import { warningCodes } from './codes/warning-codes.js'

export type { CodeEntry } from './codes/code-entry.js'

/** Every diagnostic there is, by its code. */
export const codes: CodeEntries = {
  ...syntaxCodes,
  ...nameCodes,
  ...typeCodes,
  ...keyCodes,
  ...warningCodes,
}
