/**
 * A loop that runs inside one kernel, over addresses: for each lane, the carried values, and the nodes of an
 * iteration one after another. What a node has of inner dimensions lies in an array of the lane.
 */
import { type Affine, affineRange } from '../affine/affine.js'
import { affineOf } from '../affine/affine-of.js'
import type { DType } from '../artifact.js'
import {
  constant,
  i32,
  identityAt,
  index,
  mixedRadix,
  prim,
  type ReadExpr,
  rewrite,
  substituteAxes,
} from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import type { Axis, ComputeNode, Expr, NodeId, Region } from '../ir/ir.js'
import { coalesceAxes } from './coalesce-axes.js'
import { type KernelContext, localOf, productOf, reduceAxes } from './context.js'
import type { Group, ScanLoop } from './group.js'
import { addressOf, lowerRead } from './placement.js'
import { innerExtents } from './scan-lanes.js'

/** A place in memory that a lane reads or writes. */
export interface LanePlace {
  readonly storage: number
  readonly address: Affine
}

/** A value that a lane carries from one iteration to the next. */
export interface ScanCarry {
  readonly id: NodeId
  readonly next: NodeId
  readonly dtype: DType
  /** The axes of its elements in a lane; none where a lane has one. */
  readonly inner: readonly Axis[]
  /** Where the initial value lies. */
  readonly start: LanePlace
  /** Where the last value is written, if memory keeps only that one. */
  readonly end?: LanePlace
}

/** A node of an iteration. */
export interface ScanPhase {
  readonly node: ComputeNode
  /** The axes of its elements in a lane; none where a lane has one. */
  readonly inner: readonly Axis[]
  readonly reduce: readonly Axis[]
  readonly value: Expr
  /** Where each iteration writes it; absent where no other kernel reads it. */
  readonly target?: LanePlace
  /** Lanes along these axes compute the same, and the first writes it. */
  readonly shared: readonly Axis[]
}

/** A loop over `loop.axis` that each lane runs on its own. */
export interface ScanProgram {
  readonly loop: Region
  readonly by: ScanLoop['by']
  readonly lanes: readonly Axis[]
  readonly carries: readonly ScanCarry[]
  readonly phases: readonly ScanPhase[]
}

/** Elements of a tensor that each lane holds in an array; 0 for a number. */
export const arrayElements = (inner: readonly Axis[]): number => (inner.length === 0 ? 0 : productOf(inner))

/** A dimension's position where the dimension is a lane. */
const lanePosition = (own: readonly Axis[], lane: readonly Axis[]): readonly (readonly [number, Expr])[] =>
  own.length === lane.length
    ? own.map((a, i) => [a.id, index(lane[i]!)] as const)
    : [
        [
          own[0]!.id,
          mixedRadix(
            lane.map(index),
            lane.map(a => a.extent),
          ),
        ],
      ]

/** A position that is certainly in an array. */
const inside = (at: Expr, extent: number): Expr => {
  const range = affineRange(affineOf(at))
  if (range !== undefined && range[0] >= 0 && range[1] < extent) return at
  return prim('min', prim('max', at, i32(0)), i32(extent - 1))
}

/** The condition that a guarded read is inside of its tensor. */
const insideTests = (at: readonly Expr[], extents: readonly number[]): readonly Expr[] =>
  at.flatMap((e, i) => {
    const range = affineRange(affineOf(e))
    return [
      ...(range !== undefined && range[0] >= 0 ? [] : [prim('ge', e, i32(0))]),
      ...(range !== undefined && range[1] < extents[i]! ? [] : [prim('lt', e, i32(extents[i]!))]),
    ]
  })

/** A read of what the loop computes, as a read of the lane's number or array. */
const laneRead = (r: ReadExpr, shape: readonly number[], { depth, lanes }: ScanLoop): Expr => {
  const own = shape.flatMap((extent, i) =>
    i >= depth && extent !== 1 && lanes.laneOf(r.node, i) === undefined ? [i] : [],
  )
  const extents = own.map(i => shape[i]!)
  const positions = own.map(i => r.at[i]!)
  const at =
    own.length === 0
      ? []
      : [
          mixedRadix(
            positions.map((p, i) => inside(p, extents[i]!)),
            extents,
          ),
        ]
  const value: Expr = { op: 'read', dtype: r.dtype, node: localOf(r.node), at, guarded: false }
  if (!r.guarded) return value
  const all = shape.map((_, i) => i).filter(i => i >= depth)
  const tests = insideTests(
    all.map(i => r.at[i]!),
    all.map(i => shape[i]!),
  )
  if (tests.length === 0) return value
  const test = tests.reduce((a, b) => prim('and', a, b))
  return prim('select', test, value, constant(r.dtype, 0))
}

