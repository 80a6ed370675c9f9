import { type Affine, affineAxis, affineRewriteRest, affineScale, coefficientOf } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineAdd, affineOf } from '../affine/affine-of.js'
import { childrenOf, rewrite } from '../ir/expr.js'
import type { Axis, AxisId, Expr, OpenExtent } from '../ir/ir.js'
import type { KernelContext } from './context.js'

/** Fewer axes for the same index space, and functions that rewrite expressions and addresses to them. */
export interface CoalescedAxes {
  readonly axes: readonly Axis[]
  readonly expr: (e: Expr) => Expr
  readonly affine: (a: Affine) => Affine
}

/**
 * All addresses that some expressions read, and the axes whose index they use as a value. Those stay as they
 * are.
 */
const surveyAddresses = (
  roots: readonly Expr[],
  stores: readonly Affine[],
): { addresses: Affine[]; pinned: Set<AxisId> } => {
  const addresses: Affine[] = []
  const pinned = new Set<AxisId>()
  const seen = new Set<Expr>()
  const go = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.op === 'index') pinned.add(e.axis.id)
    else if (e.op === 'read' && e.node >= 0) {
      const a = affineOf(e.at[0]!)
      addresses.push(a)
      for (const r of a.rest.keys()) go(r)
    } else childrenOf(e).forEach(go)
  }
  roots.forEach(go)
  for (const s of stores) {
    addresses.push(s)
    for (const r of s.rest.keys()) go(r)
  }
  return { addresses, pinned }
}

const scaledExtent = (open: OpenExtent | undefined, by: number): OpenExtent | undefined =>
  open && { ...open, scale: open.scale * by, shift: open.shift * by }

/**
 * Merges neighbouring axes that every address runs through as if they were one axis, such as `(b, t)` of a
 * batch, and drops axes of extent 1. `axes` are in row-major order; `stores` are the addresses that are
 * written.
 *
 * Two neighbours `a, b` merge where every address has coefficient(a) = coefficient(b) · extent(b).
 */
export const coalesceAxes = (
  axes: readonly Axis[],
  roots: readonly Expr[],
  stores: readonly Affine[],
  fresh: KernelContext['axis'],
): CoalescedAxes => {
  const { addresses, pinned } = surveyAddresses(roots, stores)
  const runs: Axis[][] = []
  for (const a of axes.filter(x => x.extent !== 1 || x.open !== undefined)) {
    const run = runs.at(-1)
    const last = run?.at(-1)
    const fits =
      last !== undefined &&
      // Past the positions of an open axis lie those that this run does not have.
      a.open === undefined &&
      (run![0]!.open === undefined || run![0]!.open.per === 1) &&
      !pinned.has(last.id) &&
      !pinned.has(a.id) &&
      addresses.every(x => coefficientOf(x, last.id) === coefficientOf(x, a.id) * a.extent)
    if (fits) run!.push(a)
    else runs.push([a])
  }
  const merged = runs.map(run =>
    run.length === 1
      ? run[0]!
      : fresh(
          run.map(a => a.name).join(''),
          run.reduce((n, a) => n * a.extent, 1),
          scaledExtent(
            run[0]!.open,
            run.slice(1).reduce((n, a) => n * a.extent, 1),
          ),
        ),
  )
  const linear = (a: Affine): Affine =>
    runs.reduce((sum, run, i) => {
      if (run.length === 1) return sum
      const step = coefficientOf(a, run.at(-1)!.id)
      const without = run.reduce(
        (s, x) => affineAdd(s, affineScale(affineAxis(x), -coefficientOf(s, x.id))),
        sum,
      )
      return affineAdd(without, affineAxis(merged[i]!, step))
    }, a)
  const changed = runs.some(r => r.length > 1)
  const expr = (e: Expr): Expr =>
    changed
      ? rewrite(e, x =>
          x.op === 'read' && x.node >= 0 ? { ...x, at: [affineExpr(linear(affineOf(x.at[0]!)))] } : x,
        )
      : e
  const affine = (a: Affine): Affine => linear(affineRewriteRest(a, expr))
  return { axes: merged, expr, affine }
}
