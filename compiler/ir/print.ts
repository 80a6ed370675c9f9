import { childrenOf, postorder } from './expr.js'
import { regionOf, regionPath, shapeOf } from './graph.js'
import type { Axis, ComputeNode, Expr, Graph, Node, PrimOp, Region, RegionId } from './ir.js'

/** How tightly an operator binds and how it is written. */
const infix: Partial<Record<PrimOp, readonly [level: number, text: string]>> = {
  or: [1, 'or'],
  and: [2, 'and'],
  lt: [3, '<'],
  le: [3, '<='],
  gt: [3, '>'],
  ge: [3, '>='],
  eq: [3, '=='],
  ne: [3, '!='],
  shr: [4, '>>'],
  add: [5, '+'],
  sub: [5, '-'],
  mul: [6, '*'],
  div: [6, '/'],
  idiv: [6, '//'],
  mod: [6, '%'],
  pow: [8, '^'],
}
const prefix = 7
const atom = 9

const number = (e: Extract<Expr, { op: 'const' }>): string =>
  e.dtype === 'bool'
    ? e.value !== 0
      ? 'true'
      : 'false'
    : e.dtype === 'f32' && Number.isInteger(e.value)
      ? `${Object.is(e.value, -0) ? '-0' : e.value}.0`
      : e.dtype === 'u32'
        ? `${e.value}u`
        : `${e.value}`.replace('Infinity', 'inf')

/** Names for axes such that two different ones are never written the same. */
const axisNamer = (): ((a: Axis) => string) => {
  const names = new Map<number, string>()
  const taken = new Set<string>()
  return a => {
    const known = names.get(a.id)
    if (known !== undefined) return known
    let name = a.name
    for (let n = 1; taken.has(name); n++) name = `${a.name}${n}`
    taken.add(name)
    names.set(a.id, name)
    return name
  }
}

/**
 * An expression as text, operators infix. Sub-expressions that occur more than once and are not short get a
 * name, given in `lets` in the order of evaluation.
 */
const printShared = (
  root: Expr,
  nameOf: (a: Axis) => string,
): { readonly lets: readonly string[]; readonly text: string } => {
  const uses = new Map<Expr, number>()
  for (const e of postorder(root)) for (const c of childrenOf(e)) uses.set(c, (uses.get(c) ?? 0) + 1)
  const done = new Map<Expr, readonly [text: string, level: number]>()
  const lets: string[] = []
  const at = (e: Expr, level: number): string => {
    const [text, own] = done.get(e)!
    return own < level ? `(${text})` : text
  }
  const form = (e: Expr): readonly [string, number] => {
    if (e.op === 'const') return [number(e), e.value < 0 ? prefix : atom]
    if (e.op === 'index') return [nameOf(e.axis), atom]
    if (e.op === 'read') {
      const position = e.at.length === 0 ? '' : `[${e.at.map(p => at(p, 0)).join(', ')}]`
      return [`%${e.node}${position}${e.guarded ? '?' : ''}`, atom]
    }
    const op = infix[e.op]
    if (op !== undefined) return [`${at(e.args[0]!, op[0])} ${op[1]} ${at(e.args[1]!, op[0] + 1)}`, op[0]]
    if (e.op === 'neg') return [`-${at(e.args[0]!, prefix + 1)}`, prefix]
    if (e.op === 'not') return [`not ${at(e.args[0]!, prefix + 1)}`, prefix]
    if (e.op === 'select')
      return [`if ${at(e.args[0]!, 1)} then ${at(e.args[1]!, 1)} else ${at(e.args[2]!, 0)}`, 0]
    return [`${e.op === 'cast' ? e.dtype : e.op}(${e.args.map(a => at(a, 0)).join(', ')})`, atom]
  }
  for (const e of postorder(root)) {
    const [text, level] = form(e)
    if (e.op !== 'const' && (uses.get(e) ?? 0) > 1 && text.length > 16) {
      const name = `$${lets.length}`
      lets.push(`${name} = ${text}`)
      done.set(e, [name, atom])
    } else done.set(e, [text, level])
  }
  return { lets, text: done.get(root)![0] }
}

/** One expression on a line; what is shared comes first: `let $0 = …; $0 * $0`. */
export const printExpr = (e: Expr, nameOf: (a: Axis) => string = axisNamer()): string => {
  const { lets, text } = printShared(e, nameOf)
  return [...lets.map(l => `let ${l}; `), text].join('')
}

const shownExtent = (a: Axis): string => (a.open === undefined ? `${a.extent}` : `≤${a.extent}`)

const printDims = (node: ComputeNode, nameOf: (a: Axis) => string): string =>
  node.dims
    .map(axes => {
      const names = axes.map(a => `${nameOf(a)}=${shownExtent(a)}`)
      return axes.length === 1 ? names[0] : `(${names.join(' ')})`
    })
    .join(', ')

/** `%7 f32[h=8, t=12] "scores" = sum d=4: %3[h, d] * %5[t, d]`. */
export const printNode = (node: Node, nameOf: (a: Axis) => string = axisNamer()): string => {
  const head = `%${node.id} ${node.dtype}`
  const label = JSON.stringify(node.origin.label)
  const shape = `[${shapeOf(node).join(', ')}]`
  switch (node.kind) {
    case 'input':
      return `${head}${shape} ${label} = input ${node.name}${node.packing ? ` as ${node.packing}` : ''}`
    case 'literal': {
      const shown = node.data.slice(0, 8).join(', ')
      return `${head}${shape} ${label} = literal ${shown}${node.data.length > 8 ? ', …' : ''}`
    }
    case 'carry':
      return `${head}${shape} ${label} = carry from %${node.init}, next %${node.next}`
    default: {
      const dims = printDims(node, nameOf)
      const reduce =
        node.reduce &&
        `${node.reduce.op} ${node.reduce.axes.map(a => `${nameOf(a)}=${shownExtent(a)}`).join(', ')}: `
      return `${head}[${dims}] ${label} = ${reduce ?? ''}${printExpr(node.body, nameOf)}`
    }
  }
}

/** A whole graph, a node a line, regions as indented blocks. */
export const printGraph = (graph: Graph): string => {
  const pathOf = (id: RegionId | undefined): readonly Region[] => regionPath(graph, id)
  const lines: string[] = []
  let open: readonly Region[] = []
  const regionNames = axisNamer()
  for (const node of graph.nodes) {
    const path = pathOf(regionOf(node))
    path.forEach((r, i) => {
      if (open[i]?.id !== r.id || open.slice(0, i).some((o, j) => o.id !== path[j]!.id))
        lines.push(`${'  '.repeat(i)}loop ${r.direction} ${regionNames(r.axis)}=${r.axis.extent}:`)
    })
    open = path
    // Each node names its own axes, but never takes a name of the loops around it.
    const nameOf = axisNamer()
    for (const r of path) nameOf({ ...r.axis, name: regionNames(r.axis) })
    lines.push(`${'  '.repeat(path.length)}${printNode(node, nameOf)}`)
  }
  return [...lines, ...graph.outputs.map(o => `output ${o.name} = %${o.node}`), ''].join('\n')
}
