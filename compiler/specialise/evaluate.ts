import type { DType } from '../artifact.js'
import type { CoreBinder, CoreExpr, CoreFn, CorePattern, Program, VarId } from '../core/core.js'
import { type Poly, show, evaluate as sizeOf } from '../core/poly.js'
import type { Instance, Type } from '../core/type.js'
import { ProgramLimit, programLimits } from '../diagnostics/limit.js'
import { cast, constant, i32, index, mixedRadix, prim, read } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { evaluateBuiltin } from './builtins.js'
import { evaluateFold } from './fold.js'
import { evaluateGrad } from './grad.js'
import { castOf, choose, lift, operation } from './operations.js'
import type { StandIn } from './parameters.js'
import { type Here, type Materialiser, type Scope, within } from './scope.js'
import { evaluateArray, evaluateAt } from './tensors.js'
import {
  abstract,
  asExpr,
  asFn,
  type ConstantValue,
  constantOf,
  type GivenValue,
  isList,
  number,
  readAt,
  scalar,
  unexpected,
  type Value,
} from './value.js'

/** What surrounds an expression: the program, the sizes of the function at hand, its variables, and the index variables. */
export interface Context {
  readonly program: Program
  readonly m: Materialiser
  readonly sizes: ReadonlyMap<string, number>
  /** A size as a value; what is not given is a constant. */
  readonly sizeValue?: ((n: number) => Expr) | undefined
  /** Module constants that the model's configuration gave. */
  readonly constants: ReadonlyMap<string, ConstantValue>
  /** Inputs that are not there, and the constant that stands in for each. */
  readonly absent: ReadonlyMap<string, StandIn>
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

/** The context after `let pattern = value`. */
export const bindLet = (c: Context, pattern: CorePattern, value: CoreExpr): Context =>
  bindAll(c, match(pattern, evaluate({ ...c, label: labelOf(pattern, c.label) }, value)))

export const here = (c: Context, e: CoreExpr): Here => ({ label: c.label, span: e.span })

const dtypeOf = (t: Type): DType =>
  t.kind === 'scalar' ? t.dtype : t.kind === 'idx' ? 'i32' : t.kind === 'tensor' ? dtypeOf(t.element) : 'f32'

/** A size as a number. Throws a `ProgramLimit` for one that an index cannot count. */
export const extent = (c: Context, p: Poly): number => {
  const n = sizeOf(p, c.sizes)
  if (n <= programLimits.extent) return n
  throw new ProgramLimit(
    'a size is too large',
    `the size ${show(p)} in \`${c.label}\` is ${n}, and an index counts to ${programLimits.extent}`,
    'take smaller sizes',
  )
}

const sizeAs = (c: Context, dtype: DType, n: number): Expr =>
  c.sizeValue === undefined ? constant(dtype, n) : cast(dtype, c.sizeValue(n))

const labelOf = (pattern: CorePattern, otherwise: string): string =>
  pattern.kind === 'name' ? pattern.name : otherwise

/**
 * Evaluates the core to values over IR expressions: functions are inlined, sizes become numbers, tensors become nodes. Throws a `ProgramLimit`
 * where that would be too much.
 */
export const evaluate = (c: Context, e: CoreExpr): Value => c.m.sharing.inside(() => evaluateHere(c, e))

const evaluateHere = (c: Context, e: CoreExpr): Value => {
  switch (e.kind) {
    case 'const':
      return number(dtypeOf(e.type), Number(e.value))
    case 'choice':
      return { kind: 'choice', name: e.name }
    case 'size':
      return scalar(sizeAs(c, dtypeOf(e.type), extent(c, e.size)))
    case 'var': {
      const v = c.variables.get(e.id)
      if (v === undefined) throw new Error(`specialise: variable ${e.name} has no value`)
      return v
    }
    case 'global':
      return evaluateGlobal(c, e.id, e.type)
    case 'let':
      return evaluate(bindLet(c, e.pattern, e.value), e.body)
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
      return local(c, e)
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
      return {
        kind: 'fn',
        apply: (args, scope) => call({ ...c, scope }, e.fn, e.instance, args),
        key: () => `${e.fn}<${instanceKey(c, e.instance)}>`,
      }
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
      return lift(c, here(c, e), args, xs => operation(e.op, xs))
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

const instanceKey = (c: Context, instance: Instance): string =>
  [...instance.sizes.values()].map(p => extent(c, p)).join()

/** A lambda. Two are equal if they stand in one place of the program and see equal values. */
const local = (c: Context, e: Extract<CoreExpr, { kind: 'lambda' }>): Value => {
  const { sharing } = c.m
  let known: string | undefined
  const key = (): string => {
    const sees = sharing.captured(e, c.variables).map(id => sharing.key(c.variables.get(id)!))
    known ??= `λ${sharing.number(e)}<${[...c.sizes.values()].join()}>(${sees.join()})`
    return known
  }
  const apply = (args: readonly Value[], scope: Scope): Value =>
    sharing.once(scope, `${key()}(${args.map(a => sharing.key(a)).join()})`, () =>
      evaluate(
        bindAll(
          { ...c, scope },
          e.params.map((p, i) => [p.id, args[i]!] as const),
        ),
        e.body,
      ),
    )
  return { kind: 'fn', apply, key }
}

/** Calls a top-level function; arguments left out take their defaults, evaluated in the function's own scope. */
export const call = (c: Context, id: string, instance: Instance, args: readonly Value[]): Value => {
  const fn = c.program.fns.get(id)
  if (fn === undefined) throw new Error(`specialise: there is no function ${id}`)
  const given = args.map(a => c.m.sharing.key(a)).join()
  return c.m.sharing.once(c.scope, `${id}<${instanceKey(c, instance)}>(${given})`, () =>
    inlined(c, fn, instance, args),
  )
}

const inlined = (c: Context, fn: CoreFn, instance: Instance, args: readonly Value[]): Value => {
  const sizes = new Map([...instance.sizes].map(([name, p]) => [name, extent(c, p)]))
  let inner: Context = { ...c, sizes, variables: new Map(), label: fn.name }
  fn.params.forEach((p, i) => {
    const given = args[i] ?? evaluate(inner, p.default!)
    inner = bindAll(inner, [[p.id, given]])
  })
  return evaluate(inner, fn.body)
}

/** What the outside says of a constant or a setting of a type. */
export const givenValue = (type: Type, given: GivenValue): Value =>
  typeof given === 'string' ? { kind: 'choice', name: given } : number(dtypeOf(type), Number(given))

const evaluateGlobal = (c: Context, id: string, type: Type): Value => {
  const configured = c.constants.get(id)
  const { value, span } = c.program.consts.get(id)!
  if (configured === undefined) return evaluate({ ...c, variables: new Map() }, value)
  if (!isList(configured)) return givenValue(type, configured)
  const dtype = dtypeOf(type)
  const data = configured.map(Number)
  const [first] = data
  // What is the same for all is one constant, which decides an `if`.
  if (first !== undefined && data.every(x => x === first))
    return { kind: 'tensor', dtype, shape: [data.length], at: () => constant(dtype, first) }
  const node = c.m.builder.literal(dtype, [data.length], data, {
    label: id.slice(id.lastIndexOf('.') + 1),
    span,
  })
  return { kind: 'tensor', dtype, shape: [data.length], at: position => read(node, dtype, position) }
}

/** The axes of binders, one group a dimension, and a context in which their variables are indices. */
const bindBinders = (
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

const evaluateReduce = (c: Context, e: Extract<CoreExpr, { kind: 'reduce' }>): Value => {
  const b = bindBinders(c, e.binders)
  const body = asExpr(evaluate(b.context, e.body))
  const axes = b.groups.flat()
  const at = here(c, e)
  // Of no indices there is no index: 0 stands for it, and a read by it is a read of a tensor without elements.
  if (e.type.kind === 'idx' && axes.some(a => a.extent === 0)) return scalar(i32(0))
  const fold = (op: 'sum' | 'prod' | 'max' | 'min' | 'argmax' | 'argmin', x: Expr): Expr =>
    asExpr(c.m.reduce(c.scope, at, op, axes, x))
  switch (e.op) {
    case 'mean':
      return scalar(
        prim(
          'div',
          fold('sum', body),
          sizeAs(
            c,
            'f32',
            axes.reduce((n, a) => n * a.extent, 1),
          ),
        ),
      )
    case 'any':
      // Of nothing the maximum is the least i32, which is no `true`.
      return scalar(prim('gt', fold('max', cast('i32', body)), i32(0)))
    case 'all':
      return scalar(prim('ne', fold('min', cast('i32', body)), i32(0)))
    default:
      return scalar(fold(e.op, body))
  }
}
