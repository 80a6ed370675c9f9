import * as Either from 'fp-ts/lib/Either.js'
import type { CoreParam, Program } from '../../compiler/core/core.js'
import { type Size, sizeName, sizeNamesIn, substituteSizes } from '../../compiler/core/size.js'
import type { Type } from '../../compiler/core/type.js'
import { inputsOf, instantiateFields } from '../../compiler/specialise/parameters.js'
import {
  type SizeEquation,
  type SizeProblem,
  showProblem,
  solveSizes,
} from '../../compiler/specialise/solve-sizes.js'
import { type ConstantValue, isList } from '../../compiler/specialise/specialise.js'
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'
import type { ConfigReader } from './config-reader.js'
import { showConfigExpr } from './config-values.js'

/** Every record type a type mentions, by itself or in its fields, with the sizes it is used at. */
const recordsIn = (t: Type): readonly Extract<Type, { kind: 'record' }>[] => {
  switch (t.kind) {
    case 'record':
      return [t, ...t.record.fields.flatMap(f => recordsIn(instantiateFields(f.type, t.instance)))]
    case 'array':
      return recordsIn(t.element)
    case 'tuple':
      return t.items.flatMap(recordsIn)
    default:
      return []
  }
}

/** The module that declares a record or a function. */
export const moduleOf = (id: string): string => id.slice(0, id.lastIndexOf('.'))

/** The entries that a type's sizes need and config.json lacks, as their declarations write them. */
export const missingEntries = (program: Program, t: Type, reader: ConfigReader): readonly string[] =>
  recordsIn(t).flatMap(({ record }) =>
    [...(program.modules.get(moduleOf(record.id))?.sizes.values() ?? [])].flatMap(({ from }) =>
      from === undefined || typeof reader.value(from, 'size') === 'number' ? [] : [showConfigExpr(from)],
    ),
  )

/**
 * Equations for the sizes of a type from config.json: from the `from` of the sizes' declarations, and from
 * the lengths of lists.
 */
export const configEquations = (
  program: Program,
  t: Type,
  reader: ConfigReader,
  constants: ReadonlyMap<string, ConstantValue>,
): readonly SizeEquation[] =>
  recordsIn(t).flatMap(({ record, instance }) => {
    const module = moduleOf(record.id)
    const at = (p: Size): Size => substituteSizes(p, n => instance.sizes.get(n))
    const lengths = [...program.consts.values()].flatMap(({ id, type, from }) => {
      const value = constants.get(id)
      if (moduleOf(id) !== module || type.kind !== 'tensor' || !isList(value)) return []
      const source = `the length of ${from ? showConfigExpr(from) : id} in config.json`
      return [{ size: at(type.dims[0]!), value: value.length, source }]
    })
    const sizes = [...(program.modules.get(module)?.sizes.values() ?? [])].flatMap(decl => {
      if (decl.from === undefined) return []
      const value = reader.value(decl.from, 'size')
      if (typeof value !== 'number') return []
      const size = at(decl.definition ?? sizeName(decl.name))
      return [{ size, value, source: `${showConfigExpr(decl.from)} in config.json` }]
    })
    return [...sizes, ...lengths]
  })

/**
 * The equation that a recipe's `V` is the vocabulary, if no other equation mentions `V`: a recipe without a
 * model's weights learns a table with a row for each token.
 */
export const vocabularyEquations = (
  equations: readonly SizeEquation[],
  {
    config,
    tokenizer,
  }: { readonly config: JsonObject; readonly tokenizer: { readonly size: number } | undefined },
): readonly SizeEquation[] => {
  const { vocab_size } = config
  const value = typeof vocab_size === 'number' ? vocab_size : tokenizer?.size
  if (value === undefined || equations.some(q => sizeNamesIn(q.size).includes('V'))) return []
  return [{ size: sizeName('V'), value, source: 'the vocabulary' }]
}

/**
 * Equations for sizes from the shapes of given tensors. A tensor with another number of axes gives none;
 * binding refuses it later.
 */
export const shapeEquations = (
  params: readonly CoreParam[],
  shapes: ReadonlyMap<string, readonly number[]>,
): readonly SizeEquation[] =>
  params.flatMap(p =>
    inputsOf(p.name, p.type).flatMap(spec => {
      const shape = shapes.get(spec.name)
      if (shape === undefined || shape.length !== spec.dims.length) return []
      return spec.dims.map((size, i) => ({
        size,
        value: shape[i]!,
        source: `axis ${i + 1} of \`${spec.name}\``,
      }))
    }),
  )

/** Advice about an unknown size that only a model can determine. */
export const declareSize =
  'declare where its value comes from in config.json, as in size E from "hidden_size"'

const largestIndex = 2 ** 31 - 1

/**
 * Solves for the sizes. Throws a `UserError` that lists every conflict and every undetermined or too large
 * size.
 */
export const sizesOf = (
  wanted: readonly string[],
  equations: readonly SizeEquation[],
  hint = 'give the tensors whose shapes tell it, a model by --model, or the size by --size NAME=N',
): ReadonlyMap<string, number> => {
  const solved = solveSizes(wanted, equations)
  if (Either.isRight(solved)) {
    const large = [...solved.right].filter(([, n]) => n > largestIndex)
    if (large.length === 0) return solved.right
    throw new UserError({
      what: 'a size is too large',
      why:
        `${large.map(([name, n]) => `${name} is ${n}`).join(', ')}, and an index counts to ` +
        `${largestIndex}`,
      hint: 'take smaller tensors, batches or models',
    })
  }
  const problems: readonly SizeProblem[] = solved.left
  throw new UserError({
    what: problems.some(p => p.kind === 'conflict') ? 'the sizes do not agree' : 'a size is unknown',
    why: problems.map(showProblem).join('; '),
    hint,
  })
}
