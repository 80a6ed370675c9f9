/*
 * How the elements of a graph's tensors depend on one of its inputs, found from the graph's text alone:
 * not at all, affinely, or in another way.
 *
 *     y[i] + u[i]              affine, each element 1 · its own plus a constant
 *     s[i] · y[i] + b[i]       affine
 *     y[i] · (sum j -> y[j])   neither
 */
import type { ComputeNode, Expr, Graph, Node, NodeId } from './ir.js'

/** A tensor's dependence. */
export interface Dependence {
  /** 0: on none of the inputs. 1: affinely. Infinity: otherwise. */
  readonly degree: number
  /**
   * The number k where each element is k times the input's element at its own position, plus what does not
   * depend on the inputs; undefined where there is no such number.
   */
  readonly own: number | undefined
}

const none: Dependence = { degree: 0, own: 0 }
const otherwise: Dependence = { degree: Number.POSITIVE_INFINITY, own: undefined }

/** What depends 0 times on its own element alone does not depend on it. */
const dependence = (degree: number, own: number | undefined): Dependence =>
  own === 0 ? none : { degree, own }

const constantOf = (e: Expr): number | undefined => (e.op === 'const' ? e.value : undefined)

/** Whether a read is at the position of the node itself. */
const isOwnPosition = (node: ComputeNode, at: readonly Expr[]): boolean =>
  at.length === node.dims.length &&
  node.dims.every(([axis, more], i) => {
    const e = at[i]!
    return more === undefined && e.op === 'index' && e.axis.id === axis?.id
  })

const sum = (a: Dependence, b: Dependence, sign: number): Dependence =>
  dependence(
    Math.max(a.degree, b.degree),
    a.own === undefined || b.own === undefined ? undefined : a.own + sign * b.own,
  )

/** A factor that depends on nothing times `a`; `k` is its value where that is known. */
const times = (a: Dependence, k: number | undefined): Dependence =>
  dependence(a.degree, a.own === undefined || k === undefined ? undefined : k * a.own)

const dependenceOf = (node: ComputeNode, known: ReadonlyMap<NodeId, Dependence>): Dependence => {
  const seen = new Map<Expr, Dependence>()
  const go = (e: Expr): Dependence => {
    const before = seen.get(e)
    if (before !== undefined) return before
    const made = of(e)
    seen.set(e, made)
    return made
  }
  const of = (e: Expr): Dependence => {
    if (e.op === 'const' || e.op === 'index') return none
    if (e.op === 'read') {
      if (e.at.some(p => go(p).degree > 0)) return otherwise
      const { degree, own } = known.get(e.node) ?? otherwise
      return degree === 0 ? none : { degree, own: isOwnPosition(node, e.at) ? own : undefined }
    }
    const [a = none, b = none, c = none] = e.args.map(go)
    if ([a, b, c].every(x => x.degree === 0)) return none
    switch (e.op) {
      case 'add':
        return sum(a, b, 1)
      case 'sub':
        return sum(a, b, -1)
      case 'neg':
        return times(a, -1)
      case 'mul':
        if (a.degree === 0) return times(b, constantOf(e.args[0]!))
        return b.degree === 0 ? times(a, constantOf(e.args[1]!)) : otherwise
      case 'div': {
        const divisor = constantOf(e.args[1]!)
        return b.degree === 0 ? times(a, divisor === undefined ? undefined : 1 / divisor) : otherwise
      }
      case 'select': {
        const same = b.own === c.own ? b.own : undefined
        return a.degree === 0 ? dependence(Math.max(b.degree, c.degree), same) : otherwise
      }
      case 'stop':
        return a
      default:
        return otherwise
    }
  }
  const body = go(node.body)
  if (node.reduce === undefined || body.degree === 0) return body
  return node.reduce.op === 'sum' ? { degree: body.degree, own: undefined } : otherwise
}

/** The dependence of each node on the inputs of these names; the first is the one that `own` speaks of. */
export const dependences = (graph: Graph, inputs: readonly string[]): ReadonlyMap<NodeId, Dependence> => {
  const known = new Map<NodeId, Dependence>()
  const of = (node: Node): Dependence => {
    switch (node.kind) {
      case 'input':
        return inputs.includes(node.name) ? { degree: 1, own: node.name === inputs[0] ? 1 : undefined } : none
      case 'literal':
        return none
      case 'carry':
        // What a loop makes of the input in many steps is not followed.
        return dependsOn(graph, node.next, inputs) ? otherwise : (known.get(node.init) ?? otherwise)
      case 'compute':
        return dependenceOf(node, known)
    }
  }
  for (const node of graph.nodes) known.set(node.id, of(node))
  return known
}

const referencesIn = (node: Node): readonly NodeId[] => {
  if (node.kind === 'carry') return [node.init, node.next]
  if (node.kind !== 'compute') return []
  const out: NodeId[] = []
  const seen = new Set<Expr>()
  const stack: Expr[] = [node.body]
  while (stack.length > 0) {
    const e = stack.pop()!
    if (seen.has(e)) continue
    seen.add(e)
    if (e.op === 'const' || e.op === 'index') continue
    if (e.op === 'read') out.push(e.node)
    stack.push(...(e.op === 'read' ? e.at : e.args))
  }
  return out
}

/** The names of the inputs that a node is computed from. */
export const inputsBehind = (graph: Graph, node: NodeId): ReadonlySet<string> => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const seen = new Set<NodeId>()
  const names = new Set<string>()
  const stack = [node]
  while (stack.length > 0) {
    const id = stack.pop()!
    if (seen.has(id)) continue
    seen.add(id)
    const found = nodes.get(id)!
    if (found.kind === 'input') names.add(found.name)
    stack.push(...referencesIn(found))
  }
  return names
}

const dependsOn = (graph: Graph, node: NodeId, inputs: readonly string[]): boolean => {
  const behind = inputsBehind(graph, node)
  return inputs.some(name => behind.has(name))
}
