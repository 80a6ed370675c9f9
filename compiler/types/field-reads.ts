import type { CoreExpr } from '../core/core.js'
import type { Span } from '../diagnostics/source.js'
import { didYouMean } from '../names/suggest.js'
import type { Name } from '../syntax/ast.js'
import { isError } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { errorExpr } from './coerce.js'
import { originLabels } from './message-labels.js'
import { fieldTypes } from './type-traversal.js'
import { quoteAll, quoteSource } from './wording.js'

/** Reads a field of a record. */
export const elaborateFieldRead = (cx: BodyContext, target: CoreExpr, field: Name, span: Span): CoreExpr => {
  const t = cx.solver.head(target.type)
  if (isError(t)) return errorExpr(span)
  if (t.kind === 'record' || t.kind === 'fields') {
    const types = fieldTypes(t)
    const type = types.get(field.text)
    if (type !== undefined) return { kind: 'field', target, name: field.text, type, span }
    const near = didYouMean(field.text, types.keys())
    cx.report({
      code: 'E0209',
      title: `\`${t.kind === 'record' ? t.record.name : 'this record'}\` has no field \`${field.text}\``,
      labels: [
        { span: field.span, text: `not a field of ${quoteSource(target.span)}` },
        ...(t.kind === 'record'
          ? [{ span: t.record.span, text: `\`${t.record.name}\` is declared here` }]
          : []),
      ],
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
    ...(t.kind === 'array' && { hint: `read one of the records first: \`x[i].${field.text}\`` }),
    ...(t.kind === 'tuple' && { hint: 'take it apart: `let (a, b) = …`' }),
    ...(t.kind === 'param' && {
      hint: '`type` parameters are trees of any fields: use `map`, `total` and `zeros_like`',
    }),
    ...(open && { hint: 'write the type of the lambda’s parameter: `(x: Record) -> …`' }),
  })
  return errorExpr(span)
}
