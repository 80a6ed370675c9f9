import { data } from './codes/data.js'
import type { Entries } from './codes/entry.js'
import { keys } from './codes/keys.js'
import { names } from './codes/names.js'
import { syntax } from './codes/syntax.js'
import { types } from './codes/types.js'

export type { CodeEntry } from './codes/entry.js'

/** Every diagnostic there is, by its code. */
export const codes: Entries = { ...syntax, ...names, ...types, ...keys, ...data }
