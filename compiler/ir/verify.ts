import { childrenOf, postorder, type ReadExpr } from './expr.js'
import { dependenciesOf, dimensionsOfNode, elementsOf, regionOf, regionPath, shapeOf } from './graph.js'
import { type Interval, intervals } from './interval.js'
import type {
  Axis,
  CarryNode,
  ComputeNode,
  Expr,
  Graph,
  Node,
  NodeId,
  Output,
  Region,
  RegionId,
} from './ir.js'
import { equalExtents } from './open-extent.js'
import { prims } from './prims.js'
import { printNode } from './print.js'

interface Context {
  readonly nodes: ReadonlyMap<NodeId, Node>
  readonly pathOf: (id: RegionId | undefined) => readonly Region[]
  readonly interval: (e: Expr) => Interval
  /** Where an axis is bound: by a node or a region. */
  readonly owner: Map<number, string>
}

/**
 * The defects of a graph, one line each; empty if it keeps the promises of `ir.ts`: types by the
 * primitive table, positions counted and of type i32, reads that provably stay within, axes bound once,
 * order, regions in one piece with their carries first.
 */
export const verify = (graph: Graph): readonly string[] => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const regions = new Map(graph.regions.map(r => [r.id, r]))
  const pathOf = (id: RegionId | undefined): readonly Region[] => regionPath(graph, id)
  const context: Context = { nodes, pathOf, interval: intervals(literalRange(nodes)), owner: new Map() }
  const problems: string[] = []
  if (nodes.size !== graph.nodes.length) problems.push('two nodes have the same id')
  if (regions.size !== graph.regions.length) problems.push('two regions have the same id')
  for (const r of graph.regions) {
    if (r.parent !== undefined && !regions.has(r.parent))
      problems.push(`region ${r.id}: its parent ${r.parent} does not exist`)
    problems.push(...bind(context, r.axis, `region ${r.id}`))
  }
  for (const o of graph.outputs)
    if (!nodes.has(o.node)) problems.push(`output ${o.name}: node ${o.node} does not exist`)
    else if (o.replaces !== undefined) problems.push(...verifyReplacement(o, nodes, graph.outputs))
  const names = graph.nodes.flatMap(n => (n.kind === 'input' ? [n.name] : []))
  for (const name of new Set(names.filter((n, i) => names.indexOf(n) !== i)))
    problems.push(`input ${name} occurs twice`)

  const seen = new Set<NodeId>()
  for (const node of graph.nodes) {
    const found: string[] = []
    for (const d of dependenciesOf(node))
      if (!nodes.has(d)) found.push(`refers to node ${d}, which does not exist`)
      else if (!seen.has(d)) found.push(`refers to node ${d} before it is evaluated`)
    seen.add(node.id)
    const region = regionOf(node)
    if (region !== undefined && !regions.has(region)) found.push(`its region ${region} does not exist`)
    if (found.length === 0) {
      if (node.kind === 'literal' && node.data.length !== elementsOf(node))
        found.push(`has ${node.data.length} values for ${elementsOf(node)} elements`)
      if (node.kind === 'input' && node.packing !== undefined && node.dtype !== 'f32')
        found.push(`is ${node.dtype}, and only f32 is packed as ${node.packing}`)
      if (node.kind === 'compute') found.push(...verifyCompute(node, context))
      if (node.kind === 'carry') found.push(...verifyCarry(node, context))
    }
    problems.push(...found.map(p => `%${node.id} (${node.origin.label}): ${p}`))
  }
  return [...problems, ...verifyRegionOrder(graph, pathOf)]
}

/** An output takes the place of an input of its type and shape, and of no other output's. */
const verifyReplacement = (
  o: Output,
  nodes: ReadonlyMap<NodeId, Node>,
  outputs: readonly Output[],
): readonly string[] => {
  const node = nodes.get(o.node)!
  const input = [...nodes.values()].find(n => n.kind === 'input' && n.name === o.replaces)
  const fits = input?.dtype === node.dtype && shapeOf(input).join() === shapeOf(node).join()
  if (outputs.some(x => x !== o && x.replaces === o.replaces))
    return [`output ${o.name}: another output takes the place of the input ${o.replaces} too`]
  return fits ? [] : [`output ${o.name}: it can't take the place of the input ${o.replaces}`]
}

/** How much of a broken graph an error shows: enough to see the pattern on one screen. */
const shownProblems = 20
const shownNodes = 5

/**
 * A pass's result, verified. Fails with all problems and the nodes they are in: that a pass broke the graph
 * is a fault of the compiler.
 */
export const verified = (graph: Graph, pass: string): Graph => {
  const problems = verify(graph)
  if (problems.length === 0) return graph
  const ids = new Set(problems.flatMap(p => /^%(\d+)/.exec(p)?.[1] ?? []))
  const text = graph.nodes
    .filter(n => ids.has(`${n.id}`))
    .slice(0, shownNodes)
    .map(n => printNode(n))
  throw new Error(
    [
      `internal error: the graph after "${pass}" is malformed:`,
      ...problems.slice(0, shownProblems),
      ...text,
    ].join('\n'),
  )
}

