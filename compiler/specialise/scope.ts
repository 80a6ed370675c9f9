import type { Span } from '../diagnostics/source.js'
import type { Axis, RegionId } from '../ir/ir.js'

/** Where an expression stands: the index variables around it, outermost first, and the innermost loop. */
export interface Scope {
  /** Bound by comprehensions and by loops. */
  readonly axes: readonly Axis[]
  readonly region?: RegionId
}

export const top: Scope = { axes: [] }
export const within = (scope: Scope, axes: readonly Axis[]): Scope => ({
  ...scope,
  axes: [...scope.axes, ...axes],
})

/** Identifies a node for people: the nearest name and its place in the source. */
export interface Here {
  readonly label: string
  readonly span: Span
}
