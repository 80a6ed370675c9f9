import { constant } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import { type ExprRule, isConst } from './rewrite-rule.js'

/** A guard that always holds is none; a read that is always outside is 0. */
export const guards: ExprRule = (e, { interval, nodes }) => {
  if (e.op !== 'read' || !e.guarded) return undefined
  const shape = shapeOf(nodes.get(e.node)!)
  const ranges = e.at.map(interval)
  if (ranges.some(({ lo, hi }, i) => hi < 0 || lo >= shape[i]!)) return constant(e.dtype, 0)
  if (ranges.every(({ lo, hi }, i) => lo >= 0 && hi < shape[i]!)) return { ...e, guarded: false }
  return undefined
}

/**
 * A read of a literal at a constant position is the number there; so is any read of a literal that holds
 * one number only.
 */
export const literalReads: ExprRule = (e, { nodes }) => {
  if (e.op !== 'read') return undefined
  const node = nodes.get(e.node)
  if (node?.kind !== 'literal') return undefined
  const first = node.data[0]
  if (!e.guarded && first !== undefined && node.data.every(v => Object.is(v, first)))
    return constant(e.dtype, first)
  let offset = 0
  for (const [i, p] of e.at.entries()) {
    if (!isConst(p)) return undefined
    if (p.value < 0 || p.value >= node.shape[i]!) return e.guarded ? constant(e.dtype, 0) : undefined
    offset = offset * node.shape[i]! + p.value
  }
  return constant(e.dtype, node.data[offset]!)
}
