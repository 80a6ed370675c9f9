import type { Entries } from './entry.js'
import { recipes } from './recipes.js'
import { sizes } from './sizes.js'
import { values } from './values.js'

/** E03xx: types and sizes that disagree. */
export const types: Entries = { ...sizes, ...values, ...recipes }