/** The range of an integer literal's values. */
export const literalRange =
  (nodes: ReadonlyMap<NodeId, Node>) =>
  (id: NodeId): Interval | undefined => {
    const node = nodes.get(id)
    if (node?.kind !== 'literal' || node.dtype === 'f32' || node.data.length === 0 || node.data.length > 4096)
      return undefined
    return { lo: Math.min(...node.data), hi: Math.max(...node.data) }
  }

const bind = (context: Context, axis: Axis, owner: string): readonly string[] => {
  const other = context.owner.get(axis.id)
  context.owner.set(axis.id, owner)
  const twice =
    other === undefined ? [] : [`axis ${axis.name} (${axis.id}) is bound by ${owner} and by ${other}`]
  return Number.isInteger(axis.extent) && axis.extent >= 0
    ? twice
    : [...twice, `axis ${axis.name} (${axis.id}) has extent ${axis.extent}`]
}

const verifyCompute = (node: ComputeNode, context: Context): readonly string[] => {
  const problems: string[] = []
  const path = context.pathOf(node.region)
  path.forEach((r, i) => {
    const dim = node.dims[i]
    if (dim?.length !== 1 || dim[0]!.id !== r.axis.id || dim[0]!.extent !== r.axis.extent)
      problems.push(`dimension ${i} is not the axis ${r.axis.name} of region ${r.id}`)
  })
  const own = [...node.dims.slice(path.length).flat(), ...(node.reduce?.axes ?? [])]
  for (const a of own) problems.push(...bind(context, a, `node ${node.id}`))
  const bound = new Map([...own, ...path.map(r => r.axis)].map(a => [a.id, a]))
  problems.push(...verifyReduction(node))
  const certain = alwaysEvaluated(node.body)
  const runs = [...bound.values()].every(a => a.extent > 0)
  for (const e of postorder(node.body)) {
    if (e.op === 'const') continue
    if (e.op === 'index') {
      const axis = bound.get(e.axis.id)
      if (axis === undefined) problems.push(`axis ${e.axis.name} (${e.axis.id}) is not bound`)
      else if (!equalExtents(axis, e.axis))
        problems.push(
          `axis ${axis.name} (${axis.id}) has extent ${axis.extent} where bound ` +
            `and ${e.axis.extent} in the body`,
        )
    } else if (e.op === 'read') problems.push(...verifyRead(e, path, context, runs && certain.has(e)))
    else {
      const row = prims[e.op]
      const wrong =
        e.args.length === row.arity
          ? row.check(
              e.args.map(a => a.dtype),
              e.dtype,
            )
          : `wants ${row.arity} arguments, has ${e.args.length}`
      if (wrong !== undefined) problems.push(`${e.op} ${wrong}`)
    }
  }
  return problems
}

const verifyReduction = ({ reduce, dtype, body }: ComputeNode): readonly string[] => {
  if (reduce === undefined || reduce.op === 'max' || reduce.op === 'min')
    return dtype === body.dtype ? [] : [`is marked ${dtype}, its body is ${body.dtype}`]
  if (reduce.op === 'argmax' || reduce.op === 'argmin')
    return [
      ...(dtype === 'i32' ? [] : [`${reduce.op} gives i32, is marked ${dtype}`]),
      ...(reduce.axes.length === 1 ? [] : [`${reduce.op} wants one axis, has ${reduce.axes.length}`]),
    ]
  return [
    ...(dtype === body.dtype ? [] : [`is marked ${dtype}, its body is ${body.dtype}`]),
    ...(body.dtype === 'bool' ? [`${reduce.op} of bool`] : []),
  ]
}

/** The expressions that are needed whatever the conditions of selects are. */
const alwaysEvaluated = (root: Expr): ReadonlySet<Expr> => {
  const out = new Set<Expr>()
  const go = (e: Expr): void => {
    if (out.has(e)) return
    out.add(e)
    for (const c of e.op === 'select' ? [e.args[0]!] : childrenOf(e)) go(c)
  }
  go(root)
  return out
}

const isIndex = (e: Expr, axis: Axis): boolean => e.op === 'index' && e.axis.id === axis.id

