import { type Affine, affineConstant, affineRange, affineScale } from '../affine/affine.js'
import { affineExpr } from '../affine/affine-expr.js'
import { affineAdd, affineOf } from '../affine/affine-of.js'
import type { DType, Packing } from '../artifact.js'
import { constant, i32, prim, type ReadExpr } from '../ir/expr.js'
import type { Expr, NodeId, OpenExtent } from '../ir/ir.js'
import { extentValue, sizeValue } from './size-values.js'

/**
 * A piece of memory that holds a tensor. Several nodes may be views of it: a carry, its `init` and its
 * `next`.
 */
export interface Storage {
  readonly id: number
  readonly name: string
  readonly dtype: DType
  readonly elements: number
  readonly packing?: Packing
  /** An input that each run reads from main memory, since the inputs together are larger than the cache. */
  readonly fromMemory?: true
}

/**
 * The layout of a node's elements: element `at` is at `base + Σ stride · (at + shift)` of its storage. A
 * dimension with `turns` has only so many slots, used in turn: `stride · ((at + shift) mod turns)`.
 */
export interface Placement {
  readonly storage: number
  readonly base: number
  readonly dims: readonly {
    readonly stride: number
    readonly shift: number
    readonly extent: number
    readonly open?: OpenExtent
    readonly turns?: number
  }[]
  /** The node is the number of an open size, which kernels have without a buffer. */
  readonly size?: number
}

/** The slot of a dimension in which a position lies. */
export const slotAt = (at: Expr, { shift, turns }: Placement['dims'][number]): Affine => {
  const shifted = shift === 0 ? at : prim('add', at, i32(shift))
  return affineOf(turns === undefined ? shifted : prim('mod', shifted, i32(turns)))
}

/** The address of the element at a position, in elements from the start of its storage. */
export const addressOf = (p: Placement, at: readonly Expr[]): Affine =>
  p.dims.reduce(
    (sum, d, i) => (d.stride === 0 ? sum : affineAdd(sum, affineScale(slotAt(at[i]!, d), d.stride))),
    affineConstant(p.base),
  )

/**
 * The condition that a guarded read's position is inside the tensor; `always` or `never` where the ranges
 * decide it.
 */
const insideTest = (p: Placement, at: readonly Expr[]): Expr | 'always' | 'never' => {
  const ranges = at.map(e => affineRange(affineOf(e)))
  if (ranges.some((r, i) => r !== undefined && (r[1] < 0 || r[0] >= p.dims[i]!.extent))) return 'never'
  const tests = p.dims.flatMap((d, i) => {
    const range = ranges[i]
    const below = range !== undefined && range[0] >= 0 ? [] : [prim('ge', at[i]!, i32(0))]
    const always = range !== undefined && range[1] < d.extent && d.open === undefined
    const above = always ? [] : [prim('lt', at[i]!, extentValue(d))]
    return [...below, ...above]
  })
  return tests.length === 0 ? 'always' : tests.reduce((a, b) => prim('and', a, b))
}

/**
 * A read of a node as a load at one affine address. Its positions are lowered already. A guard becomes a
 * `select` between the load and 0.
 */
export const lowerRead = (x: ReadExpr, placements: ReadonlyMap<NodeId, Placement>): Expr => {
  const p = placements.get(x.node)
  if (p === undefined) throw new Error(`node ${x.node} has no storage`)
  if (p.size !== undefined) return sizeValue(p.size)
  const exact = addressOf(p, x.at)
  const range = affineRange(exact)
  // A condition excludes this read, but WGSL still refuses a constant negative index.
  const address = range !== undefined && range[1] < 0 ? constant('i32', 0) : affineExpr(exact)
  const load: Expr = { op: 'read', dtype: x.dtype, node: p.storage, at: [address], guarded: false }
  const test = x.guarded ? insideTest(p, x.at) : 'always'
  if (test === 'always') return load
  return test === 'never' ? constant(x.dtype, 0) : prim('select', test, load, constant(x.dtype, 0))
}
