import type { Size } from '../core/size.js'
import {
  addSizes,
  isNaturalSize,
  isTooLarge,
  multiplySizes,
  scaleSize,
  sizeConstant,
  sizeLimits,
  sizeNamesIn,
  sizeText,
  splitBySign,
  subtractSizes,
} from '../core/size.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { SourceExpr } from '../syntax/ast.js'
import { errorSize, isUnknownSizeName } from './basic-types.js'

/** Gives the size that a name stands for; undefined when it stands for none, which is reported. */
export type SizeResolver = (n: {
  readonly text: string
  readonly span: SourceExpr['span']
  /** Whether a record that is mentioned has the size, and its name is not written here. */
  readonly implied?: true
}) => Size | undefined

/**
 * The size that an expression writes. One that may be negative, or whose normal form is too large, is
 * reported.
 */
export const resolveSize = (expr: SourceExpr, names: SizeResolver, report: (d: Diagnostic) => void): Size =>
  refuseNegativeSize(resolveAnySize(expr, names, report), expr.span, report)

/**
 * The size itself where it is at least 0 for all natural numbers; otherwise it is reported and taken as in
 * error.
 */
export const refuseNegativeSize = (size: Size, span: Span, report: (d: Diagnostic) => void): Size => {
  if (isTooLarge(size)) {
    report(sizeTooLargeError(span))
    return errorSize
  }
  if (isNaturalSize(size) || sizeNamesIn(size).some(isUnknownSizeName)) return size
  const { more, less } = splitBySign(size)
  report({
    code: 'E0315',
    title: `the size ${sizeText(size)} may be negative`,
    labels: [
      {
        span,
        text:
          sizeNamesIn(size).length === 0
            ? 'is less than 0'
            : `is negative where ${sizeText(more)} < ${sizeText(less)}`,
      },
    ],
    text: 'A size name stands for any number from 0 up, and so does a size.',
    hint:
      sizeNamesIn(size).length === 0
        ? 'write a number from 0 up'
        : 'call the smaller size by a name and write the larger one as a sum: ' +
          '`x: f32[N + 1]` and `f32[N]` instead of `x: f32[N]` and `f32[N - 1]`',
  })
  return errorSize
}

export const sizeTooLargeError = (span: Span): Diagnostic => ({
  code: 'E0304',
  title: 'this size is too large to be compared with others',
  labels: [
    {
      span,
      text:
        `multiplied out it has more than ${sizeLimits.terms} terms, ` +
        `a product of more than ${sizeLimits.degree} sizes, or a number that is not exact`,
    },
  ],
  hint: 'give a part of it a name of its own: `size A` without a definition',
})

/** The polynomial that a size expression writes: whole numbers, names, `+`, `-`, `*`. */
export const resolveAnySize = (
  expr: SourceExpr,
  names: SizeResolver,
  report: (d: Diagnostic) => void,
): Size => {
  const go = (e: SourceExpr): Size => resolveAnySize(e, names, report)
  switch (expr.kind) {
    case 'number':
      if (expr.integer) return sizeConstant(expr.value)
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
      if (expr.op === '-') return scaleSize(go(expr.operand), -1)
      break
    case 'binary':
      if (expr.op === '+') return addSizes(go(expr.left), go(expr.right))
      if (expr.op === '-') return subtractSizes(go(expr.left), go(expr.right))
      if (expr.op === '*') return multiplySizes(go(expr.left), go(expr.right))
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
