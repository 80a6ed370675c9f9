import type { Program } from '../../compiler/core/core.js'
import { isJsonObject, type JsonObject } from '../json/json-values.js'
import { type ConfigProblem, type ConfigReader, entryAt, pathsOf, shown } from './config-reader.js'
import { familyNeeds, harmlessEntries, neededFor } from './harmless.js'

/** The paths of a configuration that hold a value: of nested objects those inside. */
const leaves = (config: JsonObject, prefix = ''): readonly string[] =>
  Object.entries(config).flatMap(([key, value]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    return isJsonObject(value) && Object.keys(value).length > 0 ? leaves(value, path) : [path]
  })

/** A path and those of the objects around it, the outermost first. */
const around = (path: string): readonly string[] => {
  const parts = path.split('.')
  return parts.map((_, i) => parts.slice(0, i + 1).join('.'))
}

/** Whether a program says by a constant of which families it is. */
export const namesFamilies = (program: Program): boolean =>
  [...program.consts.values()].some(c => c.from !== undefined && pathsOf(c.from).includes('model_type'))

/**
 * The entries of a configuration that might change numbers and that nothing has read: neither a constant or
 * size of the program, nor known to be harmless. Of a nested object that nothing reads at all only its own
 * name.
 */
export const unreadEntries = ({ config, read }: ConfigReader): readonly ConfigProblem[] => {
  const family = typeof config.model_type === 'string' ? `of the family ${config.model_type} ` : ''
  const outer = new Set([...read].flatMap(p => around(p).slice(0, -1)))
  const unread = leaves(config).flatMap(path => {
    const value = entryAt(config, path)
    const names = around(path)
    const harmless = names.some(n => harmlessEntries.get(n)?.(entryAt(config, n), config) === true)
    if (value === null || value === undefined || read.has(path) || harmless) return []
    return [names.find(n => !outer.has(n)) ?? path]
  })
  return [...new Set(unread)].map(name => {
    const last = name.slice(name.lastIndexOf('.') + 1)
    const need = neededFor.get(name) ?? neededFor.get(last)
    const what = need === undefined ? '' : `; it would need ${need}`
    return {
      names: [name],
      why: `it is ${shown(entryAt(config, name))}, and the program computes nothing ${family}from it${what}`,
    }
  })
}

/** What an unknown family would need, put behind the reason that it is refused. */
export const withNeeds = (problem: ConfigProblem, config: JsonObject): ConfigProblem => {
  const need =
    problem.names.includes('model_type') && typeof config.model_type === 'string'
      ? familyNeeds.get(config.model_type)
      : undefined
  return need === undefined ? problem : { ...problem, why: `${problem.why}; it would need ${need}` }
}
