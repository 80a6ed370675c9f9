/*
 * Simplification: the same outputs with less work.
 * Rewriting to a fixed point: rules on expressions, applied bottom-up to interned expressions
 * (`interner`), rules on single nodes, and passes over the graph (views inlined, equal nodes shared, loop
 * invariants hoisted, nodes computed only where they are read). Integer rules use interval analysis and
 * the normal forms of the room `affine`.
 * For example `sum j -> (if j == i then x[j] else 0)` becomes `x[i]`: one-hot sums of a derivative become
 * reads.
 * Floats keep their values exactly; no law that only holds for real numbers is used
 * (`print-source/tidy.ts` has those).
 */
import { Builder } from '../ir/builder.js'
import { childrenOf } from '../ir/expr.js'
import { sortGraph } from '../ir/graph.js'
import { interner } from '../ir/intern.js'
import { intervals } from '../ir/interval.js'
import type { Axis, ComputeNode, Expr, Graph } from '../ir/ir.js'
import { literalRange } from '../ir/verify.js'
import { absoluteValue } from './absolute-value.js'
import {
  compareDifference,
  compareRadix,
  mirrorComparison,
  settleBranches,
  singleValue,
} from './comparison-rules.js'
import { computeWhereRead } from './compute-where-read.js'
import { constantReductions } from './constant-reductions.js'
import { dropStops } from './drop-stops.js'
import { foldConstants } from './fold-constants.js'
import { hoistInvariants } from './hoist-invariants.js'
import { identities } from './identities.js'
import { inlineViews } from './inline-views.js'
import { clamp, decide } from './interval-rules.js'
import { logic } from './logic-rules.js'
import { oneHot } from './one-hot.js'
import { peelLast } from './peel-last.js'
import { divideRadix, joinRadix, nestedRadix } from './radix-rules.js'
import { guards, literalReads } from './read-rules.js'
import { replacedSlices } from './replaced-slices.js'
import type { ExprRule, Facts, NodeRule } from './rewrite-rule.js'
import { shareNodes } from './share-nodes.js'
import { splitAxes } from './split-axes.js'
import { unitAxes } from './unit-axes.js'

export interface SimplifyOptions {
  /** Keeps `stop`: before differentiation, which is what it speaks to. */
  readonly keepStops?: boolean
  /** Decides nothing by how far an index reaches, so that what holds for one set of sizes holds for all. */
  readonly anySize?: boolean
}

const exprRules: readonly ExprRule[] = [
  foldConstants,
  decide,
  identities,
  absoluteValue,
  logic,
  clamp,
  mirrorComparison,
  compareDifference,
  compareRadix,
  singleValue,
  settleBranches,
  joinRadix,
  nestedRadix,
  divideRadix,
  guards,
  literalReads,
]

const nodeRules: readonly NodeRule[] = [unitAxes, constantReductions, oneHot, splitAxes]

/**
 * Rules that undo one another would never end; what is left after so many rounds is correct, if not
 * simplest.
 */
const rounds = 30

/**
 * The same outputs with less work: all rules, until none applies. Values are kept exactly, but for the sign
 * of a sum that is 0.
 */
export const simplify = (given: Graph, options: SimplifyOptions = {}): Graph => {
  const graph = options.anySize ? given : withLastPeeled(given)
  const rules = options.keepStops ? exprRules : [dropStops, ...exprRules]
  const axis = axisSource(graph)
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const facts: Facts = {
    nodes,
    interval: intervals(literalRange(nodes), options.anySize),
    sequential: new Set(graph.regions.map(r => r.axis.id)),
    axis,
  }
  const simplifyExpr = exprSimplifier(rules, facts)
  const simplifyNode = (node: ComputeNode): ComputeNode => {
    const body = simplifyExpr(node.body)
    const out = body === node.body ? node : { ...node, body }
    for (const rule of nodeRules) {
      const next = rule(out, facts)
      if (next !== undefined) return simplifyNode(next)
    }
    return out
  }
  let current = sortGraph(graph)
  for (let n = 0; n < rounds; n++) {
    const before = current
    const changed = mapNodes(current, simplifyNode)
    const shared = shareNodes(inlineViews(changed))
    const hoisted = hoistInvariants(shared)
    const narrowed = options.anySize ? hoisted : replacedSlices(computeWhereRead(hoisted, facts), facts)
    current = narrowed === before ? before : sortGraph(narrowed)
    if (current === before) break
    nodes.clear()
    for (const node of current.nodes) nodes.set(node.id, node)
  }
  return current
}

const withLastPeeled = (graph: Graph): Graph => {
  const builder = new Builder(graph)
  const moved = peelLast(
    builder,
    graph.outputs.map(o => o.node),
  )
  if (moved === undefined) return graph
  return {
    ...graph,
    nodes: [...builder.nodes.values()],
    regions: [...builder.regions.values()],
    outputs: graph.outputs.map(o => ({ ...o, node: moved.get(o.node)! })),
  }
}

const mapNodes = (graph: Graph, f: (n: ComputeNode) => ComputeNode): Graph => {
  const nodes = graph.nodes.map(n => (n.kind === 'compute' ? f(n) : n))
  return nodes.every((n, i) => n === graph.nodes[i]) ? graph : { ...graph, nodes }
}

const axisSource = (graph: Graph): ((name: string, extent: number) => Axis) => {
  let next = 0
  for (const r of graph.regions) next = Math.max(next, r.axis.id + 1)
  for (const n of graph.nodes)
    if (n.kind === 'compute')
      for (const a of [...n.dims.flat(), ...(n.reduce?.axes ?? [])]) next = Math.max(next, a.id + 1)
  return (name, extent) => ({ id: next++, name, extent })
}

/** Simplifies bottom-up; each distinct expression once. */
const exprSimplifier = (rules: readonly ExprRule[], facts: Facts): ((e: Expr) => Expr) => {
  const intern = interner()
  const done = new Map<Expr, Expr>()
  const go = (e: Expr): Expr => {
    const known = done.get(e)
    if (known !== undefined) return known
    const children = childrenOf(e).map(go)
    const same = children.every((c, i) => c === childrenOf(e)[i])
    const rebuilt: Expr =
      same || e.op === 'const' || e.op === 'index'
        ? e
        : e.op === 'read'
          ? { ...e, at: children }
          : { ...e, args: children }
    const out = settle(intern(rebuilt))
    done.set(e, out)
    done.set(out, out)
    return out
  }
  const settle = (e: Expr): Expr => {
    const known = done.get(e)
    if (known !== undefined) return known
    for (const rule of rules) {
      const next = rule(e, facts)
      if (next !== undefined) return go(next)
    }
    return e
  }
  return go
}
