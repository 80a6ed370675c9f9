import { isList } from '../../compiler/specialise/specialise.js'
import type { ConfigExpr } from '../../compiler/syntax/ast.js'
import { isJsonObject, type JsonObject } from '../json/json-values.js'
import { mayBeNull } from './harmless.js'

/** The type that an expression must have; `size` is a whole number of at least 1. */
export type Wanted =
  | 'f32'
  | 'i32'
  | 'bool'
  | 'size'
  | { readonly words: readonly string[]; readonly owner: string }

/** A problem with entries of a configuration: their names, and the reason in words. */
export interface ConfigProblem {
  readonly names: readonly string[]
  readonly why: string
}

/** A value of a configuration as an expression finds it: undefined, or a JSON value. */
type Found = { readonly path: string; readonly value: unknown }

export type ConfigValue = number | boolean | string | readonly (number | boolean)[]

const largest = 2 ** 31 - 1

/** The value at a dotted path; undefined where there is none. */
export const entryAt = (config: JsonObject, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((at, key) => (isJsonObject(at) && Object.hasOwn(at, key) ? at[key] : undefined), config)

/** The paths that an expression names. */
export const pathsOf = (e: ConfigExpr): readonly string[] =>
  e.kind === 'entry'
    ? [e.path]
    : e.kind === 'number' || e.kind === 'refuse'
      ? []
      : 'right' in e
        ? [...pathsOf(e.left), ...pathsOf(e.right)]
        : pathsOf(e.left)

/** Text of a value for a message, cut where it is long. */
export const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? `${value}`
  return text.length > 80 ? `${text.slice(0, 76)} …` : text
}

/**
 * Reads a model's configuration by the `from` clauses of a program. It checks the type and range of each
 * entry, and records the paths that were read and the problems. An entry that is `null` counts as missing
 * where it is a list, where another expression follows by `else`, or where `mayBeNull` has its name.
 */
export class ConfigReader {
  /** The paths that were read. */
  readonly read = new Set<string>()
  readonly problems: ConfigProblem[] = []

  /** `ignored`: paths that count as missing. */
  constructor(
    readonly config: JsonObject,
    readonly ignored: ReadonlySet<string> = new Set(),
  ) {}

