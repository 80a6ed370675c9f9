import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { duplicate, lookupPath, pathText, unknownPath, whatIs } from '../names/module-scopes.js'
import { didYouMean } from '../names/suggest.js'
import type { Name, SourceExpr } from '../syntax/ast.js'
import type { BodyContext, Env } from './body-context.js'
import { quoteSource } from './body-context.js'
import { asDeclaredPath } from './callee.js'
import { errorExpr } from './coerce.js'
import { check, infer } from './elaborate.js'
import { freshRecordType } from './fresh-instances.js'
import { originOf } from './mismatch-messages.js'
import { elaborateName } from './name-expressions.js'
import { errorType, isError } from './solver.js'
import { fieldTypes } from './type-traversal.js'

type RecordExpr = SourceExpr & { kind: 'record' }
type Fields = Type & { kind: 'record' | 'fields' }

/** `r.field`, or a qualified name. */
export const elaborateField = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'field' }): CoreExpr => {
  const path = asDeclaredPath(cx, env, e)
  if (path !== undefined) return elaborateName(cx, env, path, e.span)
  return elaborateFieldRead(cx, infer(cx, env, e.target), e.field, e.span)
}

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
      hint: near.hint ?? `its fields are ${[...types.keys()].map(n => `\`${n}\``).join(', ')}`,
    })
    return errorExpr(span)
  }
  const origin = originOf(cx, target)
  const open = t.kind === 'var' && !cx.solver.isNumber(t)
  cx.report({
    code: open ? 'E0332' : 'E0209',
    title: open
      ? `the type of ${quoteSource(target.span)} is not known here`
      : `${quoteSource(target.span)} is ${cx.show(t)}, which has no fields`,
    labels: [{ span: field.span, text: 'read here' }, ...(origin ? [origin] : [])],
    ...(t.kind === 'array' && { hint: `read one of the records first: \`x[i].${field.text}\`` }),
    ...(t.kind === 'tuple' && { hint: 'take it apart: `let (a, b) = …`' }),
    ...(t.kind === 'param' && {
      hint: '`type` parameters are trees of any fields: use `map`, `total` and `zeros_like`',
    }),
    ...(open && { hint: 'write the type of the lambda’s parameter: `(x: Record) -> …`' }),
  })
  return errorExpr(span)
}

/** `Edits { … }`, `{ … }`, `s with { … }`. */
export const elaborateRecord = (cx: BodyContext, env: Env, e: RecordExpr): CoreExpr => {
  if (e.base !== undefined) return updated(cx, env, e, e.base)
  if (e.type === undefined) return nameless(cx, env, e)
  const { type: path } = e
  const info =
    (path.module === undefined ? cx.parts.records?.get(path.name.text) : undefined) ??
    cx.world.recordAt(cx.parts.scope, path)
  if (info === 'broken') return errorExpr(e.span)
  if (info === undefined) {
    const decl = lookupPath(cx.parts.scope, path)
    if (decl === 'broken') return errorExpr(e.span)
    cx.report(
      decl === undefined
        ? unknownPath(cx.parts.scope, path, 'record', ['record'])
        : {
            code: 'E0206',
            title: `\`${pathText(path)}\` is ${whatIs(decl)}, not a record`,
            labels: [
              { span: path.span, text: 'used as a record' },
              { span: decl.name.span, text: 'declared here' },
            ],
          },
    )
    for (const f of e.fields) infer(cx, env, f.value)
    return errorExpr(e.span)
  }
  return checkRecordLiteral(cx, env, e, freshRecordType(cx, info.decl, path.span))
}

const nameless = (cx: BodyContext, env: Env, e: RecordExpr): CoreExpr => {
  const fields = new Map<string, CoreExpr>()
  for (const f of uniqueFields(cx, e)) {
    const value = infer(cx, env, f.value)
    fields.set(f.name.text, storable(cx, value))
  }
  const type: Type = { kind: 'fields', fields: new Map([...fields].map(([n, v]) => [n, v.type])) }
  return { kind: 'record', fields, type, span: e.span }
}

