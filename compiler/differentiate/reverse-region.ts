import { i32, index, prim, read } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import type { Axis, CarryNode, Expr, NodeId, Region } from '../ir/ir.js'
import { contribute } from './contribute.js'
import { type CotangentPlace, storeCotangent, sumOfTerms, zeroCotangent } from './cotangent-sum.js'
import type { ReversalUnit } from './reversal-order.js'
import { axisFor, cotangentOrigin, type ReverseState, regionsOf, reversedRegions } from './reverse-state.js'

/** Slots of carries as the reversed region sees them, at its iteration l. */
interface Slots {
  /** Where the cotangents of what the loop left behind come in: its last slot. */
  readonly first: Expr
  /** X̄ of what iteration l made: the cotangent of `next` at l. */
  readonly reads: Expr
  /** X̄ of what iteration l read. */
  readonly writes: Expr
  /** X̄ of `init`. */
  readonly last: Expr
}

/**
 * The cotangents of a region live in a region that runs the other way. X̄ is a carry of it, with the slots
 * of X: X̄[last] = ext[last], X̄[l] = ext[l] + Σ what readers of X[l] in iteration l contribute, where
 * `next` of that iteration has the cotangent X̄[l + 1] and ext is what comes from outside (for a region
 * that runs up; l and l + 1 change places in one that runs down). X̄[0] is the cotangent of `init`.
 */
export const reverseRegion = (
  reverse: ReverseState,
  { region, carries, units }: Extract<ReversalUnit, { kind: 'region' }>,
  reverseUnits: (units: readonly ReversalUnit[]) => void,
): void => {
  const { builder, active } = reverse
  const path = builder.enclosing(region.id)
  const parents = reversedRegions(reverse, path.slice(0, -1))
  const own = builder.region(
    builder.axis(region.axis.name, region.axis.extent),
    region.direction === 'up' ? 'down' : 'up',
    parents[parents.length - 1]?.id,
  )
  reverse.reversed.set(region.id, own)
  const slots = slotsOf(region, index(own.axis))
  const lead = parents.map(r => index(r.axis))
  const outside: CotangentPlace = { path: parents, lead: [...lead, slots.first] }
  const inside: CotangentPlace = { path: [...parents, own], lead: [...lead, slots.writes] }

  const sumAt = (carry: CarryNode, place: CotangentPlace): NodeId =>
    storeCotangent(reverse, {
      sum: sumOfTerms(reverse, carry, place) ?? zeroCotangent(reverse, carry, place),
      place,
      node: carry,
      inPlace: true,
    })
  const restOf = (carry: CarryNode): readonly Axis[] =>
    shapeOf(carry)
      .slice(path.length)
      .map((n, i) => axisFor(reverse, carry, path.length + i, n))
  const readAt = (bar: NodeId, slot: Expr, rest: readonly Axis[]): Expr =>
    read(bar, 'f32', [...lead, slot, ...rest.map(index)])

  const bars = carries.map(carry => ({
    carry,
    bar: builder.openCarry({
      dtype: 'f32',
      shape: carry.shape,
      region: own.id,
      init: sumAt(carry, outside),
      origin: cotangentOrigin(carry),
    }),
  }))
  for (const { carry, bar } of bars) {
    if (!active.has(carry.next)) continue
    const rest = restOf(carry)
    contribute(reverse, {
      path,
      axes: rest,
      value: readAt(bar, slots.reads, rest),
      to: carry.next,
      at: [...lead, index(own.axis), ...rest.map(index)],
    })
  }
  reverseUnits(units)
  for (const { carry, bar } of bars) {
    builder.closeCarry(bar, sumAt(carry, inside))
    if (!active.has(carry.init)) continue
    const init = regionsOf(reverse, builder.node(carry.init))
    const rest = restOf(carry)
    contribute(reverse, {
      path: path.slice(0, -1),
      axes: rest,
      value: readAt(bar, slots.last, rest),
      to: carry.init,
      at: [...lead.slice(0, init.length), ...rest.map(index)],
    })
  }
}

const slotsOf = ({ direction, axis }: Region, l: Expr): Slots => {
  const [low, high] = [l, prim('add', l, i32(1))]
  return direction === 'up'
    ? { first: i32(axis.extent), reads: high, writes: low, last: i32(0) }
    : { first: i32(0), reads: low, writes: high, last: i32(axis.extent) }
}
