import type { Entries } from './codes/code-entry.js'
import { data } from './codes/data-codes.js'
import { keys } from './codes/key-codes.js'
import { names } from './codes/name-codes.js'
import { syntax } from './codes/syntax-codes.js'
import { types } from './codes/type-codes.js'

export type { CodeEntry } from './codes/code-entry.js'

/** Every diagnostic there is, by its code. */
export const codes: Entries = { ...syntax, ...names, ...types, ...keys, ...data }