const storable = (cx: BodyContext, value: CoreExpr): CoreExpr => {
  if (cx.solver.head(value.type).kind !== 'fn') return value
  cx.report({
    code: 'E0306',
    title: 'a function cannot be stored in a record',
    labels: [{ span: value.span, text: `this is ${cx.show(value.type)}` }],
    hint: 'take what the function needs as fields instead',
  })
  return { ...value, type: errorType }
}

const uniqueFields = (cx: BodyContext, e: RecordExpr): RecordExpr['fields'] =>
  e.fields.filter((f, i) => {
    const first = e.fields.findIndex(g => g.name.text === f.name.text)
    if (first === i) return true
    cx.report(duplicate(f.name, e.fields[first]!.name.span))
    return false
  })

const nameOf = (t: Fields): string => (t.kind === 'record' ? `\`${t.record.name}\`` : 'the record')

/** The fields of a literal against those that are expected; with `partial` some may be missing. */
const checkFields = (
  cx: BodyContext,
  env: Env,
  e: RecordExpr,
  want: Fields,
  partial: boolean,
): Map<string, CoreExpr> => {
  const types = fieldTypes(want)
  const places = new Map(want.kind === 'record' ? want.record.fields.map(f => [f.name, f.span] as const) : [])
  const fields = new Map<string, CoreExpr>()
  for (const f of uniqueFields(cx, e)) {
    const type = types.get(f.name.text)
    if (type === undefined) {
      infer(cx, env, f.value)
      cx.report({
        code: 'E0209',
        title: `${nameOf(want)} has no field \`${f.name.text}\``,
        labels: [
          { span: f.name.span, text: 'not one of its fields' },
          ...(want.kind === 'record' ? [{ span: want.record.span, text: 'declared here' }] : []),
        ],
        hint:
          didYouMean(f.name.text, types.keys()).hint ??
          `its fields are ${[...types.keys()].map(n => `\`${n}\``).join(', ')}`,
      })
      continue
    }
    const at = places.get(f.name.text)
    const why = { kind: 'field', field: f.name.text, record: nameOf(want), ...(at && { at }) } as const
    fields.set(f.name.text, check(cx, env, f.value, type, why))
  }
  const missing = [...types.keys()].filter(n => !e.fields.some(f => f.name.text === n))
  if (!partial && missing.length > 0)
    cx.report({
      code: 'E0210',
      title: `${nameOf(want)} lacks ${missing.map(n => `\`${n}\``).join(', ')}`,
      labels: [
        { span: e.span, text: missing.length === 1 ? 'a field is missing' : 'fields are missing' },
        ...(want.kind === 'record'
          ? [{ span: want.record.span, text: `\`${want.record.name}\` is declared here` }]
          : []),
      ],
      hint: 'to change some fields of a record there is, write `r with { … }`',
    })
  return fields
}

/** A literal where a record is expected. */
export const checkRecordLiteral = (cx: BodyContext, env: Env, e: RecordExpr, want: Fields): CoreExpr => ({
  kind: 'record',
  fields: checkFields(cx, env, e, want, false),
  type: want,
  span: e.span,
})

const updated = (cx: BodyContext, env: Env, e: RecordExpr, baseExpr: SourceExpr): CoreExpr => {
  const base = infer(cx, env, baseExpr)
  const t = cx.solver.head(base.type)
  if (t.kind !== 'record' && t.kind !== 'fields') {
    if (!isError(t))
      cx.report({
        code: 'E0209',
        title: `${quoteSource(base.span)} is ${cx.show(t)}, not a record`,
        labels: [{ span: base.span, text: '`with` changes fields of a record' }],
      })
    return errorExpr(e.span)
  }
  return { kind: 'record', base, fields: checkFields(cx, env, e, t, true), type: t, span: e.span }
}
