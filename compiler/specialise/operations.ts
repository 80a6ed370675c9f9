import type { DType } from '../artifact.js'
import type { CoreExpr } from '../core/core.js'
import { cast, constant, f32, i32, index, prim } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import type { EvalContext } from './eval-context.js'
import { dimensionsOf, tensorAxes } from './fresh-axes.js'
import type { Here } from './scope.js'
import { asExpr, type CoreValue, differs, isChoice, scalar, type TensorValue } from './value.js'

/**
 * A scalar operation on scalars, or elementwise on tensors of one shape; a scalar beside tensors serves
 * every element.
 */
export const lift = (
  c: EvalContext,
  at: Here,
  args: readonly CoreValue[],
  f: (xs: readonly Expr[]) => Expr,
): CoreValue => {
  const [a, b] = args
  if (args.length === 2 && isChoice(a!) && isChoice(b!)) return scalar(f([differs(a, b), i32(0)]))
  const tensors = args.filter((a): a is TensorValue => a.kind === 'tensor' && a.shape.length > 0)
  if (tensors.length === 0) return scalar(f(args.map(asExpr)))
  const own = tensorAxes(c.m.builder, tensors[0]!.shape)
  const position = own.map(index)
  const body = f(args.map(a => (a.kind === 'tensor' && a.shape.length > 0 ? a.at(position) : asExpr(a))))
  return c.m.comprehension(c.scope, at, dimensionsOf(own), body)
}

/** A choice that is made while running, and where it stands. */
export interface RuntimeChoice {
  readonly c: EvalContext
  readonly at: Here
  readonly test: Expr
}

/** `select` on values of one structure: `a` where the test holds, `b` elsewhere. */
export const choose = (choice: RuntimeChoice, a: CoreValue, b: CoreValue): CoreValue => {
  const { c, at, test } = choice
  if (a.kind === 'record' && b.kind === 'record')
    return {
      kind: 'record',
      fields: new Map([...a.fields].map(([k, x]) => [k, choose(choice, x, b.fields.get(k)!)])),
    }
  if (a.kind === 'tuple' && b.kind === 'tuple')
    return { kind: 'tuple', items: a.items.map((x, i) => choose(choice, x, b.items[i]!)) }
  if (a.kind === 'key' && b.kind === 'key')
    return {
      kind: 'key',
      words: [prim('select', test, a.words[0], b.words[0]), prim('select', test, a.words[1], b.words[1])],
    }
  if (isChoice(a) && isChoice(b)) return { kind: 'undecided', test, yes: a, no: b }
  if (a.kind === 'array' && b.kind === 'array')
    return {
      kind: 'array',
      shape: a.shape,
      at: position => choose(choice, a.at(position), b.at(position)),
    }
  return lift(c, at, [a, b], ([x, y]) => prim('select', test, x!, y!))
}

/** An operation of the core on scalars. */
export const applyOperation = (op: Extract<CoreExpr, { kind: 'op' }>['op'], xs: readonly Expr[]): Expr => {
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

export const castOf = (dtype: DType, x: Expr): Expr =>
  x.op === 'const' && dtype === 'f32' ? f32(x.value) : cast(dtype, x)
