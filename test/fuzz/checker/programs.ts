import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Source } from '../../../compiler/source.js'
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

/** Well-typed programs of every kind: the standard library's, the documentation's, the examples' and the tests'. */
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

/** A program with one to three changes: tokens exchanged, left out or put in, and whole bracketed parts exchanged. */
export const mutant = (next: (below: number) => number): string => {
  const pick = <A>(from: readonly A[]): A => from[next(from.length)]!
  const text = pick(seedPrograms)
  const tokens = [...tokensOf(text)]
  const words = tokens.filter(t => !isBlank(t))
  const others = tokensOf(pick(seedPrograms)).filter(t => !isBlank(t))
  const places = (): number[] => tokens.flatMap((t, i) => (isBlank(t) ? [] : [i]))
  for (let n = 1 + next(3); n > 0; n--) {
    const at = pick(places())
    const open = places().filter(i => '([{'.includes(tokens[i]!))
    const kind = next(6)
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

/** A random function of small tensors, most of which are well typed. */
export const randomProgram = (next: (below: number) => number): string => {
  const pick = <A>(from: readonly A[]): A => from[next(from.length)]!
  let names = 0
  const scalar = (depth: number, indices: readonly string[]): string => {
    if (depth <= 0)
      return indices.length > 0 && next(2) === 0 ? `x[${pick(indices)}]` : pick(['a', '0.5', '2', 'N', '1'])
    const sub = (more: readonly string[] = indices): string => scalar(depth - 1, more)
    const i = `i${names++}`
    const within = [...indices, i]
    switch (next(16)) {
      case 0:
        return `(${sub()} ${pick(['+', '-', '*', '/', '^', '%'])} ${sub()})`
      case 1:
        return `(${pick(['sum', 'mean', 'prod', 'max', 'min'])} ${i}: N -> ${sub(within)})`
      case 2:
        return `(if ${sub()} < ${sub()} then ${sub()} else ${sub()})`
      case 3:
        return `(fold s${i} = ${sub()} for ${i}: N -> s${i} * 0.5 + ${sub(within)})`
      case 4:
        return `(let v${i} = ${sub()} v${i} + ${sub()})`
      case 5:
        return `x[${pick(['argmax', 'argmin'])} ${i}: N -> ${sub(within)}]`
      case 6:
        return `x[max ${i} -> t[${i}]]`
      case 7:
        return `x.at(${pick(['M', 'N', '-1', '0', ...indices])} ${pick(['+ 1', '- 1', ''])}, else: ${sub()})`
      case 8:
        return `grad(v${i} -> v${i} * ${sub()})(${sub()})`
      case 9:
        return `(let f${i} = y${i} -> y${i} + ${sub()} f${i}(${sub()}) * f${i}(2.0))`
      case 10:
        return `${pick(['exp', 'log', 'sqrt', 'sin', 'tanh', 'abs', 'floor', 'stop'])}(${sub()})`
      case 11:
        return `(sum ${i} -> (for j${i}: M, k${i}: N -> ${sub([...indices, `k${i}`])})[${i}, ${pick(['argmax', 'argmin'])} ${i}b: N -> x[${i}b]])`
      case 12:
        return `(let (p${i}, q${i}) = fold (p${i}, q${i}) = (${sub()}, ${sub()}) for ${i}: M -> (q${i}, p${i} + 1) p${i})`
      case 13:
        return `r.${pick(['c', 'c', `b[argmax ${i}: N -> ${sub(within)}]`])}`
      case 14:
        return `(r with { c: ${sub()} }).c`
      default:
        return `total((e${i}) -> e${i} * ${sub()}, x)`
    }
  }
  return `record R { b: f32[N], c: f32 }
fn f(x: f32[N], t: idx[N][M], a: f32, r: R) -> f32 = ${scalar(1 + next(4), [])}
fn g(x: f32[N], t: idx[N][M], a: f32, r: R) -> f32[N] = for i -> ${scalar(1 + next(3), ['i'])}
fn d(x: f32[N], t: idx[N][M], a: f32, r: R) -> f32[N] = grad(y -> f(y, t, a, r))(x)
`
}
