import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Source } from '../../../compiler/diagnostics/source.js'
import { programs as small } from '../../compiler/types/programs.js'
import { examplesIn } from '../../docs/examples.js'

const root = join(import.meta.dirname, '..', '..', '..')

const filesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(f => f.endsWith('.jola'))
    .sort()
    .map(f => join(folder, f))

const library = new Map(
  filesIn('stdlib').map(f => {
    const name = `std.${relative('stdlib', f)
      .replace(/\.jola$/, '')
      .replaceAll(/[/\\]/g, '.')}`
    return [name, { name: f, text: readFileSync(join(root, f), 'utf8') } as Source]
  }),
)

/** The standard library, for what the programs import. */
export const loadLibrary = (name: string): Source | undefined => library.get(name)

/**
 * Well-typed programs of every kind: the standard library's, the documentation's, the examples' and the
 * tests'.
 */
export const seedPrograms: readonly string[] = [
  ...[...library.values()].map(s => s.text),
  ...filesIn('examples').map(f => readFileSync(join(root, f), 'utf8')),
  ...examplesIn('language.md')
    .filter(e => e.info[0] === 'jola')
    .map(e => e.text),
  ...Object.values(small),
]

/** A generator of numbers below a bound (mulberry32), one sequence for each seed. */
export const chance = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0
  return below => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const tokensOf = (text: string): readonly string[] =>
  text.match(/\s+|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|[A-Za-z_][\w']*|\d[\w.]*|->|[=!<>]=|./gs) ?? []

const isBlank = (token: string): boolean => /^\s|^\/\//.test(token)

/** The places of a bracket and of the one that closes it. */
const bracketed = (tokens: readonly string[], at: number): number => {
  let depth = 0
  for (let i = at; i < tokens.length; i++) {
    if ('([{'.includes(tokens[i]!)) depth++
    if (')]}'.includes(tokens[i]!) && --depth <= 0) return i
  }
  return at
}

/** Tokens that may mostly stand for one another without a change of type. */
const alike: readonly (readonly string[])[] = [
  ['+', '-', '*', '/', '%', '^'],
  ['<', '>', '<=', '>=', '==', '!='],
  ['sum', 'mean', 'prod', 'max', 'min'],
  ['argmax', 'argmin'],
  ['any', 'all'],
  ['and', 'or'],
  ['exp', 'log', 'sqrt', 'rsqrt', 'sin', 'cos', 'tanh', 'abs', 'floor', 'stop', 'sigmoid'],
  ['0', '1', '2', '3', '5', '-1'],
  ['0.0', '0.5', '1.0', '2.0', '1e-6', '(1 / 0.0)'],
  ['N', 'M', 'V', 'T', 'B', 'A'],
  ['i', 'j', 'k', 't', 'a', 'b', 'h', 'd', 'v', 'l'],
]

/**
 * A program with one to three changes: tokens exchanged, left out or put in, and whole bracketed parts
 * exchanged.
 */
export const mutant = (next: (below: number) => number): string => {
  const pick = <A>(from: readonly A[]): A => from[next(from.length)]!
  const text = pick(seedPrograms)
  const tokens = [...tokensOf(text)]
  const words = tokens.filter(t => !isBlank(t))
  const others = tokensOf(pick(seedPrograms)).filter(t => !isBlank(t))
  const places = (): number[] => tokens.flatMap((t, i) => (isBlank(t) ? [] : [i]))
  // One change in most: of several one is likely to be refused.
  for (let n = Math.max(1, next(6) - 2); n > 0; n--) {
    const at = pick(places())
    const open = places().filter(i => '([{'.includes(tokens[i]!))
    const kind = next(12)
    if (kind > 5) {
      const known = places().filter(i => alike.some(words => words.includes(tokens[i]!)))
      if (known.length === 0) continue
      const place = pick(known)
      tokens[place] = pick(alike.find(words => words.includes(tokens[place]!))!)
      continue
    }
    if (kind === 0) tokens[at] = pick(words)
    else if (kind === 1) tokens[at] = pick(others)
    else if (kind === 2) tokens.splice(at, 1)
    else if (kind === 3) tokens.splice(at, 0, pick(words), ' ')
    else if (kind === 4)
      tokens[at] = pick(['N', '0', '1', 'N + 1', 'N - 1', 'i', 'x', '2147483648', 'grad', 'stop', 'key(7)'])
    else if (open.length > 1) {
      const [a, b] = [pick(open), pick(open)]
      const part = tokens.slice(b, bracketed(tokens, b) + 1)
      tokens.splice(a, bracketed(tokens, a) + 1 - a, ...part)
    }
  }
  return tokens.join('')
}
