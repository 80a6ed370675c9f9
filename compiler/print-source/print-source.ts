import * as E from 'fp-ts/lib/Either.js'
import type { CoreFn, Program } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { postorder } from '../ir/expr.js'
import { outerAxes, shapeOf, sortGraph } from '../ir/graph.js'
import type { Axis, ComputeNode, Expr, Graph, NodeId } from '../ir/ir.js'
import { instantiateFields } from '../specialise/parameters.js'
import type { Binder, FnItem, SourceExpr as Source } from '../syntax/ast.js'
import { printModule } from '../syntax/print-module.js'
import * as s from './build-syntax.js'
import {
  completeDefinitions,
  hasAxes,
  meanOf,
  type PrintedDefinition,
  partsOfDefinition,
  sharedParts,
  showDefinition,
} from './definitions.js'
import type { SizedGraph } from './for-all-sizes.js'
import { inlineSmall } from './inline-definitions.js'
import { type PrintedSignature, printSignature } from './printed-signature.js'
import { withSizeReads } from './size-reads.js'
import { makeTidy } from './tidy.js'
import { UniqueNames } from './unique-names.js'
import {
  dependsOn,
  type ExprWriter,
  isInferable,
  isSizeRead,
  sizeAt,
  Unwritable,
  writeExpr,
} from './write-expr.js'

/** Which derivative a graph computes. */
export interface Derivative {
  readonly program: Program
  readonly fn: CoreFn
  /** The parameter by which the function is differentiated. */
  readonly wrt: string
}

/**
 * The derivative of `fn` by its parameter `wrt`, a graph with an output `grad.…` for each of the
 * parameter's tensors, as the source of a module with one function, `fn_d_wrt`, of the same parameters.
 * Left: what of it the language cannot say.
 */
export const printSource = (
  { graph, sizes }: SizedGraph,
  derivative: Derivative,
): E.Either<string, string> => {
  const only: Graph = { ...graph, outputs: graph.outputs.filter(o => o.name.startsWith('grad.')) }
  if (only.regions.length > 0) return E.left('a loop that runs backwards')
  const named = withSizeReads({ graph: only, sizes })
  try {
    return E.right(printModule(moduleOf(inlineSmall(sortGraph(named.graph)), named.sizes, derivative)))
  } catch (error) {
    if (error instanceof Unwritable) return E.left(error.message)
    throw error
  }
}

