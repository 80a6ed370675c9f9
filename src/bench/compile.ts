import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Either from 'fp-ts/lib/Either.js'
import type { Artifact, DeviceTraits, Packing } from '../../compiler/artifact.js'
import type { CompileOptions } from '../../compiler/backend/compile.js'
import { checkProgram } from '../../compiler/check/check.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { lower, packInputs } from '../../compiler/pipeline.js'
import { specialiseFn } from '../../compiler/specialise/specialise.js'
import { ProgramError, stdlibFolder } from '../folders/load-program.js'

/** How inputs are stored, by name; those that are missing as plain numbers. */
export type Packed = Readonly<Record<string, Packing>>

/**
 * The function `bench` of a program's text for these sizes, its inputs stored as `packed` says. The standard library may be imported. Throws a
 * {@link ProgramError} if the program is wrong.
 */
export const graphOfText = (
  text: string,
  sizes: Readonly<Record<string, number>>,
  name: string,
  packed: Packed = {},
): Graph => {
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

/** The same through the whole compiler. */
export const compileText = (
  text: string,
  sizes: Readonly<Record<string, number>>,
  traits: DeviceTraits,
  name: string,
  { packed, ...options }: Omit<CompileOptions, 'name'> & { readonly packed?: Packed | undefined } = {},
): Artifact => lower(graphOfText(text, sizes, name, packed), traits, { ...options, name })
