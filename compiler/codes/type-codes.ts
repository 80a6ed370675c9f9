import type { Entries } from './code-entry.js'
import { recipes } from './recipe-codes.js'
import { sizes } from './size-codes.js'
import { values } from './value-codes.js'

/** E03xx: types and sizes that disagree. */
export const types: Entries = { ...sizes, ...values, ...recipes }
