import type { CoreExpr } from '../core/core.js'
import { sizeConstant } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { SourceExpr } from '../syntax/ast.js'
import { isError } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { coerce, errorExpr, unifyTypes } from './coerce.js'
import type { Expected, ExpectedBy } from './expected.js'
import type { Env } from './locals.js'
import { countOf } from './wording.js'

type Literal = SourceExpr & { kind: 'array' }

/**
 * The items in row-major order and the lengths of the axes; undefined when rows differ, which is reported.
 */
const flatten = (
  cx: BodyContext,
  e: Literal,
): { items: readonly SourceExpr[]; lengths: readonly number[] } | undefined => {
  if (!e.items.some(item => item.kind === 'array')) return { items: e.items, lengths: [e.items.length] }
  const rows = e.items.map(item =>
    item.kind === 'array' ? flatten(cx, item) : { items: [item], lengths: [] },
  )
  if (rows.some(r => r === undefined)) return undefined
  const first = rows[0]!
  for (const [i, row] of rows.entries())
    if (row!.lengths.join() !== first.lengths.join()) {
      const shown = (r: typeof row): string =>
        r!.lengths.length === 0 ? 'one number' : r!.lengths.join(' × ')
      cx.report({
        code: 'E0327',
        title: `the rows of this array differ in length: ${shown(first)} and ${shown(row)}`,
        labels: [
          { span: e.items[i]!.span, text: `this is ${shown(row)}` },
          { span: e.items[0]!.span, text: `this is ${shown(first)}` },
        ],
      })
      return undefined
    }
  return { items: rows.flatMap(r => r!.items), lengths: [rows.length, ...first.lengths] }
}

/** `[1, 2, 3]`, nested for more axes: a tensor of scalars. */
export const elaborateArrayLiteral = (
  cx: BodyContext,
  env: Env,
  e: Literal,
  expected?: Expected<Type & { kind: 'tensor' }>,
): CoreExpr => {
  const flat = flatten(cx, e)
  if (flat === undefined) return errorExpr(e.span)
  if (flat.items.length === 0) {
    cx.report({
      code: 'E0327',
      title: 'an array has at least one element',
      labels: [{ span: e.span, text: 'this one is empty' }],
    })
    return errorExpr(e.span)
  }
  const dims = flat.lengths.map(sizeConstant)
  if (expected !== undefined) {
    const { type, why } = expected
    const shape: Type = { kind: 'tensor', element: type.element, dims }
    const items = flat.items.map(item => cx.check(env, item, type.element, why))
    unifyTypes(cx, { span: e.span, actual: shape, expected: type, why })
    return { kind: 'array', items, type: shape, span: e.span }
  }
  const first = cx.infer(env, flat.items[0]!)
  const element = cx.solver.head(first.type)
  if (
    !isError(element) &&
    element.kind !== 'scalar' &&
    element.kind !== 'idx' &&
    !cx.solver.isNumber(element)
  ) {
    cx.report({
      code: 'E0327',
      title: `an array is written element by element, but this element is ${cx.show(element)}`,
      labels: [{ span: first.span, text: 'not a number' }],
      hint: `write the elements, or a \`for\` over ${countOf(flat.items.length, 'case')}`,
    })
    return errorExpr(e.span)
  }
  const at: ExpectedBy = { kind: 'element', at: first.span }
  const rest = flat.items.slice(1).map(item => coerce(cx, cx.infer(env, item), element, at))
  return { kind: 'array', items: [first, ...rest], type: { kind: 'tensor', element, dims }, span: e.span }
}
