import { type Entries, entries } from './entry.js'

/** E02xx: names that are unknown, ambiguous or declared twice. */
export const names: Entries = entries([])