const moduleOf = (graph: Graph, sizes: SizedGraph['sizes'], { program, fn, wrt }: Derivative) => {
  const param = fn.params.find(p => p.name === wrt)!
  const signature = printSignature(fn, program.modules.get(fn.id.slice(0, fn.id.lastIndexOf('.'))))
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const tidy = makeTidy(
    e => e.op === 'cast' && isSizeRead(nodes, e.args[0]!),
    id => shapeOf(nodes.get(id)!),
  )
  const shown = completeDefinitions(
    graph.nodes.flatMap(n => (n.kind === 'compute' ? [showDefinition(n, tidy)] : [])),
    graph.outputs.map(o => o.node),
    tidy,
  )

  const bodies = new Map([...program.fns.values()].map(f => [f.name, f.body.span]))
  const names = new UniqueNames([...fn.params.map(p => p.name), ...fn.sizes])
  const labels = new Map(
    graph.nodes.flatMap(n => (n.kind === 'input' ? [] : [[n.id, names.take(labelOf(n, bodies))] as const])),
  )
  const shared = sharedParts(shown)
  const known = new Map<Expr, string>()
  const axisLabels = labelAxes(graph, sizes)

  const scoped = (inner: UniqueNames, extra: ReadonlyMap<Expr, string>, reduction?: Source): ExprWriter => {
    const axes = new Map<number, string>()
    return {
      nodes,
      sizes,
      signature,
      nodeName: id => labels.get(id)!,
      axisName: a => {
        const name = axes.get(a.id) ?? inner.take(axisLabels.get(a.id) ?? a.name)
        axes.set(a.id, name)
        return name
      },
      known: extra,
      ...(reduction === undefined ? {} : { reduction }),
    }
  }

  const lets: (readonly [name: string, value: Source])[] = []
  /** Names the parts without axes that a definition shares with itself or another. */
  const nameInvariants = (d: PrintedDefinition): void => {
    for (const e of postorder(...partsOfDefinition(d)))
      if (shared.has(e) && !known.has(e) && !hasAxes(e)) {
        const value = writeExpr(scoped(names.inner(), known), e)
        const name = names.take(partName(e))
        lets.push([name, value])
        known.set(e, name)
      }
  }

  const definitionOf = (d: PrintedDefinition): Source => {
    const inner = names.inner()
    const here = new Map(known)
    const w = scoped(inner, here)
    const { reduce } = d.node
    const own = outerAxes(d.node)
    const mean = meanOf(d, nodes, tidy)
    const written = partsOfDefinition(d)
    const binders = d.node.dims.map(g => s.group(g.map(a => binderOf(w, a, written, g.length > 1))))
    const parts = postorder(...written).filter(e => shared.has(e) && hasAxes(e))
    const define = (which: readonly Expr[], body: () => Source): Source => {
      const made = which.map(e => {
        const value = writeExpr(w, e)
        const name = inner.take(partName(e))
        here.set(e, name)
        return [name, value] as const
      })
      return made.reduceRight((rest, [name, value]) => s.letIn(name, value, rest), body())
    }
    const inReduction = (e: Expr): boolean => dependsOn(e, reduce?.axes ?? [])
    const body = define(
      parts.filter(e => !inReduction(e)),
      () => {
        if (reduce === undefined || d.inner === undefined) return writeExpr(w, d.outer)
        const over = reduce.axes.map(a => binderOf(w, a, written, false))
        const reduction = s.reduction(
          mean === undefined ? reduce.op : 'mean',
          over,
          define(parts.filter(inReduction), () => writeExpr(w, d.inner!)),
        )
        return writeExpr({ ...w, reduction }, mean ?? d.outer)
      },
    )
    return own.length === 0 ? body : s.comprehension(binders, body)
  }

  for (const d of shown) {
    nameInvariants(d)
    lets.push([labels.get(d.node.id)!, definitionOf(d)])
  }
  for (const n of graph.nodes)
    if (n.kind === 'literal') lets.unshift([labels.get(n.id)!, literal(n.shape, n.data, n.dtype === 'f32')])

  const outputAt = (input: string, at: readonly Source[]): Source => {
    const id = graph.outputs.find(o => o.name === `grad.${input}`)?.node
    if (id === undefined) throw new Unwritable(`a derivative by \`${input}\``)
    const label = labels.get(id)
    if (label !== undefined) return s.indexed(s.variable(label), at)
    // The derivative is another parameter, as it is.
    const node = nodes.get(id)!
    const source = node.kind === 'input' ? signature.inputs.get(node.name) : undefined
    if (source === undefined || source.spec.arrayAxes > at.length)
      throw new Unwritable(`a record's part \`${input}\``)
    return s.indexed(source.target(at.slice(0, source.spec.arrayAxes)), at.slice(source.spec.arrayAxes))
  }
  const result = resultOf(param.type, param.name, outputAt, signature)
  const used = new Set(lets.map(([n]) => n))
  const last = lets.at(-1)
  const ends =
    last !== undefined && result.kind === 'name' && result.path.name.text === last[0] && used.has(last[0])
  const body = (ends ? lets.slice(0, -1) : lets).reduceRight<Source>(
    (rest, [name, value]) => s.letIn(name, value, rest),
    ends ? last[1] : result,
  )
  const item: FnItem = {
    kind: 'fn',
    name: s.word(`${fn.name}_d_${wrt}`),
    params: signature.params,
    result: signature.typeExpr(param.type),
    body,
    doc: `The derivative of \`${fn.name}\` by \`${wrt}\`.`,
    span: s.nowhere,
  }
  return { imports: signature.imports(), items: [...signature.definitions(), item], span: s.nowhere }
}

/** The name of a definition: its own label, unless that is a function of which it is only a part. */
const labelOf = (
  n: Exclude<Graph['nodes'][number], { kind: 'input' }>,
  bodies: ReadonlyMap<string, Span>,
): string => {
  const { label, span } = n.origin
  if (label.startsWith('ties of ')) return 'ties'
  if (n.kind !== 'compute' || n.reduce === undefined) return label
  const body = bodies.get(label)
  if (body === undefined || span === undefined || (body.start === span.start && body.end === span.end))
    return label
  return reducedNames[n.reduce.op]
}
const reducedNames = {
  sum: 'total',
  prod: 'product',
  max: 'largest',
  min: 'smallest',
  argmax: 'best',
  argmin: 'least',
} as const

