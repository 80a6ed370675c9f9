import { i32, prim, read } from './expr.js'
import type { Axis, Expr, Graph, OpenExtent } from './ir.js'

/** The extent where the open sizes have the numbers `now`. */
export const openExtentAt = ({ size, scale, shift, per }: OpenExtent, now: readonly number[]): number =>
  Math.max(0, Math.ceil((scale * now[size]! + shift) / per))

/** The number of an axis's positions in a run. */
export const extentAt = (axis: Axis, now: readonly number[]): number =>
  axis.open === undefined ? axis.extent : openExtentAt(axis.open, now)

/** Whether an axis has one position in every run, so that its index is 0. */
export const isUnit = ({ extent, open }: Axis): boolean => extent === 1 && open === undefined

/** A text that two extents share exactly if they are equal in every run. */
export const extentText = ({ extent, open }: Pick<Axis, 'extent' | 'open'>): string =>
  open === undefined ? `${extent}` : `${extent}?${open.size}*${open.scale}+${open.shift}/${open.per}`

/** Whether two axes have equal extents in every run. */
export const equalExtents = (a: Axis, b: Axis): boolean =>
  a.extent === b.extent && (a.open === b.open || extentText(a) === extentText(b))

/** Whether an axis's extent is a multiple of a number in every run. */
export const isMultiple = ({ extent, open }: Pick<Axis, 'extent' | 'open'>, n: number): boolean =>
  extent % n === 0 &&
  (open === undefined || (open.per === 1 && (open.scale * open.step) % n === 0 && open.shift % n === 0))

/** The extent of an axis whose positions are each `n` neighbours of another's, the last perhaps fewer. */
export const extentInParts = (
  { extent, open }: Pick<Axis, 'extent' | 'open'>,
  n: number,
): Pick<Axis, 'extent' | 'open'> => ({
  extent: Math.ceil(extent / n),
  ...(open === undefined ? {} : { open: { ...open, per: open.per * n } }),
})

/** An extent as an expression over the numbers that open sizes have in a run. */
export const extentExpr = (
  { extent, open }: Pick<Axis, 'extent' | 'open'>,
  sizeValue: (size: number) => Expr,
): Expr => {
  if (open === undefined) return i32(extent)
  const { size, scale, shift, per } = open
  const scaled = scale === 1 ? sizeValue(size) : prim('mul', sizeValue(size), i32(scale))
  const more = shift + per - 1
  const sum = more === 0 ? scaled : prim('add', scaled, i32(more))
  return per === 1 ? sum : prim('idiv', sum, i32(per))
}

/** The input of a graph that is the number of an open size. */
export const sizeInputOf =
  (graph: Pick<Graph, 'nodes'>) =>
  (size: number): Expr => {
    const input = graph.nodes.find(n => n.kind === 'input' && n.size?.number === size)
    if (input === undefined) throw new Error(`the graph has no input for its open size ${size}`)
    return read(input.id, 'i32', [])
  }