const verifyRead = (
  e: ReadExpr,
  path: readonly Region[],
  context: Context,
  certain: boolean,
): readonly string[] => {
  const source = context.nodes.get(e.node)!
  const shape = shapeOf(source)
  const dims = dimensionsOfNode(source)
  const problems: string[] = []
  if (e.dtype !== source.dtype) problems.push(`reads %${e.node} as ${e.dtype}, which is ${source.dtype}`)
  if (e.at.length !== shape.length)
    return [...problems, `reads %${e.node} at ${e.at.length} positions, which has ${shape.length} dimensions`]
  e.at.forEach((p, i) => {
    if (p.dtype !== 'i32') problems.push(`position ${i} of the read of %${e.node} is ${p.dtype}`)
    if (e.guarded) return
    const { lo, hi } = context.interval(p)
    const dim = dims[i]!
    if (dim.open !== undefined && p.op === 'index' && !equalExtents(p.axis, { ...p.axis, ...dim }))
      problems.push(
        `position ${i} of the read of %${e.node} is ${p.axis.name}, ` +
          'whose extent is not that of the dimension',
      )
    const outside = lo >= shape[i]! || hi < 0 || (attained(p) && (lo < 0 || hi >= shape[i]!))
    if (certain && outside)
      problems.push(
        `position ${i} of the read of %${e.node} runs from ${lo} to ${hi}, outside of 0 to ${shape[i]! - 1}`,
      )
  })
  const common = context.pathOf(regionOf(source)).filter((r, i) => path[i]?.id === r.id)
  common.forEach((r, i) => {
    const p = e.at[i]!
    const next = source.kind === 'carry' && source.region === r.id && r.direction === 'down'
    const right = next
      ? p.op === 'add' && isIndex(p.args[0]!, r.axis) && p.args[1]!.op === 'const' && p.args[1]!.value === 1
      : isIndex(p, r.axis)
    if (!right)
      problems.push(
        `reads %${e.node} of the same region ${r.id} ` +
          `not at ${r.axis.name}${next ? ' + 1' : ''} in position ${i}`,
      )
  })
  return problems
}

/** Whether the ends of the interval are certainly taken: sums and constant multiples of different axes. */
const attained = (root: Expr): boolean => {
  const seen = new Set<number>()
  const go = (e: Expr): boolean => {
    if (e.op === 'const') return true
    if (e.op === 'index') {
      if (seen.has(e.axis.id)) return false
      seen.add(e.axis.id)
      return true
    }
    if (e.op === 'add' || e.op === 'sub' || e.op === 'neg') return e.args.every(go)
    if (e.op === 'mul') return e.args.some(a => a.op === 'const') && e.args.every(go)
    return e.op === 'idiv' && e.args[1]!.op === 'const' && go(e.args[0]!)
  }
  return go(root)
}

const verifyCarry = (node: CarryNode, context: Context): readonly string[] => {
  const path = context.pathOf(node.region)
  const own = path[path.length - 1]!
  const init = context.nodes.get(node.init)!
  const next = context.nodes.get(node.next)
  if (next === undefined) return [`its next, node ${node.next}, does not exist`]
  const problems: string[] = []
  const outer = path.slice(0, -1)
  const initPath = context.pathOf(regionOf(init))
  if (initPath.some((r, i) => r.id !== outer[i]?.id))
    problems.push(`its init %${init.id} is inside its region or beside its parent`)
  if (next.kind !== 'compute' || next.region !== node.region)
    problems.push(`its next %${next.id} is no compute node of region ${own.id}`)
  for (const n of [init, next])
    if (n.dtype !== node.dtype) problems.push(`is ${node.dtype}, but %${n.id} is ${n.dtype}`)
  const slots = [...outer.map(r => r.axis.extent), own.axis.extent + 1]
  const slot = node.shape.slice(path.length)
  if (slots.some((n, i) => node.shape[i] !== n))
    problems.push(`has shape [${node.shape}], which does not begin with [${slots}]`)
  if (`${shapeOf(init).slice(initPath.length)}` !== `${slot}`)
    problems.push(`holds values of shape [${slot}], but its init %${init.id} has shape [${shapeOf(init)}]`)
  if (`${shapeOf(next).slice(path.length)}` !== `${slot}`)
    problems.push(`holds values of shape [${slot}], but its next %${next.id} has shape [${shapeOf(next)}]`)
  return problems
}

const verifyRegionOrder = (
  graph: Graph,
  pathOf: (id: RegionId | undefined) => readonly Region[],
): readonly string[] => {
  const problems: string[] = []
  const closed = new Set<RegionId>()
  const computed = new Set<RegionId>()
  let open: readonly Region[] = []
  for (const node of graph.nodes) {
    const path = pathOf(regionOf(node))
    for (const r of open) if (!path.includes(r)) closed.add(r.id)
    for (const r of path)
      if (closed.has(r.id)) problems.push(`region ${r.id} is in several pieces: %${node.id} stands apart`)
    open = path
    if (node.kind === 'carry' && computed.has(node.region))
      problems.push(`carry %${node.id} does not stand at the start of region ${node.region}`)
    if (node.kind === 'compute') for (const r of path) computed.add(r.id)
    else for (const r of path.slice(0, -1)) computed.add(r.id)
  }
  return problems
}
