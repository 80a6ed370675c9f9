import type { Diagnostic } from '../diagnostic.js'
import type { Expr } from '../syntax/ast.js'
import type { Poly } from './poly.js'
import { add, constant, mul, scale, sub } from './poly.js'
import { errorSize } from './solver.js'

/** What a size name means where it stands; undefined when it was reported. */
export type SizeNames = (n: { readonly text: string; readonly span: Expr['span'] }) => Poly | undefined

/** The polynomial that a size expression writes: whole numbers, names, `+`, `-`, `*`. */
export const sizeOf = (expr: Expr, names: SizeNames, report: (d: Diagnostic) => void): Poly => {
  const go = (e: Expr): Poly => sizeOf(e, names, report)
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
