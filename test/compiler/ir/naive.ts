import { shapeOf } from '../../../compiler/ir/graph.js'
import type { ComputeNode, Expr, Graph, NodeId } from '../../../compiler/ir/ir.js'
import { applyPrim } from '../../../compiler/ir/prims.js'

/**
 * The value of one element of a node, straight from the definition: by recursion over what it reads,
 * without order, loops or storage (carries unroll themselves). The oracle of the interpreter.
 */
export const naive = (
  graph: Graph,
  inputs: ReadonlyMap<string, Float64Array>,
): ((node: NodeId, at: readonly number[]) => number) => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const regions = new Map(graph.regions.map(r => [r.id, r]))
  const depthOf = (id: number | undefined): number =>
    id === undefined ? 0 : 1 + depthOf(regions.get(id)!.parent)
  const known = new Map<string, number>()

  const element = (id: NodeId, at: readonly number[]): number => {
    const key = `${id}:${at}`
    const cached = known.get(key)
    if (cached !== undefined) return cached
    const node = nodes.get(id)!
    const shape = shapeOf(node)
    const offset = at.reduce((n, x, i) => n * shape[i]! + x, 0)
    let value: number
    if (node.kind === 'input') value = inputs.get(node.name)![offset]!
    else if (node.kind === 'literal') value = node.data[offset]!
    else if (node.kind === 'carry') {
      const region = regions.get(node.region)!
      const depth = depthOf(node.region)
      const [outer, slot, rest] = [at.slice(0, depth - 1), at[depth - 1]!, at.slice(depth)]
      const first = region.direction === 'up' ? 0 : region.axis.extent
      const init = nodes.get(node.init)!
      const initDepth = init.kind === 'compute' || init.kind === 'carry' ? depthOf(init.region) : 0
      if (slot === first) value = element(node.init, [...outer.slice(0, initDepth), ...rest])
      else value = element(node.next, [...outer, region.direction === 'up' ? slot - 1 : slot, ...rest])
    } else value = reduce(node, at)
    known.set(key, value)
    return value
  }

  const reduce = (node: ComputeNode, at: readonly number[]): number => {
    const axes = new Map<number, number>()
    node.dims.forEach((dim, i) => {
      let left = at[i]!
      for (const a of [...dim].reverse()) {
        axes.set(a.id, left % a.extent)
        left = Math.floor(left / a.extent)
      }
    })
    if (node.reduce === undefined) return evaluate(node.body, axes)
    const values: number[] = []
    const all = (rest: ComputeNode['reduce'] & object): void => {
      const [axis, ...more] = rest.axes
      if (axis === undefined) values.push(evaluate(node.body, axes))
      else
        for (let x = 0; x < axis.extent; x++) {
          axes.set(axis.id, x)
          all({ op: rest.op, axes: more })
        }
    }
    all(node.reduce)
    switch (node.reduce.op) {
      case 'sum':
        return values.reduce((a, b) => a + b, 0)
      case 'prod':
        return values.reduce((a, b) => a * b, 1)
      case 'max':
        return Math.max(...values)
      case 'min':
        return Math.min(...values)
      case 'argmax':
        return values.indexOf(Math.max(...values))
      case 'argmin':
        return values.indexOf(Math.min(...values))
    }
  }

  const evaluate = (root: Expr, axes: ReadonlyMap<number, number>): number => {
    const go = (e: Expr): number => {
      if (e.op === 'const') return e.value
      if (e.op === 'index') return axes.get(e.axis.id)!
      if (e.op === 'select') return go(e.args[0]!) ? go(e.args[1]!) : go(e.args[2]!)
      if (e.op !== 'read') return applyPrim(e, e.args.map(go))
      const at = e.at.map(go)
      const shape = shapeOf(nodes.get(e.node)!)
      if (at.every((x, i) => x >= 0 && x < shape[i]!)) return element(e.node, at)
      if (e.guarded) return 0
      throw new Error(`read of ${e.node} at ${at}`)
    }
    return go(root)
  }
  return element
}
