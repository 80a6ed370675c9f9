import * as E from 'fp-ts/lib/Either.js'
import {
  asConstantSize,
  type Size,
  sizeConstant,
  sizeNamesIn,
  sizeText,
  substituteSizes,
} from '../core/size.js'

/**
 * That a size has a value, and how that is known: ``axis 2 of `w.layers.wq` ``, `hidden_size in
 * config.json`.
 */
export interface SizeEquation {
  readonly size: Size
  readonly value: number
  readonly source: string
}

/** Two sources that disagree, or a size that nothing tells. */
export type SizeProblem =
  | { readonly kind: 'conflict'; readonly equation: SizeEquation; readonly known: string }
  | { readonly kind: 'unknown'; readonly name: string }

/**
 * The values of `wanted` that satisfy the equations. Equations are used as soon as one name is left unknown
 * in them, so `H = K * G` gives G from H and K. All conflicts are reported, then the names left unknown.
 */
export const solveSizes = (
  wanted: readonly string[],
  equations: readonly SizeEquation[],
): E.Either<readonly SizeProblem[], ReadonlyMap<string, number>> => {
  const known = new Map<string, number>()
  const because = new Map<string, string>()
  const problems: SizeProblem[] = []
  let open = [...equations]
  for (let progress = true; progress; ) {
    progress = false
    const later: SizeEquation[] = []
    for (const q of open) {
      const rest = substituteSizes(q.size, n => (known.has(n) ? sizeConstant(known.get(n)!) : undefined))
      const value = asConstantSize(rest)
      if (value !== undefined) {
        if (value !== q.value)
          problems.push({ kind: 'conflict', equation: q, known: reason(q.size, known, because) })
        progress = true
        continue
      }
      const solution = solveOne(rest, q.value)
      if (solution === undefined) later.push(q)
      else if (solution === 'none') {
        problems.push({ kind: 'conflict', equation: q, known: reason(q.size, known, because) })
        progress = true
      } else {
        known.set(solution.name, solution.value)
        because.set(solution.name, q.source)
        progress = true
      }
    }
    open = later
  }
  for (const name of wanted) if (!known.has(name)) problems.push({ kind: 'unknown', name })
  return problems.length > 0 ? E.left(problems) : E.right(known)
}

/** The one unknown of a linear equation; 'none' when no natural number solves it. */
const solveOne = (p: Size, value: number): { name: string; value: number } | 'none' | undefined => {
  const names = sizeNamesIn(p)
  if (names.length !== 1 || [...p.terms.keys()].some(m => m.includes('*'))) return undefined
  const name = names[0]!
  const solution = (value - (p.terms.get('') ?? 0)) / p.terms.get(name)!
  return Number.isInteger(solution) && solution >= 0 ? { name, value: solution } : 'none'
}

const reason = (p: Size, known: ReadonlyMap<string, number>, because: ReadonlyMap<string, string>): string =>
  sizeNamesIn(p)
    .filter(n => known.has(n))
    .map(n => `${n} is ${known.get(n)} (${because.get(n)})`)
    .join(', ')

/** A problem in words. */
export const showProblem = (p: SizeProblem): string => {
  if (p.kind === 'unknown') return `nothing tells the size ${p.name}`
  const { size, value, source } = p.equation
  const because = p.known === '' ? '' : `, and ${p.known}`
  return `${source} is ${value}, but it must be ${sizeText(size)}${because}`
}