const partNames: Readonly<Record<string, string>> = {
  exp: 'power',
  expm1: 'power',
  log: 'logarithm',
  log1p: 'logarithm',
  sqrt: 'root',
  rsqrt: 'root',
  sigmoid: 'gate',
  tanh: 'bend',
  erf: 'error',
  atan2: 'angle',
  sin: 'sine',
  cos: 'cosine',
  tan: 'tangent',
  add: 'sum_of',
  sub: 'difference',
  mul: 'product',
  div: 'ratio',
  pow: 'power',
  neg: 'negative',
  select: 'chosen',
}
const partName = (e: Expr): string => partNames[e.op] ?? 'part'

const binderOf = (w: ExprWriter, a: Axis, bodies: readonly Expr[], inProduct: boolean): Binder => {
  const name = w.axisName(a)
  const inferable = !inProduct && isInferable(w, a, bodies)
  return s.binder(name, inferable ? undefined : w.signature.size(sizeAt(w, a.extent)))
}

/** Names for the axes of derivatives, which have none: those by which the parameter itself is read. */
const labelAxes = (graph: Graph, sizes: SizedGraph['sizes']): ReadonlyMap<number, string> => {
  const generic = (a: Axis): boolean => /^i\d+$/.test(a.name)
  const inputs = new Map(graph.nodes.flatMap(n => (n.kind === 'input' ? [[n.name, n.id] as const] : [])))
  const wanted = new Map<NodeId, NodeId | undefined>(
    graph.outputs.map(o => [o.node, inputs.get(o.name.slice('grad.'.length))]),
  )
  const known = new Map<string, string>()
  for (const node of graph.nodes)
    if (node.kind === 'compute')
      for (const e of postorder(node.body))
        if (e.op === 'read')
          e.at.forEach((p, i) => {
            const key = `${e.node} ${i}`
            if (p.op === 'index' && !generic(p.axis) && !known.has(key)) known.set(key, p.axis.name)
          })
  const out = new Map<number, string>()
  const label = (node: ComputeNode): void => {
    const taken = new Set<string>()
    node.dims.forEach((d, i) => {
      for (const a of d) {
        if (!generic(a)) continue
        const size = sizes.whole.get(a.extent)
        const monomial = size === undefined ? '' : ([...size.terms.keys()][0] ?? '')
        const short =
          /^[A-Z]$/.test(monomial) && size?.terms.size === 1 ? monomial.toLowerCase() : 'ijkmn'[i % 5]!
        const of = wanted.get(node.id)
        const read = of === undefined || d.length > 1 ? undefined : known.get(`${of} ${i}`)
        const name = read !== undefined && !taken.has(read) ? read : short
        taken.add(name)
        out.set(a.id, name)
      }
    })
  }
  for (const n of graph.nodes) if (n.kind === 'compute') label(n)
  return out
}

/** The derivative in the shape of the parameter. */
const resultOf = (
  type: Type,
  name: string,
  outputAt: (input: string, at: readonly Source[]) => Source,
  signature: PrintedSignature,
): Source => {
  const go = (t: Type, path: string, at: readonly Source[]): Source => {
    switch (t.kind) {
      case 'scalar':
      case 'tensor':
        return outputAt(path, at)
      case 'record':
        // So that it is imported.
        signature.typeExpr(t)
        return s.record(
          t.record.name,
          t.record.fields.map(
            f => [f.name, go(instantiateFields(f.type, t.instance), `${path}.${f.name}`, at)] as const,
          ),
        )
      case 'array': {
        const names = t.dims.map((_, i) => `${'lmn'[i % 3]}${at.length === 0 ? '' : at.length}`)
        return s.comprehension(
          names.map(n => s.binder(n)),
          go(t.element, path, [...at, ...names.map(s.variable)]),
        )
      }
      default:
        throw new Unwritable(`a derivative in the shape of ${name}`)
    }
  }
  return go(type, name, [])
}

const literal = (shape: readonly number[], data: readonly number[], isReal: boolean): Source => {
  const go = (depth: number, offset: number): Source => {
    if (depth === shape.length) return isReal ? s.real(data[offset]!) : s.whole(data[offset]!)
    const step = shape.slice(depth + 1).reduce((a, b) => a * b, 1)
    return s.array([...Array(shape[depth]!).keys()].map(i => go(depth + 1, offset + i * step)))
  }
  return go(0, 0)
}
