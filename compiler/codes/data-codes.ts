import { type CodeEntries, indexEntries } from './code-entry.js'

/** E05xx: data and checkpoints that do not fit the program. */
export const dataCodes: CodeEntries = indexEntries([])
