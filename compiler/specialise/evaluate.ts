import type { CoreBinder, CoreExpr, CorePattern, Program, VarId } from '../core/core.js'
import { cast, constant, f32, i32, index, mixedRadix, prim, read } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { type Poly, evaluate as sizeOf } from '../types/poly.js'
import type { DType, Instance, Type } from '../types/type.js'
import { evaluateBuiltin } from './builtins.js'
import { evaluateFold } from './fold.js'
import { evaluateGrad } from './grad.js'
import { type Here, type Materialiser, type Scope, within } from './scope.js'
import {
  abstract,
  asExpr,
  asFn,
  constantOf,
  number,
  readAt,
  scalar,
  type TensorValue,
  unexpected,
  type Value,
} from './value.js'

/** What surrounds an expression: the program, the sizes of the function at hand, its variables, and the index variables. */
export interface Context {
  readonly program: Program
  readonly m: Materialiser
  readonly sizes: ReadonlyMap<string, number>
  /** Module constants that the model's configuration gave. */
  readonly constants: ReadonlyMap<string, number | boolean>
  /** Inputs that are not there, and the constant that stands in for each. */
  readonly absent: ReadonlyMap<string, number>
  readonly variables: ReadonlyMap<VarId, Value>
  readonly scope: Scope
  /** The nearest name around, for people. */
  readonly label: string
}

export const bindAll = (c: Context, more: Iterable<readonly [VarId, Value]>): Context => ({
  ...c,
  variables: new Map([...c.variables, ...more]),
})

/** The variables of a pattern with the values they get. */
export const match = (pattern: CorePattern, v: Value): readonly (readonly [VarId, Value])[] =>
  pattern.kind === 'name'
    ? [[pattern.id, v]]
    : pattern.items.flatMap((p, i) => match(p, v.kind === 'tuple' ? v.items[i]! : unexpected('tuple', v)))

export const here = (c: Context, e: CoreExpr): Here => ({ label: c.label, span: e.span })

export const dtypeOf = (t: Type): DType =>
  t.kind === 'scalar' ? t.dtype : t.kind === 'idx' ? 'i32' : t.kind === 'tensor' ? dtypeOf(t.element) : 'f32'

export const extent = (c: Context, p: Poly): number => sizeOf(p, c.sizes)

const labelOf = (pattern: CorePattern, otherwise: string): string =>
  pattern.kind === 'name' ? pattern.name : otherwise