/** The program of a group that is a whole loop. */
export const scanProgramOf = (group: Group, scan: ScanLoop, ctx: KernelContext): ScanProgram => {
  const { region, depth, carries, lanes } = scan
  const axes = lanes.axes.map(of => of.map(a => ctx.axis(a.name, a.extent)))
  const shapes = new Map<NodeId, readonly number[]>(
    [...carries, ...group.members].map(n => [n.id, shapeOf(n)]),
  )

  const phases = group.members.map((m): ScanPhase => {
    const own = m.dims.map((d, i) => ({ d, lane: i < depth ? undefined : lanes.laneOf(m.id, i) }))
    const map = new Map(
      own.flatMap(({ d, lane }) => (lane === undefined ? [] : lanePosition(d, axes[lane]!))),
    )
    const used = new Set(own.flatMap(({ lane }) => lane ?? []))
    const value = rewrite(substituteAxes(m.body, map), e => {
      if (e.op !== 'read' || e.node < 0) return e
      const shape = shapes.get(e.node)
      return shape === undefined ? lowerRead(e, ctx.placements) : laneRead(e, shape, scan)
    })
    const place = ctx.placements.get(m.id)
    const at = identityAt(m.dims).map(e => substituteAxes(e, map))
    // What is the same in all iterations for memory, is written after the last one.
    const isKept = place !== undefined && group.stored.has(m.id) && place.dims[depth - 1]!.stride !== 0
    return {
      node: m,
      inner: own.flatMap(({ d, lane }, i) => (i < depth || lane !== undefined ? [] : d)),
      reduce: reduceAxes(m),
      value,
      ...(isKept ? { target: { storage: place.storage, address: addressOf(place, at) } } : {}),
      shared: axes.flatMap((of, lane) => (used.has(lane) ? [] : of)),
    }
  })

  const carried = carries.map((c): ScanCarry => {
    const shape = shapes.get(c.id)!
    const inner = innerExtents(c.id, shape, scan, lanes).map(n => ctx.axis('i', n))
    const rest = [...inner]
    const own = shape.slice(depth).map((extent, i): Expr => {
      const lane = lanes.laneOf(c.id, depth + i)
      if (lane !== undefined)
        return mixedRadix(
          axes[lane]!.map(index),
          axes[lane]!.map(a => a.extent),
        )
      return extent === 1 ? i32(0) : index(rest.shift()!)
    })
    const outer = scan.outer.map(r => index(r.axis))
    const whole = ctx.placements.get(c.id)!
    const slot = (at: number): LanePlace => ({
      storage: whole.storage,
      address: addressOf(whole, [...outer, i32(at), ...own]),
    })
    const [first, last] = region.direction === 'up' ? [0, region.axis.extent] : [region.axis.extent, 0]
    const isOne = whole.dims[depth - 1]!.stride === 0
    return {
      id: c.id,
      next: c.next,
      dtype: c.dtype,
      inner,
      start: slot(first),
      ...(isOne ? { end: slot(last) } : {}),
    }
  })
  return joinLanes({ loop: region, by: scan.by, lanes: axes.flat(), carries: carried, phases }, ctx)
}

/** Merges lane axes that all addresses run through as if they were one. */
const joinLanes = (p: ScanProgram, ctx: KernelContext): ScanProgram => {
  // An axis along which some nodes are the same for all lanes stays for itself.
  const shared = new Set(p.phases.flatMap(x => x.shared.map(a => a.id)))
  if (shared.size > 0) return p
  const places = [
    ...p.carries.flatMap(c => [c.start, ...(c.end ? [c.end] : [])]),
    ...p.phases.flatMap(x => x.target ?? []),
  ]
  const joined = coalesceAxes(
    p.lanes,
    p.phases.map(x => x.value),
    places.map(x => x.address),
    ctx.axis,
  )
  const moved = (x: LanePlace): LanePlace => ({ ...x, address: joined.affine(x.address) })
  return {
    ...p,
    lanes: joined.axes,
    carries: p.carries.map(c => ({ ...c, start: moved(c.start), ...(c.end ? { end: moved(c.end) } : {}) })),
    phases: p.phases.map(x => ({
      ...x,
      value: joined.expr(x.value),
      ...(x.target ? { target: moved(x.target) } : {}),
    })),
  }
}
