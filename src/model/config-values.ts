import type { Program } from '../../compiler/core/core.js'
import type { ConfigExpr } from '../../compiler/syntax/ast.js'
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

/** The module constants that a model's configuration sets. */
export const configuredConstants = (
  program: Program,
  config: JsonObject,
): ReadonlyMap<string, number | boolean> =>
  new Map(
    [...program.consts.values()].flatMap(c => {
      const value = c.from === undefined ? undefined : configValue(c.from, config)
      return value === undefined ? [] : [[c.id, value] as const]
    }),
  )
