import type { Program } from '../../compiler/core/core.js'
import type { Type } from '../../compiler/core/type.js'
import { type ConstantValue, constantValue } from '../../compiler/specialise/specialise.js'
import type { ConfigExpr } from '../../compiler/syntax/ast.js'
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'
import { type ConfigProblem, ConfigReader, type Wanted } from './config-reader.js'

/** An expression as it is written, for messages. */
export const showConfigExpr = (e: ConfigExpr): string => {
  switch (e.kind) {
    case 'number':
      return `${e.value}`
    case 'refuse':
      return 'refuse'
    case 'entry':
      return `"${e.path}"`
    case 'floor':
      return `floor(${showConfigExpr(e.left)})`
    case 'is':
      return `${showConfigExpr(e.left)} is ${e.text === null ? 'null' : `"${e.text}"`}`
    case 'bound':
      return showConfigExpr(e.left)
    case 'or':
    case 'else':
      return e.right.kind === 'refuse'
        ? showConfigExpr(e.left)
        : `${showConfigExpr(e.left)} ${e.kind} ${showConfigExpr(e.right)}`
    case 'binary':
      return `${showConfigExpr(e.left)} ${e.op} ${showConfigExpr(e.right)}`
  }
}

const wantedOf = (id: string, type: Type): Wanted => {
  if (type.kind === 'choice') return { words: type.names, owner: id }
  const scalar = type.kind === 'tensor' ? type.element : type
  return scalar.kind === 'scalar' && scalar.dtype !== 'u32' ? scalar.dtype : 'f32'
}

/** The module constants that a configuration sets. The reader collects the problems of their entries. */
export const readConstants = (program: Program, reader: ConfigReader): ReadonlyMap<string, ConstantValue> => {
  const values = new Map<string, ConstantValue>()
  // A constant comes after the constants that it uses and those in its condition.
  for (const { id, type, from, when } of program.consts.values()) {
    if (from === undefined) continue
    if (when !== undefined && constantValue(program, when, values) !== 1) continue
    const value = reader.value(from, wantedOf(id, type), type.kind === 'tensor')
    if (value !== undefined) values.set(id, value)
  }
  return values
}

/** The error about entries of a configuration; `file` is the configuration's. */
export const configError = (problems: readonly ConfigProblem[], file: string): UserError => {
  const names = [...new Set(problems.flatMap(p => p.names))]
  const about = (p: ConfigProblem): string =>
    names.length > 1 ? `${p.names.map(n => `"${n}"`).join(' and ')}: ${p.why}` : p.why
  const whys = problems.map(about)
  const quoted = names.slice(0, 4).map(n => `"${n}"`)
  const more = names.length > 4 ? [`${names.length - 4} more`] : []
  return new UserError({
    what: `the model's configuration asks for something that the program does not know`,
    where: `${file}, ${[...quoted, ...more].join(' and ')}`,
    why: whys.length > 3 ? `${whys.length} entries:\n  - ${whys.join('\n  - ')}` : whys.join('; '),
    hint:
      'take another model, or a program that computes what this one asks for; --allow ' +
      `${names[0]} goes on as if ${names.length > 1 ? 'an entry were' : 'the entry were'} ` +
      'not there, whatever comes out',
  })
}

/**
 * The module constants that a model's configuration sets. Throws a `UserError` with every entry that is of
 * another type, out of range, or asks for something that is not among a constant's choices. `file` is the
 * configuration's, for the message.
 */
export const configuredConstants = (
  program: Program,
  config: JsonObject,
  file: string,
): ReadonlyMap<string, ConstantValue> => {
  const reader = new ConfigReader(config)
  const values = readConstants(program, reader)
  if (reader.problems.length > 0) throw configError(reader.problems, file)
  return values
}
