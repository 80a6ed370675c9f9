import { identityAt, postorder, rewriter } from '../ir/expr.js'
import { regionOf, shapeOf } from '../ir/graph.js'
import type { ComputeNode, Expr, Graph, Node, NodeId } from '../ir/ir.js'

/** A text that two compute nodes share exactly if they are equal up to the names of their own axes. */
export const structureOf = (node: ComputeNode): string => {
  const own = new Map<number, string>()
  node.dims.flat().forEach((a, i) => {
    own.set(a.id, `d${i}`)
  })
  node.reduce?.axes.forEach((a, i) => {
    own.set(a.id, `r${i}`)
  })
  const names = new Map<string, number>()
  const of = new Map<Expr, number>()
  for (const e of postorder(node.body)) {
    const parts =
      e.op === 'const'
        ? `${Object.is(e.value, -0) ? '-0' : e.value}`
        : e.op === 'index'
          ? own.get(e.axis.id)
          : e.op === 'read'
            ? `${e.node}${e.guarded ? '?' : ''}:${e.at.map(p => of.get(p)).join(',')}`
            : e.args.map(a => of.get(a)).join(',')
    const text = `${e.op} ${e.dtype} ${parts}`
    const id = names.get(text) ?? names.size
    names.set(text, id)
    of.set(e, id)
  }
  const dims = node.dims.map(axes => axes.map(a => a.extent).join('·')).join(',')
  const reduce = node.reduce ? `${node.reduce.op} ${node.reduce.axes.map(a => a.extent).join(',')}` : ''
  const head = `${node.dtype} ${node.region ?? ''} [${dims}] ${reduce}`
  return `${head} ${[...names.keys()].join(';')} = ${of.get(node.body)}`
}

const sameExpr = (a: Expr, b: Expr): boolean =>
  a === b ||
  (a.op === 'const' && b.op === 'const' && a.value === b.value) ||
  (a.op === 'index' && b.op === 'index' && a.axis.id === b.axis.id) ||
  (a.op === b.op &&
    a.op !== 'const' &&
    a.op !== 'index' &&
    a.op !== 'read' &&
    b.op !== 'const' &&
    b.op !== 'index' &&
    b.op !== 'read' &&
    a.args.every((x, i) => sameExpr(x, b.args[i]!)))

/** The node of which this one is a copy, if it reads it whole, in place, and in the same region. */
const copied = (node: ComputeNode, nodes: ReadonlyMap<NodeId, Node>): NodeId | undefined => {
  const { body, reduce } = node
  if (reduce !== undefined || body.op !== 'read') return undefined
  const source = nodes.get(body.node)!
  if (
    source.kind !== 'compute' ||
    regionOf(source) !== node.region ||
    `${shapeOf(source)}` !== `${shapeOf(node)}`
  )
    return undefined
  return identityAt(node.dims).every((p, i) => sameExpr(p, body.at[i]!)) ? source.id : undefined
}

/**
 * Two nodes that compute the same are one (up to the names of axes); so are a node and a copy of it, and
 * equal literals.
 */
export const shareNodes = (graph: Graph): Graph => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const first = new Map<string, NodeId>()
  const instead = new Map<NodeId, NodeId>()
  const redirect = rewriter(e => {
    const to = e.op === 'read' ? instead.get(e.node) : undefined
    return e.op === 'read' && to !== undefined ? { ...e, node: to } : e
  })
  const out: Node[] = []
  for (const node of graph.nodes) {
    if (node.kind === 'compute') {
      const body = redirect(node.body)
      const next = body === node.body ? node : { ...node, body }
      out.push(next)
      const key = structureOf(next)
      const same = copied(next, nodes) ?? first.get(key)
      if (same === undefined) first.set(key, node.id)
      else instead.set(node.id, same)
      continue
    }
    if (node.kind === 'literal') {
      const key = `literal ${node.dtype} [${node.shape}] ${node.data.join(',')}`
      const same = first.get(key)
      if (same === undefined) first.set(key, node.id)
      else instead.set(node.id, same)
    }
    out.push(node)
  }
  if (instead.size === 0) return graph
  const to = (id: NodeId): NodeId => instead.get(id) ?? id
  return {
    ...graph,
    nodes: out.map(n => (n.kind === 'carry' ? { ...n, init: to(n.init), next: to(n.next) } : n)),
    outputs: graph.outputs.map(o => ({ ...o, node: to(o.node) })),
  }
}
