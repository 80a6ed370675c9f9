import { f32, prim } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { abstract } from './abstract.js'
import { dimensionsOf, tensorAxes } from './fresh-axes.js'
import type { Materialiser } from './materialiser.js'
import { readAt } from './read-value.js'
import { type Here, type Scope, within } from './scope.js'
import { type Apply, asExpr, type CoreValue, indices, scalar, unexpected } from './value.js'

/**
 * The part of another tree that goes with one part of the first; a scalar goes with every part (`f32 per
 * P`).
 */
const partOf = (other: CoreValue, pick: (v: CoreValue) => CoreValue): CoreValue =>
  other.kind === 'scalar' ? other : pick(other)

const field =
  (name: string) =>
  (v: CoreValue): CoreValue => {
    if (v.kind !== 'record') return unexpected('record', v)
    return v.fields.get(name) ?? unexpected(`record with ${name}`, v)
  }
const item =
  (i: number) =>
  (v: CoreValue): CoreValue =>
    v.kind === 'tuple' ? v.items[i]! : unexpected('tuple', v)
const element =
  (position: readonly Expr[]) =>
  (v: CoreValue): CoreValue =>
    v.kind === 'array' || v.kind === 'tensor' ? readAt(v, position) : v

/** Trees of tensors that are walked together, and where. The first gives the structure. */
export interface TreeWalk {
  readonly m: Materialiser
  readonly scope: Scope
  readonly here: Here
  readonly trees: readonly CoreValue[]
}

/** How results are made of the elements of a tree, and of the results of its parts. */
interface TreeVisitor<A> {
  readonly leaf: (elements: readonly CoreValue[], scope: Scope, axes: readonly Axis[]) => A
  readonly record: (parts: ReadonlyMap<string, A>) => A
  readonly tuple: (parts: readonly A[]) => A
  readonly array: (part: A, axes: readonly Axis[]) => A
}

const walkTrees = <A>(walk: TreeWalk, visit: TreeVisitor<A>): A => {
  const { m, scope, trees } = walk
  const [first, ...others] = trees
  const down = (pick: (v: CoreValue) => CoreValue, at: Scope): A =>
    walkTrees({ ...walk, scope: at, trees: [pick(first!), ...others.map(o => partOf(o, pick))] }, visit)
  switch (first!.kind) {
    case 'scalar':
      return visit.leaf(trees, scope, [])
    case 'tensor': {
      const axes = tensorAxes(m.builder, first!.shape)
      const here = element(indices(axes))
      return visit.leaf([here(first!), ...others.map(o => partOf(o, here))], within(scope, axes), axes)
    }
    case 'record':
      return visit.record(new Map([...first!.fields.keys()].map(k => [k, down(field(k), scope)])))
    case 'tuple':
      return visit.tuple(first!.items.map((_, i) => down(item(i), scope)))
    case 'array': {
      const axes = tensorAxes(m.builder, first!.shape)
      return visit.array(down(element(indices(axes)), within(scope, axes)), axes)
    }
    default:
      return unexpected('tree of tensors', first!)
  }
}

/** `map(f, a, b, …)`. Where f gives a tuple, the result is a tuple of trees. */
export const mapValueTrees = (walk: TreeWalk, f: Apply): CoreValue => {
  const { m, here } = walk
  const parts = walkTrees<readonly CoreValue[]>(walk, {
    leaf: (elements, at, axes) => {
      const result = f(elements, at)
      const results = result.kind === 'tuple' ? result.items : [result]
      return results.map(r =>
        axes.length === 0
          ? r
          : abstract(scalar(m.comprehension(at, here, [], asExpr(r)).at([])), dimensionsOf(axes)),
      )
    },
    record: fields => transpose([...fields.values()]).map(vs => recordOf([...fields.keys()], vs)),
    tuple: items => transpose(items).map(vs => ({ kind: 'tuple', items: vs })),
    array: (part, axes) => part.map(v => abstract(v, dimensionsOf(axes))),
  })
  return parts.length === 1 ? parts[0]! : { kind: 'tuple', items: parts }
}

/** `total(f, a, b, …)`: Σ f over every element. */
export const totalOfTrees = (walk: TreeWalk, f: Apply): CoreValue => {
  const { m, scope, here } = walk
  const sum = (parts: Iterable<Expr>): Expr => {
    const all = [...parts]
    return all.length === 0 ? f32(0) : all.reduce((a, b) => prim('add', a, b))
  }
  const total = walkTrees<Expr>(walk, {
    leaf: (elements, at, axes) => {
      const e = asExpr(f(elements, at))
      if (axes.length === 0) return e
      const outside: Scope = { ...at, axes: at.axes.filter(a => !axes.includes(a)) }
      return asExpr(m.reduce({ scope: outside, here, op: 'sum', axes, body: e }))
    },
    record: fields => sum(fields.values()),
    tuple: sum,
    array: (part, axes) => asExpr(m.reduce({ scope, here, op: 'sum', axes, body: part })),
  })
  return scalar(total)
}

const transpose = (rows: readonly (readonly CoreValue[])[]): readonly (readonly CoreValue[])[] =>
  (rows[0] ?? []).map((_, i) => rows.map(r => r[i]!))

const recordOf = (names: readonly string[], values: readonly CoreValue[]): CoreValue => ({
  kind: 'record',
  fields: new Map(names.map((n, i) => [n, values[i]!])),
})
