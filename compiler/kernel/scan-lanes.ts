/**
 * Finds the lanes of a loop: dimensions along which its iterations are independent. Each node of the loop
 * reads what the loop computes at its own position of these dimensions, so a thread (or a workgroup) can run
 * the whole loop for one lane and needs nothing of the others.
 *
 *     h[l + 1, e, n] = a[l, e, n] · h[l, e, n] + b[l, e, n]      lanes e and n
 *     s[l + 1, i, j] = s[l, i, j] - k[l, i] · Σ m · k[l, m] · s[l, m, j]      lane j; i lies inside of a lane
 *
 * All other dimensions are *inner* ones.
 */
import { sameIndex } from '../affine/affine-of.js'
import { identityAt, readsOf } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import type { Axis, CarryNode, ComputeNode, NodeId, Region } from '../ir/ir.js'
import { productOf } from './context.js'

/** A loop without loops inside it: its carries, and its nodes in evaluation order. */
export interface LoopBody {
  readonly region: Region
  /** The number of loops around its nodes, the loop itself included. */
  readonly depth: number
  readonly carries: readonly CarryNode[]
  readonly members: readonly ComputeNode[]
}

/** The lanes of a loop, each as the axes of its index; several where a dimension is a product of axes. */
export interface Lanes {
  readonly axes: readonly (readonly Axis[])[]
  /** The lane that a dimension of a carry or of a node is; undefined for an inner dimension. */
  readonly laneOf: (id: NodeId, dim: number) => number | undefined
}

/** A dimension of a tensor of the loop, as a text. */
const keyOf = (id: NodeId, dim: number): string => `${id}:${dim}`

/** Sets of dimensions that must have one position (union-find). */
class Classes {
  private readonly parent = new Map<string, string>()

  of(key: string): string {
    const up = this.parent.get(key)
    return up === undefined ? key : this.of(up)
  }

  join(a: string, b: string): void {
    const [x, y] = [this.of(a), this.of(b)]
    if (x !== y) this.parent.set(x, y)
  }
}

/** The lanes of a loop; none where a node reads all positions of every dimension. */
export const lanesOf = ({ depth, carries, members }: LoopBody): Lanes => {
  const shapes = new Map([...carries, ...members].map(n => [n.id, shapeOf(n)]))
  const dimsOf = (id: NodeId): readonly number[] =>
    shapes.get(id)!.flatMap((extent, i) => (i >= depth && extent !== 1 ? [i] : []))
  const classes = new Classes()
  const read: [string, string | undefined][] = []
  for (const m of members) {
    const own = identityAt(m.dims)
    for (const r of readsOf(m.body)) {
      if (!shapes.has(r.node)) continue
      for (const i of dimsOf(r.node)) {
        const k = own.findIndex((e, d) => d >= depth && shapes.get(m.id)![d] !== 1 && sameIndex(e, r.at[i]!))
        read.push([keyOf(r.node, i), k < 0 ? undefined : keyOf(m.id, k)])
      }
    }
  }
  for (const [a, b] of read) if (b !== undefined) classes.join(a, b)
  for (const c of carries) for (const i of dimsOf(c.id)) classes.join(keyOf(c.id, i), keyOf(c.next, i))

  const inner = new Set(read.flatMap(([a, b]) => (b === undefined ? [classes.of(a)] : [])))
  for (const id of shapes.keys()) {
    const mine = dimsOf(id).map(i => classes.of(keyOf(id, i)))
    for (const [i, c] of mine.entries()) if (mine.indexOf(c) !== i) inner.add(c)
  }
  const carried = carries.map(c => new Set(dimsOf(c.id).map(i => classes.of(keyOf(c.id, i)))))
  const first = [...(carried[0] ?? [])].filter(c => !inner.has(c) && carried.every(s => s.has(c)))
  const axes = new Map(first.map(c => [c, axesOfClass(c, members, classes)]))
  const lanes = first.filter(c => axes.get(c) !== undefined)
  return {
    axes: lanes.map(c => axes.get(c)!),
    laneOf: (id, dim) => {
      const found = lanes.indexOf(classes.of(keyOf(id, dim)))
      return found < 0 || shapes.get(id)![dim] === 1 ? undefined : found
    },
  }
}

/**
 * The axes of a class of dimensions: those of the dimension with the most. All others are one axis, or have
 * the same extents; undefined where they do not.
 */
const axesOfClass = (
  c: string,
  members: readonly ComputeNode[],
  classes: Classes,
): readonly Axis[] | undefined => {
  const all = members.flatMap(m => m.dims.filter((_, i) => classes.of(keyOf(m.id, i)) === c))
  const finest = [...all].sort((a, b) => b.length - a.length)[0]
  if (finest === undefined) return undefined
  const extents = finest.map(a => a.extent).join()
  const fit = all.every(d => d.length === 1 || d.map(a => a.extent).join() === extents)
  return fit ? finest : undefined
}

/** The extents of a tensor's inner dimensions. */
export const innerExtents = (
  id: NodeId,
  shape: readonly number[],
  { depth }: Pick<LoopBody, 'depth'>,
  lanes: Lanes,
): readonly number[] =>
  shape.filter((extent, i) => i >= depth && extent !== 1 && lanes.laneOf(id, i) === undefined)

/** The number of lanes. */
export const countLanes = (lanes: Lanes): number => productOf(lanes.axes.flat())
