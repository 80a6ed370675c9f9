import type { CoreExpr } from '../core/core.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'
import { didYouMean } from '../names/suggest.js'
import type { Name } from '../syntax/ast.js'
import { isError } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { builtinArity } from './builtin-table.js'
import { errorExpr } from './coerce.js'
import { freeIndices, inParentheses } from './foreign-names.js'
import { originLabels } from './message-labels.js'
import { fieldTypes } from './type-traversal.js'
import { quoteAll, quoteSource, sourceText } from './wording.js'

/** Reads a field of a record. */
export const elaborateFieldRead = (cx: BodyContext, target: CoreExpr, field: Name, span: Span): CoreExpr => {
  const t = cx.solver.head(target.type)
  if (isError(t)) return errorExpr(span)
  if (t.kind === 'record' || t.kind === 'fields') {
    const types = fieldTypes(t)
    const type = types.get(field.text)
    if (type !== undefined) return { kind: 'field', target, name: field.text, type, span }
    const near = didYouMean(field.text, types.keys(), field.span)
    cx.report({
      code: 'E0209',
      title: `\`${t.kind === 'record' ? t.record.name : 'this record'}\` has no field \`${field.text}\``,
      labels: [
        { span: field.span, text: `not a field of ${quoteSource(target.span)}` },
        ...(t.kind === 'record'
          ? [{ span: t.record.span, text: `\`${t.record.name}\` is declared here` }]
          : []),
      ],
      ...near,
      hint: near.hint ?? `its fields are ${quoteAll(types.keys())}`,
    })
    return errorExpr(span)
  }
  const open = t.kind === 'var' && !cx.solver.isNumber(t)
  cx.report({
    code: open ? 'E0332' : 'E0209',
    title: open
      ? `the type of ${quoteSource(target.span)} is not known here`
      : `${quoteSource(target.span)} is ${cx.show(t)}, which has no fields`,
    labels: [{ span: field.span, text: 'read here' }, ...originLabels(cx, target)],
    ...foreignField(cx, target, field, span),
    ...(t.kind === 'array' && { hint: `read one of the records first: \`x[i].${field.text}\`` }),
    ...(t.kind === 'tuple' && { hint: 'take it apart: `let (a, b) = …`' }),
    ...(t.kind === 'param' && {
      hint: '`type` parameters are trees of any fields: use `map`, `total` and `zeros_like`',
    }),
    ...(open && { hint: 'write the type of the lambda’s parameter: `(x: Record) -> …`' }),
  })
  return errorExpr(span)
}

/** `x.T`, `x.shape[0]` and `x.exp()`: how they are written here. */
const foreignField = (
  cx: BodyContext,
  target: CoreExpr,
  field: Name,
  span: Span,
): Pick<Diagnostic, 'hint' | 'fixes'> | undefined => {
  const t = cx.solver.head(target.type)
  const dims = t.kind === 'tensor' || t.kind === 'array' ? t.dims.map(d => cx.showSize(d)) : []
  const text = inParentheses(sourceText(target.span, 'x'))
  const rest = span.source.text.slice(span.end)
  if (field.text === 'T' && dims.length === 2) {
    const [i, j] = freeIndices(cx, 2)
    const written = `for ${j}, ${i} -> ${text}[${i}, ${j}]`
    return hintWithFix(`a transpose reads with its indices in the other order: \`${written}\``, {
      ...replaceBy(span, written),
    })
  }
  if (field.text === 'shape' && dims.length > 0) {
    const [read, axis] = /^\[(\d+)\]/.exec(rest) ?? []
    const size = axis === undefined ? undefined : dims[Number(axis)]
    const hint = `the sizes of ${quoteSource(target.span)} have names: ${dims.join(', ')}`
    return hintWithFix(
      size === undefined ? hint : `${hint}; write \`${size}\``,
      size === undefined ? undefined : replaceBy({ ...span, end: span.end + read!.length }, size),
    )
  }
  const [called] = /^\(\s*\)/.exec(rest) ?? []
  if (called === undefined || builtinArity(field.text) !== 1) return undefined
  const written = `${field.text}(${sourceText(target.span, 'x')})`
  return hintWithFix(
    `functions are called with their arguments: \`${written}\``,
    replaceBy({ ...span, end: span.end + called.length }, written, { sure: dims.length === 0 }),
  )
}
