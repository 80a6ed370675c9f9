import type { Poly } from '../core/poly.js'
import {
  add,
  constant,
  isNatural,
  isTooLarge,
  mul,
  namesOf,
  partsOf,
  polyLimits,
  scale,
  show,
  sub,
} from '../core/poly.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { Expr } from '../syntax/ast.js'
import { errorSize } from './solver.js'

/** What a size name means where it stands; undefined when it was reported. */
export type SizeNames = (n: { readonly text: string; readonly span: Expr['span'] }) => Poly | undefined

/** The size that an expression writes. One that may be negative, or whose normal form is too large, is reported. */
export const sizeOf = (expr: Expr, names: SizeNames, report: (d: Diagnostic) => void): Poly =>
  boundedSize(polyOf(expr, names, report), expr.span, report)

/** The size itself where it is at least 0 for all natural numbers; otherwise it is reported and taken as in error. */
export const boundedSize = (size: Poly, span: Span, report: (d: Diagnostic) => void): Poly => {
  if (isTooLarge(size)) {
    report(sizeTooLarge(span))
    return errorSize
  }
  if (isNatural(size) || namesOf(size).some(n => n.startsWith('?'))) return size
  const { more, less } = partsOf(size)
  report({
    code: 'E0315',
    title: `the size ${show(size)} may be negative`,
    labels: [
      {
        span,
        text:
          namesOf(size).length === 0 ? 'is less than 0' : `is negative where ${show(more)} < ${show(less)}`,
      },
    ],
    text: 'A size name stands for any number from 0 up, and so does a size.',
    hint:
      namesOf(size).length === 0
        ? 'write a number from 0 up'
        : 'call the smaller size by a name and write the larger one as a sum: `x: f32[N + 1]` and `f32[N]` instead of `x: f32[N]` and `f32[N - 1]`',
  })
  return errorSize
}

export const sizeTooLarge = (span: Span): Diagnostic => ({
  code: 'E0304',
  title: 'this size is too large to be compared with others',
  labels: [
    {
      span,
      text: `multiplied out it has more than ${polyLimits.terms} terms, a product of more than ${polyLimits.degree} sizes, or a number that is not exact`,
    },
  ],
  hint: 'give a part of it a name of its own: `size A` without a definition',
})

/** The polynomial that a size expression writes: whole numbers, names, `+`, `-`, `*`. */
export const polyOf = (expr: Expr, names: SizeNames, report: (d: Diagnostic) => void): Poly => {
  const go = (e: Expr): Poly => polyOf(e, names, report)
  switch (expr.kind) {
    case 'number':
      if (expr.integer) return constant(expr.value)
      report({
        code: 'E0301',
        title: 'a size is a whole number',
        labels: [{ span: expr.span, text: 'has a point or an exponent' }],
      })
      return errorSize
    case 'name':
      if (expr.path.module === undefined) return names(expr.path.name) ?? errorSize
      break
    case 'unary':
      if (expr.op === '-') return scale(go(expr.operand), -1)
      break
    case 'binary':
      if (expr.op === '+') return add(go(expr.left), go(expr.right))
      if (expr.op === '-') return sub(go(expr.left), go(expr.right))
      if (expr.op === '*') return mul(go(expr.left), go(expr.right))
      break
    default:
  }
  report({
    code: 'E0301',
    title: 'this is not a size',
    labels: [{ span: expr.span, text: 'sizes are made of whole numbers and size names by `+`, `-` and `*`' }],
    hint:
      expr.kind === 'field' || (expr.kind === 'name' && expr.path.module !== undefined)
        ? 'import the size by name: `import … (H)`'
        : 'name the quantity with `size`, for example `size R` and `size D = 2 * R`',
  })
  return errorSize
}

/** A capitalised name is a size wherever a size may stand. */
export const isSizeName = (text: string): boolean => /^[A-Z]/.test(text)
