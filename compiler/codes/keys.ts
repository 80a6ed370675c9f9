import { type Entries, entries } from './entry.js'

/** E04xx: keys used twice or not at all. */
export const keys: Entries = entries([])
