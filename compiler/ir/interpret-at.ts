import { shapeOf } from './graph.js'
import type { Axis, AxisId, ComputeNode, Expr, Graph, NodeId } from './ir.js'
import { applyPrim } from './prims.js'
import { identityOf } from './reduction-identity.js'

/** Row-major values of a graph's inputs by name. */
export type InputValues = ReadonlyMap<string, ArrayLike<number>>

/** Where axes stand; loops move them on. */
type Env = Map<AxisId, number>

/**
 * An output's elements at some flat positions, in float64, computed from the inputs element by element and
 * nothing else: what a large kernel is held against where evaluating all of it would take minutes. For
 * graphs without loops; throws on a carry.
 */
export const interpretAt = (
  graph: Graph,
  output: NodeId,
  inputs: InputValues,
  positions: readonly number[],
): readonly number[] => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const known = new Map<NodeId, Map<number, number>>()

  const element = (id: NodeId, at: number): number => {
    const n = nodes.get(id)!
    if (n.kind === 'input') return inputs.get(n.name)![at]!
    if (n.kind === 'literal') return n.data[at]!
    if (n.kind === 'carry') throw new Error('a carry has no value of its own')
    const mine = known.get(id) ?? new Map<number, number>()
    known.set(id, mine)
    const done = mine.get(at)
    if (done !== undefined) return done
    const value = compute(n, at)
    mine.set(at, value)
    return value
  }

  const compute = (n: ComputeNode, at: number): number => {
    const env = new Map<AxisId, number>()
    let rest = at
    for (const a of [...n.dims.flat()].reverse()) {
      env.set(a.id, rest % a.extent)
      rest = Math.floor(rest / a.extent)
    }
    if (n.reduce === undefined) return evaluate(n.body, env)
    const { op, axes } = n.reduce
    if (op === 'argmax' || op === 'argmin') {
      let best = { value: Number.NaN, place: 0 }
      for (let i = 0; i < axes[0]!.extent; i++) {
        const value = evaluate(n.body, env.set(axes[0]!.id, i))
        const better = op === 'argmax' ? value > best.value : value < best.value
        // The first that is not a number is the extreme.
        if (i === 0 || better || (Number.isNaN(value) && !Number.isNaN(best.value)))
          best = { value, place: i }
      }
      return best.place
    }
    const join = { sum: add, prod: multiply, max: Math.max, min: Math.min }[op]
    let total = identityOf(op, n.dtype)
    over(axes, env, () => {
      total = join(total, evaluate(n.body, env))
    })
    return total
  }

  const evaluate = (root: Expr, env: Env): number => {
    const values = new Map<Expr, number>()
    const go = (e: Expr): number => {
      if (e.op === 'const') return e.value
      if (e.op === 'index') return env.get(e.axis.id)!
      const done = values.get(e)
      if (done !== undefined) return done
      const value =
        e.op === 'read' ? read(e) : e.op === 'select' ? go(e.args[go(e.args[0]!) ? 1 : 2]!) : apply(e)
      values.set(e, value)
      return value
    }
    const apply = (e: Extract<Expr, { args: readonly Expr[] }>): number => applyPrim(e, e.args.map(go))
    const read = (e: Extract<Expr, { op: 'read' }>): number => {
      const shape = shapeOf(nodes.get(e.node)!)
      const at = e.at.map(go)
      if (!at.every((x, d) => x >= 0 && x < shape[d]!)) {
        if (e.guarded) return 0
        throw new Error(
          `a read of %${e.node} at [${at.join(', ')}] is outside of its shape [${shape.join(', ')}]`,
        )
      }
      return element(
        e.node,
        at.reduce((flat, x, d) => flat * shape[d]! + x, 0),
      )
    }
    return go(root)
  }
  return positions.map(at => element(output, at))
}

const add = (a: number, b: number): number => a + b
const multiply = (a: number, b: number): number => a * b

/** All values of some axes, the last running fastest. */
const over = (axes: readonly Axis[], env: Env, visit: () => void): void => {
  const [first, ...rest] = axes
  if (first === undefined) visit()
  else
    for (let i = 0; i < first.extent; i++) {
      env.set(first.id, i)
      over(rest, env, visit)
    }
}
