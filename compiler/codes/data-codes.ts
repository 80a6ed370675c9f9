import { type Entries, entries } from './code-entry.js'

/** E05xx: data and checkpoints that do not fit the program. */
export const data: Entries = entries([])
