import { f32, prim } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import type { Here, Materialiser, Scope } from './scope.js'
import { within } from './scope.js'
import { type Apply, abstract, asExpr, indices, readAt, scalar, unexpected, type Value } from './value.js'

/** A tree of tensors: scalars, tensors, records, tuples and arrays of them. */
const axesFor = (m: Materialiser, shape: readonly number[]): readonly Axis[] =>
  shape.map((n, i) => m.builder.axis('ijkmn'[i % 5]!, n))

/** What goes with one part of a tree: the same part of a tree of that shape; a scalar is `per` everything below it. */
const partOf = (other: Value, pick: (v: Value) => Value): Value =>
  other.kind === 'scalar' ? other : pick(other)

const field =
  (name: string) =>
  (v: Value): Value => {
    if (v.kind !== 'record') return unexpected('record', v)
    return v.fields.get(name) ?? unexpected(`record with ${name}`, v)
  }
const item =
  (i: number) =>
  (v: Value): Value =>
    v.kind === 'tuple' ? v.items[i]! : unexpected('tuple', v)
const element =
  (position: readonly Expr[]) =>
  (v: Value): Value =>
    v.kind === 'array' || v.kind === 'tensor' ? readAt(v, position) : v

/** Applies `f` to each element of `trees[0]` and its companions; `join` makes a part's results one value. */
const walk = <A>(
  m: Materialiser,
  scope: Scope,
  trees: readonly Value[],
  visit: {
    readonly leaf: (elements: readonly Value[], scope: Scope, axes: readonly Axis[]) => A
    readonly record: (parts: ReadonlyMap<string, A>) => A
    readonly tuple: (parts: readonly A[]) => A
    readonly array: (part: A, axes: readonly Axis[]) => A
  },
): A => {
  const [first, ...others] = trees
  const down = (pick: (v: Value) => Value, at: Scope): A =>
    walk(m, at, [pick(first!), ...others.map(o => partOf(o, pick))], visit)
  switch (first!.kind) {
    case 'scalar':
      return visit.leaf(trees, scope, [])
    case 'tensor': {
      const axes = axesFor(m, first!.shape)
      const here = element(indices(axes))
      return visit.leaf([here(first!), ...others.map(o => partOf(o, here))], within(scope, axes), axes)
    }
    case 'record':
      return visit.record(new Map([...first!.fields.keys()].map(k => [k, down(field(k), scope)])))
    case 'tuple':
      return visit.tuple(first!.items.map((_, i) => down(item(i), scope)))
    case 'array': {
      const axes = axesFor(m, first!.shape)
      return visit.array(down(element(indices(axes)), within(scope, axes)), axes)
    }
    default:
      return unexpected('tree of tensors', first!)
  }
}

/** `map(f, a, b, …)`. Where f gives a tuple, the result is a tuple of trees. */
export const mapTrees = (
  m: Materialiser,
  scope: Scope,
  here: Here,
  f: Apply,
  trees: readonly Value[],
): Value => {
  const parts = walk<readonly Value[]>(m, scope, trees, {
    leaf: (elements, at, axes) => {
      const result = f(elements, at)
      const results = result.kind === 'tuple' ? result.items : [result]
      return results.map(r =>
        axes.length === 0
          ? r
          : abstract(
              scalar(m.comprehension(at, here, [], asExpr(r)).at([])),
              axes.map(a => [a]),
            ),
      )
    },
    record: fields => transpose([...fields.values()]).map(vs => recordOf([...fields.keys()], vs)),
    tuple: items => transpose(items).map(vs => ({ kind: 'tuple', items: vs })),
    array: (part, axes) =>
      part.map(v =>
        abstract(
          v,
          axes.map(a => [a]),
        ),
      ),
  })
  return parts.length === 1 ? parts[0]! : { kind: 'tuple', items: parts }
}

/** `total(f, a, b, …)`: Σ f over every element. */
export const totalOfTrees = (
  m: Materialiser,
  scope: Scope,
  here: Here,
  f: Apply,
  trees: readonly Value[],
): Value => {
  const sum = (parts: Iterable<Expr>): Expr => {
    const all = [...parts]
    return all.length === 0 ? f32(0) : all.reduce((a, b) => prim('add', a, b))
  }
  const total = walk<Expr>(m, scope, trees, {
    leaf: (elements, at, axes) => {
      const e = asExpr(f(elements, at))
      if (axes.length === 0) return e
      const outside: Scope = { ...at, axes: at.axes.filter(a => !axes.includes(a)) }
      return asExpr(m.reduce(outside, here, 'sum', axes, e))
    },
    record: fields => sum(fields.values()),
    tuple: sum,
    array: (part, axes) => asExpr(m.reduce(scope, here, 'sum', axes, part)),
  })
  return scalar(total)
}

const transpose = (rows: readonly (readonly Value[])[]): readonly (readonly Value[])[] =>
  (rows[0] ?? []).map((_, i) => rows.map(r => r[i]!))

const recordOf = (names: readonly string[], values: readonly Value[]): Value => ({
  kind: 'record',
  fields: new Map(names.map((n, i) => [n, values[i]!])),
})
