import type { Affine } from '../affine/affine.js'
import { identityAt } from '../ir/expr.js'
import { outerAxes } from '../ir/graph.js'
import type { ComputeNode, Expr, Region } from '../ir/ir.js'
import type { Group } from './group.js'
import { addressOf, type Placement } from './placement.js'

export interface StoredMember {
  readonly node: ComputeNode
  readonly value: Expr
  readonly storage: number
  readonly address: Affine
  /** Stored only where this holds. */
  readonly within?: Expr
}

/**
 * A node's axes without those of the loops around it; a group's kernel runs over those of its first member.
 */
export const kernelAxes = (n: ComputeNode, loops: readonly Region[]): ReturnType<typeof outerAxes> =>
  outerAxes(n).filter(a => !loops.some(r => r.axis.id === a.id))

/**
 * Where a member's elements go that is stored at `p`; `lower` takes what the member says of its axes to the
 * kernel's.
 */
export const destinationOf = (
  group: Group,
  m: ComputeNode,
  p: Placement,
  lower: (e: Expr) => Expr,
): Pick<StoredMember, 'address' | 'within'> => {
  const target = group.updates.get(m.id)
  const at = (target?.at ?? identityAt(m.dims)).map(lower)
  return { address: addressOf(p, at), ...(target ? { within: lower(target.within) } : {}) }
}
