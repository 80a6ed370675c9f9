import type { DType } from '../artifact.js'
import { ProgramLimit, programLimits } from '../diagnostics/limit.js'
import { constant, index, rewrite, substituteAxes } from './expr.js'
import { ExprIds } from './expr-ids.js'
import { elementsOf, sortGraph } from './graph.js'
import type {
  Axis,
  AxisId,
  CarryNode,
  ComputeNode,
  Expr,
  Graph,
  Node,
  NodeId,
  OpenExtent,
  OpenSize,
  Origin,
  Output,
  ReduceOp,
  Region,
  RegionId,
} from './ir.js'
import { extentText } from './open-extent.js'

/** The value of a read of a tensor without elements. No kernel may perform such a read. */
export const ofNothing: Readonly<Record<DType, number>> = { f32: Number.NaN, i32: 0, u32: 0, bool: 0 }

const withoutEmptyReads = (node: Node, nodes: ReadonlyMap<NodeId, Node>): Node => {
  if (node.kind !== 'compute') return node
  // A node that no output needs may read a node that was removed.
  const isEmpty = (id: NodeId): boolean => {
    const read = nodes.get(id)
    return read !== undefined && elementsOf(read) === 0
  }
  const body = rewrite(node.body, e =>
    e.op === 'read' && isEmpty(e.node) ? constant(e.dtype, ofNothing[e.dtype]) : e,
  )
  return body === node.body ? node : { ...node, body }
}

/**
 * A graph under construction: the one mutable thing in the compiler's middle. Nodes may be added in any
 * order that names what exists; `finish` sorts them. Specialisation and differentiation add to the same
 * builder.
 */
export class Builder {
  readonly nodes = new Map<NodeId, Node>()
  readonly regions = new Map<RegionId, Region>()
  readonly outputs: Output[] = []
  /** Numbers for expressions of this graph. */
  readonly ids = new ExprIds(extent => this.axis('_', extent))
  private readonly known = new Map<string, NodeId>()
  private readonly sizes: readonly OpenSize[] | undefined
  private readonly shares: boolean
  private nextAxis: number
  private nextNode: number
  private nextRegion: number

  /**
   * With `anySize` nothing may be decided by how far an index reaches: the graph stands for others of other
   * sizes.
   */
  constructor(
    from?: Graph,
    readonly anySize = false,
  ) {
    this.shares = from === undefined
    this.sizes = from?.sizes
    for (const n of from?.nodes ?? []) this.nodes.set(n.id, n)
    for (const r of from?.regions ?? []) this.regions.set(r.id, r)
    for (const o of from?.outputs ?? []) this.outputs.push(o)
    const axes = [...this.nodes.values()].flatMap(n =>
      n.kind === 'compute' ? [...n.dims.flat(), ...(n.reduce?.axes ?? [])].map(a => a.id) : [],
    )
    this.nextAxis = 1 + Math.max(-1, ...axes, ...[...this.regions.values()].map(r => r.axis.id))
    this.nextNode = 1 + Math.max(-1, ...this.nodes.keys())
    this.nextRegion = 1 + Math.max(-1, ...this.regions.keys())
  }

  /** A new axis; `open` makes it one whose extent a run decides. */
  axis(name: string, extent: number, open?: OpenExtent): Axis {
    return { id: this.nextAxis++ as AxisId, name, extent, ...(open === undefined ? {} : { open }) }
  }

  node(id: NodeId): Node {
    const n = this.nodes.get(id)
    if (n === undefined) throw new Error(`node ${id} does not exist`)
    return n
  }

  region(axis: Axis, direction: 'up' | 'down', parent?: RegionId, more: Pick<Region, 'chunks'> = {}): Region {
    const region: Region = {
      id: this.nextRegion++,
      axis,
      direction,
      ...(parent === undefined ? {} : { parent }),
      ...more,
    }
    this.regions.set(region.id, region)
    return region
  }

  input(
    name: string,
    dtype: DType,
    shape: readonly number[],
    more: { readonly origin?: Origin; readonly below?: number | undefined } = {},
  ): NodeId {
    const { origin = { label: name }, below } = more
    const bounds = below === undefined ? {} : { below }
    return this.add({ kind: 'input', id: this.nextNode++, name, dtype, shape, ...bounds, origin })
  }

  literal(dtype: DType, shape: readonly number[], data: readonly number[], origin: Origin): NodeId {
    return this.add({ kind: 'literal', id: this.nextNode++, dtype, shape, data, origin })
  }

