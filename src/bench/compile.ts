import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Either from 'fp-ts/lib/Either.js'
import type { Artifact, DeviceTraits, Packing } from '../../compiler/artifact.js'
import type { CompileOptions } from '../../compiler/backend/compile.js'
import { checkProgram } from '../../compiler/check/check.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { lower, packInputs } from '../../compiler/pipeline.js'
import { specialiseFn } from '../../compiler/specialise/specialise.js'
import { ProgramError } from '../errors/program-error.js'
import { stdlibFolder } from '../files/stdlib-folder.js'

/** The packings of inputs, by name; inputs without an entry are not packed. */
export type Packed = Readonly<Record<string, Packing>>

/** A program in the language whose function `bench` is measured. */
export interface BenchProgram {
  readonly text: string
  readonly sizes: Readonly<Record<string, number>>
  /** Its name in messages. */
  readonly name: string
  /** The packings of inputs; none are packed by default. */
  readonly packed?: Packed | undefined
}

/**
 * The graph of a program's function `bench`. The program may import the standard library. Throws a
 * {@link ProgramError} if the program is wrong.
 */
export const graphOfText = ({ text, sizes, name, packed = {} }: BenchProgram): Graph => {
  const checked = checkProgram(['bench'], module => {
    if (module === 'bench') return { name: 'bench.jola', text }
    const file = `${join(stdlibFolder, ...module.split('.').slice(1))}.jola`
    return existsSync(file) ? { name: module, text: readFileSync(file, 'utf8') } : undefined
  })
  if (Either.isLeft(checked)) throw new ProgramError(checked.left)
  const program = checked.right
  const fn = program.fns.get('bench.bench')
  if (fn === undefined) throw new Error(`the program of ${name} has no function bench`)
  const graph = specialiseFn(program, fn, { sizes: new Map(Object.entries(sizes)) })
  return packInputs(graph, input => packed[input])
}

/** {@link graphOfText}, through the whole compiler. */
export const compileText = (
  program: BenchProgram,
  traits: DeviceTraits,
  options: Omit<CompileOptions, 'name'> = {},
): Artifact => lower(graphOfText(program), traits, { ...options, name: program.name })
