import type { Size } from '../core/size.js'
import type { BinaryOp, Binder, Name, Path, ReducerName, SourceExpr, TypeExpr } from '../syntax/ast.js'

/** Constructors of syntax that was never written. */
const span = { source: { name: '', text: '' }, start: 0, end: 0 }

export const word = (text: string): Name => ({ text, span })
export const path = (text: string): Path => ({ name: word(text), span })
export const variable = (text: string): SourceExpr => ({ kind: 'name', path: path(text), span })
export const whole = (value: number): SourceExpr =>
  value < 0 ? unary('-', whole(-value)) : { kind: 'number', value, integer: true, span }
/** A number with a point. */
export const real = (value: number): SourceExpr =>
  Number.isNaN(value)
    ? binary('-', variable('inf'), variable('inf'))
    : value < 0 || Object.is(value, -0)
      ? unary('-', real(-value))
      : value === Number.POSITIVE_INFINITY
        ? variable('inf')
        : { kind: 'number', value, integer: false, span }
export const truth = (value: boolean): SourceExpr => ({ kind: 'bool', value, span })
export const binary = (op: BinaryOp, left: SourceExpr, right: SourceExpr): SourceExpr => ({
  kind: 'binary',
  op,
  left,
  right,
  span,
})
export const unary = (op: '-' | 'not', operand: SourceExpr): SourceExpr => ({
  kind: 'unary',
  op,
  operand,
  span,
})
export const call = (name: string, ...args: readonly SourceExpr[]): SourceExpr => ({
  kind: 'call',
  callee: variable(name),
  args,
  span,
})
export const field = (target: SourceExpr, name: string): SourceExpr => ({
  kind: 'field',
  target,
  field: word(name),
  span,
})
export const indexed = (target: SourceExpr, at: readonly SourceExpr[]): SourceExpr =>
  at.length === 0 ? target : { kind: 'index', target, at, span }
export const guarded = (target: SourceExpr, at: readonly SourceExpr[], otherwise: SourceExpr): SourceExpr =>
  at.length === 0 ? target : { kind: 'at', target, at, otherwise, span }
export const tuple = (items: readonly SourceExpr[]): SourceExpr => ({ kind: 'tuple', items, span })
export const choice = (condition: SourceExpr, then: SourceExpr, otherwise: SourceExpr): SourceExpr => ({
  kind: 'if',
  condition,
  then,
  otherwise,
  span,
})
export const letIn = (name: string, value: SourceExpr, body: SourceExpr): SourceExpr => ({
  kind: 'let',
  pattern: { kind: 'name', name: word(name), span },
  value,
  body,
  span,
})
export const binder = (name: string, range?: SourceExpr): Binder => ({
  kind: 'index',
  name: word(name),
  ...(range === undefined ? {} : { range }),
  span,
})
export const group = (parts: readonly Binder[]): Binder =>
  parts.length === 1 ? parts[0]! : { kind: 'product', parts, span }
export const comprehension = (binders: readonly Binder[], body: SourceExpr): SourceExpr =>
  binders.length === 0 ? body : { kind: 'for', binders, body, span }
export const reduction = (op: ReducerName, binders: readonly Binder[], body: SourceExpr): SourceExpr => ({
  kind: 'reduce',
  op,
  binders,
  body,
  span,
})
export const array = (items: readonly SourceExpr[]): SourceExpr => ({ kind: 'array', items, span })
export const record = (type: string, fields: readonly (readonly [string, SourceExpr])[]): SourceExpr => ({
  kind: 'record',
  type: path(type),
  fields: fields.map(([name, value]) => ({ name: word(name), value })),
  span,
})
export const namedType = (name: string, args: readonly (readonly [string, SourceExpr])[] = []): TypeExpr => ({
  kind: 'named',
  path: path(name),
  args: args.map(([n, size]) => ({ name: word(n), value: { kind: 'size', size }, span })),
  span,
})
export const idxType = (bound: SourceExpr): TypeExpr => ({ kind: 'idx', bound, span })
export const arrayType = (element: TypeExpr, dims: readonly SourceExpr[]): TypeExpr => ({
  kind: 'array',
  element,
  dims,
  span,
})
export const nowhere = span

/** A size as an expression: `2 * R`, `T + 1`. */
export const sizeExpr = (p: Size): SourceExpr => {
  const degree = (m: string): number => (m === '' ? 0 : m.split('*').length)
  const terms = [...p.terms].sort(([m, c], [n, d]) => Number(c < 0) - Number(d < 0) || degree(n) - degree(m))
  const term = (m: string, c: number): SourceExpr => {
    const factors = m === '' ? [] : m.split('*').map(variable)
    const all = c === 1 && factors.length > 0 ? factors : [whole(c), ...factors]
    return all.reduce((a, b) => binary('*', a, b))
  }
  const [first, ...rest] = terms
  if (first === undefined) return whole(0)
  const head = first[1] < 0 ? unary('-', term(first[0], -first[1])) : term(...first)
  return rest.reduce((sum, [m, c]) => binary(c < 0 ? '-' : '+', sum, term(m, Math.abs(c))), head)
}