  /**
   * A compute node. Its axes, but for those of enclosing regions, are made fresh, so that no two nodes
   * share one: callers may build the body over whatever axes they have at hand.
   */
  compute(spec: {
    readonly dtype: DType
    readonly dims: readonly (readonly Axis[])[]
    readonly reduce?: { readonly op: ReduceOp; readonly axes: readonly Axis[] }
    readonly body: Expr
    readonly region?: RegionId
    /** A node of its own, even if another computes the same: what a derivative is taken by. */
    readonly unique?: true
    readonly origin: Origin
  }): NodeId {
    const text = this.shares && !spec.unique ? this.textOf(spec) : undefined
    const same = text === undefined ? undefined : this.known.get(text)
    if (same !== undefined) return same
    const sequential = new Set(this.enclosing(spec.region).map(r => r.axis.id))
    const fresh = new Map<AxisId, Axis>()
    const renew = (a: Axis): Axis => {
      if (sequential.has(a.id)) return a
      const b = this.axis(a.name, a.extent, a.open)
      fresh.set(a.id, b)
      return b
    }
    const dims = spec.dims.map(d => d.map(renew))
    const reduce = spec.reduce && { op: spec.reduce.op, axes: spec.reduce.axes.map(renew) }
    const body = substituteAxes(spec.body, new Map([...fresh].map(([id, a]) => [id, index(a)])))
    const node: ComputeNode = {
      kind: 'compute',
      id: this.nextNode++,
      dtype: spec.dtype,
      dims,
      ...(reduce ? { reduce } : {}),
      body,
      ...(spec.region === undefined ? {} : { region: spec.region }),
      origin: spec.origin,
    }
    if (text !== undefined) this.known.set(text, node.id)
    return this.add(node)
  }

  /** A text that two computations share exactly if they are equal up to the names of their own axes. */
  private textOf(spec: Parameters<Builder['compute']>[0]): string {
    const sequential = new Set(this.enclosing(spec.region).map(r => r.axis.id))
    const places = new Map<AxisId, Expr>()
    const shown = (a: Axis): string => {
      if (!sequential.has(a.id)) places.set(a.id, index(this.ids.place(places.size, a.extent)))
      return sequential.has(a.id) ? `r${a.id}` : extentText(a)
    }
    const dims = spec.dims.map(d => d.map(shown).join('·')).join()
    const reduce = spec.reduce === undefined ? '' : `${spec.reduce.op} ${spec.reduce.axes.map(shown).join()}`
    const body = this.ids.of(substituteAxes(spec.body, places))
    return `${spec.dtype} ${spec.region ?? ''} [${dims}] ${reduce} ${body}`
  }

  /** A carry whose `next` is not known yet: complete it with `closeCarry`. */
  openCarry(spec: Omit<CarryNode, 'kind' | 'id' | 'next'>): NodeId {
    const id = this.nextNode++
    return this.add({ kind: 'carry', id, next: -1, ...spec })
  }

  closeCarry(id: NodeId, next: NodeId): void {
    const carry = this.node(id)
    if (carry.kind !== 'carry') throw new Error(`node ${id} is no carry`)
    this.nodes.set(id, { ...carry, next })
  }

  /** `replaces` names the input whose place the output takes. */
  output(name: string, node: NodeId, replaces?: string): void {
    this.outputs.push({ name, node, ...(replaces === undefined ? {} : { replaces }) })
  }

  /** The region and its parents, outermost first. */
  enclosing(region: RegionId | undefined): readonly Region[] {
    if (region === undefined) return []
    const r = this.regions.get(region)!
    return [...this.enclosing(r.parent), r]
  }

  private add(node: Node): NodeId {
    if (this.shares && this.nodes.size >= programLimits.tensors)
      throw new ProgramLimit(
        'the program computes too many tensors',
        `it computes more than ${programLimits.tensors} tensors, ` +
          'functions that are called several times counted as often',
        'repeat with `fold` or `for` what is repeated by calls',
      )
    this.nodes.set(node.id, node)
    return node.id
  }

  /** The graph of what the outputs need, in evaluation order. */
  finish(): Graph {
    const made = [...this.nodes.values()]
    const rest = {
      regions: [...this.regions.values()],
      outputs: this.outputs,
      ...(this.sizes === undefined ? {} : { sizes: this.sizes }),
    }
    const sorted = sortGraph({ nodes: made, ...rest })
    const nodes = this.anySize ? sorted.nodes : sorted.nodes.map(n => withoutEmptyReads(n, this.nodes))
    const graph = nodes.every((n, i) => n === sorted.nodes[i]) ? sorted : sortGraph({ nodes, ...rest })
    const needed = new Set(graph.nodes.map(n => n.id))
    const unread = made.flatMap(n => (n.kind === 'input' && !needed.has(n.id) ? [n] : []))
    return unread.length === 0 ? graph : { ...graph, unread }
  }
}