/** Evaluates the core to values over IR expressions: functions are inlined, sizes become numbers, tensors become nodes. */
export const evaluate = (c: Context, e: CoreExpr): Value => {
  switch (e.kind) {
    case 'const':
      return number(dtypeOf(e.type), Number(e.value))
    case 'choice':
      return { kind: 'choice', name: e.name }
    case 'size':
      return number(dtypeOf(e.type), extent(c, e.size))
    case 'var': {
      const v = c.variables.get(e.id)
      if (v === undefined) throw new Error(`specialise: variable ${e.name} has no value`)
      return v
    }
    case 'global':
      return evaluateGlobal(c, e.id, e.type)
    case 'let': {
      const v = evaluate({ ...c, label: labelOf(e.pattern, c.label) }, e.value)
      return evaluate(bindAll(c, match(e.pattern, v)), e.body)
    }
    case 'if':
      return evaluateIf(c, e)
    case 'for': {
      const b = bindBinders(c, e.binders)
      const body = evaluate(b.context, e.body)
      return body.kind === 'scalar'
        ? c.m.comprehension(c.scope, here(c, e), b.groups, body.expr)
        : abstract(body, b.groups)
    }
    case 'reduce':
      return evaluateReduce(c, e)
    case 'fold':
      return evaluateFold(c, e)
    case 'lambda':
      return {
        kind: 'fn',
        apply: (args, scope) =>
          evaluate(
            bindAll(
              { ...c, scope },
              e.params.map((p, i) => [p.id, args[i]!] as const),
            ),
            e.body,
          ),
      }
    case 'call':
      return call(
        c,
        e.fn,
        e.instance,
        e.args.map(a => evaluate(c, a)),
      )
    case 'apply':
      return asFn(evaluate(c, e.callee))(
        e.args.map(a => evaluate(c, a)),
        c.scope,
      )
    case 'fn':
      return { kind: 'fn', apply: (args, scope) => call({ ...c, scope }, e.fn, e.instance, args) }
    case 'read':
      return readAt(
        evaluate(c, e.target),
        e.at.map(i => asExpr(evaluate(c, i))),
      )
    case 'at':
      return evaluateAt(c, e)
    case 'product':
      return scalar(
        mixedRadix(
          e.parts.map(p => asExpr(evaluate(c, p))),
          e.bounds.map(b => extent(c, b)),
        ),
      )
    case 'op': {
      const args = e.args.map(a => evaluate(c, a))
      return lift(c, here(c, e), args, xs => simpleOp(e.op, xs))
    }
    case 'cast': {
      const dtype = dtypeOf(e.type)
      return lift(c, here(c, e), [evaluate(c, e.arg)], ([x]) => castOf(dtype, x!))
    }
    case 'tuple':
      return { kind: 'tuple', items: e.items.map(x => evaluate(c, x)) }
    case 'record': {
      const base = e.base === undefined ? undefined : evaluate(c, e.base)
      const inherited =
        base === undefined ? [] : base.kind === 'record' ? [...base.fields] : unexpected('record', base)
      const given = [...e.fields].map(([k, x]) => [k, evaluate({ ...c, label: k }, x)] as const)
      const fields = new Map([...inherited, ...given])
      return { kind: 'record', fields: inDeclaredOrder(e.type, fields) }
    }
    case 'field': {
      const target = evaluate(c, e.target)
      return target.kind === 'record' ? target.fields.get(e.name)! : unexpected('record', target)
    }
    case 'array':
      return evaluateArray(c, e)
    case 'grad':
      return evaluateGrad(c, e)
    case 'builtin':
      return evaluateBuiltin(c, e)
  }
}

