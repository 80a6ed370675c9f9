import type { Program } from '../../compiler/core/core.js'
import type { GivenValue } from '../../compiler/specialise/specialise.js'
import type { ConfigExpr } from '../../compiler/syntax/ast.js'
import { UserError } from '../errors.js'
import type { JsonObject } from '../json.js'
import { isJsonObject } from '../json.js'

/** An entry of config.json by its dotted path; `null` counts as missing. */
const entryOf = (config: JsonObject, path: string): unknown => {
  const value = path.split('.').reduce<unknown>((at, key) => (isJsonObject(at) ? at[key] : undefined), config)
  return value === null ? undefined : value
}

/** What a `from` says, with a model's config.json; undefined when an entry it needs is missing. */
export const configValue = (e: ConfigExpr, config: JsonObject): number | boolean | undefined => {
  switch (e.kind) {
    case 'number':
      return e.value
    case 'entry': {
      const value = entryOf(config, e.path)
      return typeof value === 'number' || typeof value === 'boolean' ? value : undefined
    }
    case 'is':
      return e.left.kind === 'entry' && entryOf(config, e.left.path) === e.text
    case 'else':
      return configValue(e.left, config) ?? configValue(e.right, config)
    case 'binary': {
      const [a, b] = [configValue(e.left, config), configValue(e.right, config)]
      if (typeof a !== 'number' || typeof b !== 'number') return undefined
      return { '+': a + b, '-': a - b, '*': a * b, '/': a / b }[e.op]
    }
  }
}

/** An expression as it is written, for messages. */
export const showConfigExpr = (e: ConfigExpr): string => {
  switch (e.kind) {
    case 'number':
      return `${e.value}`
    case 'entry':
      return `"${e.path}"`
    case 'is':
      return `${showConfigExpr(e.left)} is "${e.text}"`
    case 'else':
      return `${showConfigExpr(e.left)} else ${showConfigExpr(e.right)}`
    case 'binary':
      return `${showConfigExpr(e.left)} ${e.op} ${showConfigExpr(e.right)}`
  }
}

/** The first of the entries of an `a else b` that is there. */
const presentEntry = (
  e: ConfigExpr,
  config: JsonObject,
): { readonly path: string; readonly value: unknown } | undefined => {
  if (e.kind === 'else') return presentEntry(e.left, config) ?? presentEntry(e.right, config)
  if (e.kind !== 'entry') return undefined
  const value = entryOf(config, e.path)
  return value === undefined ? undefined : { path: e.path, value }
}

/**
 * The module constants that a model's configuration sets. Throws a `UserError`, with every such entry, when the
 * configuration asks for something that is not among a constant's choices. `file` is the configuration's, for the message.
 */
export const configuredConstants = (
  program: Program,
  config: JsonObject,
  file: string,
): ReadonlyMap<string, GivenValue> => {
  const values = new Map<string, GivenValue>()
  const refused: { readonly path: string; readonly why: string }[] = []
  for (const { id, type, from } of program.consts.values()) {
    if (from === undefined) continue
    if (type.kind !== 'choice') {
      const value = configValue(from, config)
      if (value !== undefined) values.set(id, value)
      continue
    }
    const entry = presentEntry(from, config)
    if (entry === undefined) continue
    const { path, value } = entry
    if (typeof value === 'string' && type.names.includes(value)) values.set(id, value)
    else
      refused.push({ path, why: `it is ${JSON.stringify(value)}, and ${id} knows ${type.names.join(', ')}` })
  }
  if (refused.length === 0) return values
  throw new UserError({
    what: `the model's configuration asks for something that the program does not know`,
    where: `${file}, ${refused.map(r => `"${r.path}"`).join(' and ')}`,
    why: refused.map(r => (refused.length > 1 ? `"${r.path}": ${r.why}` : r.why)).join('; '),
    hint: 'take another model, or a program that computes what this one asks for',
  })
}
