import type { Axis, OpenExtent } from './ir.js'

/** The extent where the open sizes have the numbers `now`. */
export const openExtentAt = ({ size, scale, shift, per }: OpenExtent, now: readonly number[]): number =>
  Math.max(0, Math.ceil((scale * now[size]! + shift) / per))

/** The number of an axis's positions in a run. */
export const extentAt = (axis: Axis, now: readonly number[]): number =>
  axis.open === undefined ? axis.extent : openExtentAt(axis.open, now)

/** A text that two extents share exactly if they are equal in every run. */
export const extentText = ({ extent, open }: Pick<Axis, 'extent' | 'open'>): string =>
  open === undefined ? `${extent}` : `${extent}?${open.size}*${open.scale}+${open.shift}/${open.per}`

/** Whether two axes have equal extents in every run. */
export const equalExtents = (a: Axis, b: Axis): boolean =>
  a.extent === b.extent && (a.open === b.open || extentText(a) === extentText(b))

/** Whether an axis's extent is a multiple of a number in every run. */
export const isMultiple = ({ extent, open }: Pick<Axis, 'extent' | 'open'>, n: number): boolean =>
  extent % n === 0 &&
  (open === undefined ||
    (open.per === 1 && (open.scale * open.step) % n === 0 && open.shift % n === 0))

/** The extent of an axis whose positions are each `n` neighbours of another's, the last perhaps fewer. */
export const extentInParts = (
  { extent, open }: Pick<Axis, 'extent' | 'open'>,
  n: number,
): Pick<Axis, 'extent' | 'open'> => ({
  extent: Math.ceil(extent / n),
  ...(open === undefined ? {} : { open: { ...open, per: open.per * n } }),
})
