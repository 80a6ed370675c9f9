import type { Affine } from '../affine/affine.js'
import { identityAt } from '../ir/expr.js'
import { outerAxes } from '../ir/graph.js'
import type { ComputeNode, Expr, Region } from '../ir/ir.js'
import type { Group } from './group.js'
import { addressOf, type Placement } from './placement.js'

/** A member of a group with its value and the address at which it is stored. */
export interface StoredMember {
  readonly node: ComputeNode
  readonly value: Expr
  readonly storage: number
  readonly address: Affine
  /** The condition under which it is stored; absent for always. */
  readonly within?: Expr
}

/**
 * A node's axes without those of the loops around it. A group's kernel runs over the axes of its first
 * member.
 */
export const kernelAxes = (n: ComputeNode, loops: readonly Region[]): ReturnType<typeof outerAxes> =>
  outerAxes(n).filter(a => !loops.some(r => r.axis.id === a.id))

/**
 * The address of a member that is placed at `p`, and the condition under which it is stored there. `lower`
 * rewrites an expression over the member's axes to the kernel's axes.
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
