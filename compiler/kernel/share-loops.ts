import { sameIndex } from '../affine/affine-of.js'
import { index, type ReadExpr, readsOf, substituteAxes } from '../ir/expr.js'
import { deepInterner } from '../ir/intern.js'
import type { Axis, ComputeNode, Expr } from '../ir/ir.js'
import { equalExtents } from '../ir/open-extent.js'
import { localOf } from './context.js'

/** What a phase of a kernel over rows must say to share a loop. */
interface LoopPhase {
  readonly node: ComputeNode
  readonly inner: readonly Axis[]
  readonly value: Expr
  /** Whether it runs in the loop of the phase before it. */
  readonly follows: boolean
}

/**
 * The most loads of a shared loop for one row. More would fill a processor's cache of instructions, or a
 * GPU's registers.
 */
const mostLoads = 6

/** The reads of some values that differ in what they load: from memory, or of a vector that lanes keep. */
export const distinctReads = (values: readonly Expr[]): readonly ReadExpr[] => {
  const found: ReadExpr[] = []
  const intern = deepInterner()
  const same = (a: ReadExpr, b: ReadExpr): boolean =>
    a === b || (a.node === b.node && a.at.length > 0 && sameIndex(a.at[0]!, b.at[0]!))
  for (const r of values.flatMap(v => readsOf(intern(v)))) if (!found.some(x => same(x, r))) found.push(r)
  return found
}

const sameSpace = (a: readonly Axis[], b: readonly Axis[]): boolean =>
  a.length === b.length && a.every((x, i) => equalExtents(x, b[i]!))

/** A phase over the inner axes of another. */
const renamed = <P extends LoopPhase>(p: P, inner: readonly Axis[]): P => ({
  ...p,
  inner,
  value: substituteAxes(p.value, new Map(p.inner.map((a, i) => [a.id, index(inner[i]!)]))),
})

/**
 * Lets reductions over the same inner axes that read something in common run in one loop. Such a reduction
 * moves behind the one that it shares the loop with, where it reads no result of a phase between. An example
 * is a vector that is multiplied by several matrices: its elements are loaded once for all of them.
 */
export const shareLoops = <P extends LoopPhase>(
  phases: readonly P[],
  mayShare: (p: P) => boolean,
): readonly P[] => {
  const out: P[] = []
  for (const p of phases) {
    const place = mayShare(p) ? placeFor(p, out, mayShare) : undefined
    if (place === undefined) out.push(p)
    else out.splice(place.end, 0, { ...renamed(p, out[place.first]!.inner), follows: true })
  }
  return out
}

/** The phases `first` to `end - 1` whose loop a phase can run in. */
const placeFor = <P extends LoopPhase>(
  p: P,
  before: readonly P[],
  mayShare: (p: P) => boolean,
): { readonly first: number; readonly end: number } | undefined => {
  const needed = new Set(readsOf(p.value).map(r => r.node))
  for (let first = before.length - 1; first >= 0; first--) {
    const host = before[first]!
    if (needed.has(localOf(host.node.id))) return undefined
    if (host.follows || !mayShare(host) || !sameSpace(host.inner, p.inner)) continue
    let end = first + 1
    while (before[end]?.follows) end++
    const values = before.slice(first, end).map(x => x.value)
    const own = renamed(p, host.inner).value
    const together = distinctReads([...values, own]).length
    const saved = distinctReads(values).length + distinctReads([own]).length - together
    if (saved > 0 && together <= mostLoads) return { first, end }
  }
  return undefined
}

/** The phases of a program by the loop that they run in. */
export const phasesByLoop = <P extends LoopPhase>(phases: readonly P[]): readonly (readonly P[])[] => {
  const out: P[][] = []
  for (const p of phases)
    if (p.follows) out.at(-1)!.push(p)
    else out.push([p])
  return out
}
