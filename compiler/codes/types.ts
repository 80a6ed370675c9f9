import { type Entries, entries } from './entry.js'

/** E03xx: types and sizes that disagree. */
export const types: Entries = entries([])
