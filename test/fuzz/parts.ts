import { checker } from './checker/part.js'
import { parsers } from './parsers/part.js'
import type { FuzzPart } from './part.js'
import { programs } from './programs/part.js'

/** The parts of the fuzzing, in the order in which the help lists them. */
export const fuzzParts: readonly FuzzPart[] = [parsers, programs, checker]
