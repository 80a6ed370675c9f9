import type { CodeEntries } from './code-entry.js'
import { recipeCodes } from './recipe-codes.js'
import { sizeCodes } from './size-codes.js'
import { valueCodes } from './value-codes.js'

/** E03xx: types and sizes that disagree. */
export const typeCodes: CodeEntries = { ...sizeCodes, ...valueCodes, ...recipeCodes }
