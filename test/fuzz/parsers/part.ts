import type { FuzzPart } from '../part.js'

/** Mutated files, for every parser that reads what others wrote. */
export const parsers: FuzzPart = {
  name: 'parsers',
  about: 'every parser refuses a damaged file by a message, in bounded time and memory',
  run: async () => ({ tried: 0, findings: [] }),
}
