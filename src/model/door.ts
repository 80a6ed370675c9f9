import type { Program } from '../../compiler/core/core.js'
import { isJsonObject, type JsonObject } from '../json/json-values.js'
import { type ConfigProblem, type ConfigReader, entryAt, pathsOf, shown } from './config-reader.js'
import { familyNeeds, harmlessEntries, neededFor } from './harmless.js'

/** The paths of a configuration that hold a value; for nested objects the paths inside. */
const leaves = (config: JsonObject, prefix = ''): readonly string[] =>
  Object.entries(config).flatMap(([key, value]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`
    return isJsonObject(value) && Object.keys(value).length > 0 ? leaves(value, path) : [path]
  })

/** A path and the paths of its enclosing objects, the outermost first. */
const around = (path: string): readonly string[] => {
  const parts = path.split('.')
  return parts.map((_, i) => parts.slice(0, i + 1).join('.'))
}

/** Whether a program names its families by a constant. */
export const namesFamilies = (program: Program): boolean =>
  [...program.consts.values()].some(c => c.from !== undefined && pathsOf(c.from).includes('model_type'))

/**
 * The entries of a configuration that might change numbers: no constant or size of the program reads them,
 * and they are not known to be harmless. A nested object of which nothing is read is listed by its own name
 * only.
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

/** Adds the computation that an unknown family would need to the reason of its refusal. */
export const withNeeds = (problem: ConfigProblem, config: JsonObject): ConfigProblem => {
  const need =
    problem.names.includes('model_type') && typeof config.model_type === 'string'
      ? familyNeeds.get(config.model_type)
      : undefined
  return need === undefined ? problem : { ...problem, why: `${problem.why}; it would need ${need}` }
}