/** A record's fields in the order of its declaration, so that two ways of writing it give one layout. */
const inDeclaredOrder = (t: Type, fields: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> =>
  t.kind === 'record' ? new Map(t.record.fields.map(f => [f.name, fields.get(f.name)!])) : fields

/** Calls a top-level function; arguments left out take their defaults, evaluated in the function's own scope. */
export const call = (c: Context, id: string, instance: Instance, args: readonly Value[]): Value => {
  const fn = c.program.fns.get(id)
  if (fn === undefined) throw new Error(`specialise: there is no function ${id}`)
  const sizes = new Map([...instance.sizes].map(([name, p]) => [name, extent(c, p)]))
  let inner: Context = { ...c, sizes, variables: new Map(), label: fn.name }
  fn.params.forEach((p, i) => {
    const given = args[i] ?? evaluate(inner, p.default!)
    inner = bindAll(inner, [[p.id, given]])
  })
  return evaluate(inner, fn.body)
}

const evaluateGlobal = (c: Context, id: string, type: Type): Value => {
  const configured = c.constants.get(id)
  if (configured !== undefined) return number(dtypeOf(type), Number(configured))
  return evaluate({ ...c, variables: new Map(), sizes: new Map() }, c.program.consts.get(id)!.value)
}

/** The axes of binders, one group a dimension, and a context in which their variables are indices. */
export const bindBinders = (
  c: Context,
  binders: readonly CoreBinder[],
): { readonly context: Context; readonly groups: readonly (readonly Axis[])[] } => {
  const bound: [VarId, Value][] = []
  const axesOfBinder = (b: CoreBinder): readonly Axis[] => {
    if (b.kind === 'product') return b.parts.flatMap(axesOfBinder)
    const axis = c.m.builder.axis(b.name, extent(c, b.bound))
    bound.push([b.id, scalar(index(axis))])
    return [axis]
  }
  const groups = binders.map(axesOfBinder)
  return { context: { ...bindAll(c, bound), scope: within(c.scope, groups.flat()) }, groups }
}

const evaluateIf = (c: Context, e: Extract<CoreExpr, { kind: 'if' }>): Value => {
  const condition = evaluate(c, e.condition)
  const known = constantOf(condition)
  if (known !== undefined) return evaluate(c, known !== 0 ? e.then : e.otherwise)
  const test = asExpr(condition)
  return choose(c, here(c, e), test, evaluate(c, e.then), evaluate(c, e.otherwise))
}

const choose = (c: Context, at: Here, test: Expr, a: Value, b: Value): Value => {
  if (a.kind === 'record' && b.kind === 'record')
    return {
      kind: 'record',
      fields: new Map([...a.fields].map(([k, x]) => [k, choose(c, at, test, x, b.fields.get(k)!)])),
    }
  if (a.kind === 'tuple' && b.kind === 'tuple')
    return { kind: 'tuple', items: a.items.map((x, i) => choose(c, at, test, x, b.items[i]!)) }
  if (a.kind === 'key' && b.kind === 'key')
    return {
      kind: 'key',
      words: [prim('select', test, a.words[0], b.words[0]), prim('select', test, a.words[1], b.words[1])],
    }
  if (a.kind === 'array' && b.kind === 'array')
    return {
      kind: 'array',
      shape: a.shape,
      at: position => choose(c, at, test, a.at(position), b.at(position)),
    }
  return lift(c, at, [a, b], ([x, y]) => prim('select', test, x!, y!))
}

const simpleOp = (op: Extract<CoreExpr, { kind: 'op' }>['op'], xs: readonly Expr[]): Expr => {
  if (xs.every(x => x.op === 'const')) {
    const folded = foldConstants(
      op,
      xs.map(x => (x.op === 'const' ? x.value : 0)),
    )
    if (folded !== undefined) {
      const made = prim(op, ...xs)
      return constant(made.dtype, folded)
    }
  }
  return prim(op, ...xs)
}

/** Just what decides an `if` while specialising; all other folding is the simplifier's. */
const foldConstants = (op: string, [a, b]: readonly number[]): number | undefined => {
  switch (op) {
    case 'eq':
      return Number(a === b)
    case 'ne':
      return Number(a !== b)
    case 'lt':
      return Number(a! < b!)
    case 'le':
      return Number(a! <= b!)
    case 'gt':
      return Number(a! > b!)
    case 'ge':
      return Number(a! >= b!)
    case 'and':
      return Number(a !== 0 && b !== 0)
    case 'or':
      return Number(a !== 0 || b !== 0)
    case 'not':
      return Number(a === 0)
    case 'neg':
      return -a!
    default:
      return undefined
  }
}

const castOf = (dtype: DType, x: Expr): Expr =>
  x.op === 'const' && dtype === 'f32' ? f32(x.value) : cast(dtype, x)

/** A scalar operation on scalars, or elementwise on tensors of one shape; a scalar beside tensors serves every element. */
export const lift = (
  c: Context,
  at: Here,
  args: readonly Value[],
  f: (xs: readonly Expr[]) => Expr,
): Value => {
  if (args.length === 2 && args.every(a => a.kind === 'choice')) {
    const [a, b] = args as readonly { readonly name: string }[]
    return scalar(f([i32(a!.name === b!.name ? 0 : 1), i32(0)]))
  }
  const tensors = args.filter((a): a is TensorValue => a.kind === 'tensor' && a.shape.length > 0)
  if (tensors.length === 0) return scalar(f(args.map(asExpr)))
  const own = tensors[0]!.shape.map((n, i) => c.m.builder.axis('ijkmn'[i % 5]!, n))
  const position = own.map(index)
  const body = f(args.map(a => (a.kind === 'tensor' && a.shape.length > 0 ? a.at(position) : asExpr(a))))
  return c.m.comprehension(
    c.scope,
    at,
    own.map(a => [a]),
    body,
  )
}

const evaluateReduce = (c: Context, e: Extract<CoreExpr, { kind: 'reduce' }>): Value => {
  const b = bindBinders(c, e.binders)
  const body = asExpr(evaluate(b.context, e.body))
  const axes = b.groups.flat()
  const at = here(c, e)
  const fold = (op: 'sum' | 'prod' | 'max' | 'min' | 'argmax' | 'argmin', x: Expr): Expr =>
    asExpr(c.m.reduce(c.scope, at, op, axes, x))
  switch (e.op) {
    case 'mean':
      return scalar(prim('div', fold('sum', body), f32(axes.reduce((n, a) => n * a.extent, 1))))
    case 'any':
      return scalar(prim('ne', fold('max', cast('i32', body)), i32(0)))
    case 'all':
      return scalar(prim('ne', fold('min', cast('i32', body)), i32(0)))
    default:
      return scalar(fold(e.op, body))
  }
}

/** A guarded read: `otherwise` wherever a position lies outside. */
const evaluateAt = (c: Context, e: Extract<CoreExpr, { kind: 'at' }>): Value => {
  const target = evaluate(c, e.target)
  const position = e.at.map(i => asExpr(evaluate(c, i)))
  const otherwise = evaluate(c, e.otherwise)
  const shape =
    target.kind === 'tensor' || target.kind === 'array' ? target.shape : unexpected('tensor', target)
  const inside = position
    .map((p, i) => prim('and', prim('ge', p, i32(0)), prim('lt', p, i32(shape[i]!))))
    .reduce((a, b) => prim('and', a, b))
  const guardedRead = (more: readonly Expr[]): Expr => {
    const got = asExpr(readAt(target, [...position, ...more]))
    return got.op === 'read' ? read(got.node, got.dtype, got.at, true) : got
  }
  if (position.length === shape.length)
    return scalar(prim('select', inside, guardedRead([]), asExpr(otherwise)))
  const rest = shape.slice(position.length).map((n, i) => c.m.builder.axis('ijkmn'[i % 5]!, n))
  const at = rest.map(index)
  const body = prim('select', inside, guardedRead(at), asExpr(readAt(otherwise, at)))
  return c.m.comprehension(
    c.scope,
    here(c, e),
    rest.map(a => [a]),
    body,
  )
}

/** A literal tensor; elements that are not constants are chosen by position. */
const evaluateArray = (c: Context, e: Extract<CoreExpr, { kind: 'array' }>): Value => {
  const items = e.items.map(x => evaluate(c, x))
  const flat = flatten(items)
  if (flat !== undefined) {
    const node = c.m.builder.literal(flat.dtype, flat.shape, flat.data, { label: c.label, span: e.span })
    return {
      kind: 'tensor',
      dtype: flat.dtype,
      shape: flat.shape,
      at: position => read(node, flat.dtype, position),
    }
  }
  const axis = c.m.builder.axis('i', items.length)
  const pick = (values: readonly Expr[]): Expr =>
    values.reduceRight((rest, v, i) => prim('select', prim('eq', index(axis), i32(i)), v, rest))
  const first = items[0]!
  const rest = first.kind === 'tensor' ? first.shape.map((n, i) => c.m.builder.axis('jkmn'[i % 4]!, n)) : []
  const body = pick(items.map(v => (v.kind === 'tensor' ? v.at(rest.map(index)) : asExpr(v))))
  return c.m.comprehension(c.scope, here(c, e), [[axis], ...rest.map(a => [a])], body)
}

const flatten = (
  items: readonly Value[],
):
  | { readonly dtype: DType; readonly shape: readonly number[]; readonly data: readonly number[] }
  | undefined => {
  const exprs = items.map(v => (v.kind === 'scalar' ? negated(v.expr) : undefined))
  const data = exprs.map(e => (e?.op === 'const' ? e.value : undefined))
  if (items.length === 0 || data.some(x => x === undefined)) return undefined
  return { dtype: exprs[0]!.dtype, shape: [items.length], data: data as number[] }
}

const negated = (e: Expr): Expr => {
  const x = e.op === 'neg' ? e.args[0]! : undefined
  return x?.op === 'const' ? constant(e.dtype, -x.value) : e
}