  /**
   * The value of an expression, or, with `list`, the values of an entry that is a list; undefined if an entry
   * that it needs is missing or wrong.
   */
  value(e: ConfigExpr, wanted: Wanted, list = false): ConfigValue | undefined {
    const value = this.#value(e, wanted, list)
    const beyond =
      wanted === 'f32' ? [value].flat().find(x => !Number.isFinite(Math.fround(Number(x ?? 0)))) : undefined
    if (beyond !== undefined)
      return this.refuse(e, `it is ${beyond}, and an f32 is a number of at most 3.4e38`)
    if (wanted !== 'size' || value === undefined) return value
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= largest) return value
    return this.refuse(e, `it is ${shown(value)}, and a size is a whole number from 1 to ${largest}`)
  }

  refuse(e: ConfigExpr, why: string): undefined {
    const present = pathsOf(e).filter(p => entryAt(this.config, p) !== undefined)
    this.note({ names: present.length > 0 ? present : pathsOf(e), why })
    return undefined
  }

  note(problem: ConfigProblem): void {
    const same = this.problems.some(
      p => p.why === problem.why && p.names.join('\n') === problem.names.join('\n'),
    )
    if (!same) this.problems.push(problem)
  }

  /** The value at the names of an entry. If the names of an `or` have different values, that is a problem. */
  #found(e: ConfigExpr): Found | undefined {
    if (e.kind === 'entry') {
      this.read.add(e.path)
      const value = this.ignored.has(e.path) ? undefined : entryAt(this.config, e.path)
      return value === undefined ? undefined : { path: e.path, value }
    }
    if (e.kind !== 'or') return undefined
    const [a, b] = [this.#found(e.left), this.#found(e.right)]
    if (a === undefined || b === undefined || b.value === null) return a ?? b
    if (a.value === null || JSON.stringify(a.value) === JSON.stringify(b.value)) return b
    this.note({
      names: [a.path, b.path],
      why: `they contradict each other: ${shown(a.value)} and ${shown(b.value)}`,
    })
    return undefined
  }

  /** `nullable`: `null` counts as missing, whatever the entry. */
  #value(e: ConfigExpr, wanted: Wanted, list: boolean, nullable = list): ConfigValue | undefined {
    switch (e.kind) {
      case 'number':
        return e.value
      case 'refuse':
        return undefined
      case 'entry':
      case 'or': {
        const found = this.#found(e)
        if (found === undefined) return undefined
        if (found.value === null && (nullable || mayBeNull(found.path))) return undefined
        return this.#typed(e, found, wanted, list)
      }
      case 'is':
        return this.#word(e, list)
      case 'floor': {
        const value = this.#value(e.left, 'f32', false)
        return typeof value === 'number' ? Math.floor(value) : undefined
      }
      case 'bound':
        return this.#bounded(e, wanted, list, nullable)
      case 'else': {
        // Both branches are read, so that the entries of the other one count as known.
        for (const path of pathsOf(e.right)) this.read.add(path)
        const before = this.problems.length
        const left = this.#value(e.left, wanted, list, list || e.right.kind !== 'refuse')
        if (left !== undefined || this.problems.length > before) return left
        if (e.right.kind !== 'refuse') return this.#value(e.right, wanted, list)
        return this.refuse(e.left, 'it is missing, and has no default')
      }
      case 'binary': {
        const [a, b] = [this.#value(e.left, 'f32', false), this.#value(e.right, 'f32', false)]
        if (typeof a !== 'number' || typeof b !== 'number') return undefined
        return { '+': a + b, '-': a - b, '*': a * b, '/': a / b }[e.op]
      }
    }
  }

  #typed(e: ConfigExpr, { value }: Found, wanted: Wanted, list: boolean): ConfigValue | undefined {
    if (typeof wanted === 'object') {
      if (typeof value === 'string' && wanted.words.includes(value)) return value
      return this.refuse(e, `it is ${shown(value)}, and ${wanted.owner} knows ${wanted.words.join(', ')}`)
    }
    const one = (x: unknown): x is number | boolean =>
      wanted === 'bool'
        ? typeof x === 'boolean' || (list && (x === 0 || x === 1))
        : typeof x === 'number' && Number.isFinite(x) && (wanted !== 'i32' || isI32(x))
    const name = { bool: 'true or false', f32: 'a number', size: 'a number', i32: 'a whole number' }[wanted]
    if (!list) return one(value) ? value : this.refuse(e, `it is ${shown(value)}, and ${name} belongs there`)
    if (isJsonList(value) && value.every(one)) return value
    return this.refuse(e, `it is ${shown(value)}, and a list belongs there, of ${name} for each layer`)
  }

  #word(e: Extract<ConfigExpr, { kind: 'is' }>, list: boolean): ConfigValue | undefined {
    const found = this.#found(e.left)
    if (found === undefined) return undefined
    if (e.text === null) return found.value === null
    if (found.value === null && (list || mayBeNull(found.path))) return undefined
    const known = [e.text, ...e.not]
    if (list && !isJsonList(found.value))
      return this.refuse(e.left, `it is ${shown(found.value)}, and a list of words belongs there`)
    const words: readonly unknown[] = list && isJsonList(found.value) ? found.value : [found.value]
    const strange = words.find(w => typeof w !== 'string' || !known.includes(w))
    if (strange !== undefined)
      return this.refuse(e.left, `it says ${shown(strange)}, and the program knows ${known.join(', ')}`)
    return list ? words.map(w => w === e.text) : words[0] === e.text
  }

  #bounded(
    e: Extract<ConfigExpr, { kind: 'bound' }>,
    wanted: Wanted,
    list: boolean,
    nullable: boolean,
  ): ConfigValue | undefined {
    const value = this.#value(e.left, wanted, list, nullable)
    if (value === undefined || typeof value === 'string') return value
    const inside = (x: number | boolean): boolean =>
      e.op === '>' ? Number(x) > e.least : Number(x) >= e.least
    if ((isList(value) ? value : [value]).every(inside)) return value
    const least = e.op === '>' ? `above ${e.least}` : `at least ${e.least}`
    return this.refuse(e.left, `it is ${shown(value)}, and a number ${least} belongs there`)
  }
}

const isJsonList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

const isI32 = (x: number): boolean => Number.isInteger(x) && Math.abs(x) <= largest
