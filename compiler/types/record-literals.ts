import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import { duplicate, lookupPath, pathText, unknownPath, whatIs } from '../names/module-scopes.js'
import { didYouMean } from '../names/suggest.js'
import type { SourceExpr } from '../syntax/ast.js'
import { errorType, isError } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { errorExpr } from './coerce.js'
import { freshRecordType } from './fresh-instances.js'
import type { Env } from './locals.js'
import { fieldTypes } from './type-traversal.js'
import { quoteAll, quoteSource } from './wording.js'

type RecordExpr = SourceExpr & { kind: 'record' }
type Fields = Type & { kind: 'record' | 'fields' }

/** `Edits { … }`, `{ … }`, `s with { … }`. */
export const elaborateRecord = (cx: BodyContext, env: Env, e: RecordExpr): CoreExpr => {
  if (e.base !== undefined) return elaborateUpdate(cx, env, e, e.base)
  if (e.type === undefined) return elaborateNameless(cx, env, e)
  const { type: path } = e
  const info =
    (path.module === undefined ? cx.parts.records?.get(path.name.text) : undefined) ??
    cx.declarations.recordAt(cx.parts.scope, path)
  if (info === 'broken') return errorExpr(e.span)
  if (info === undefined) {
    const decl = lookupPath(cx.parts.scope, path)
    if (decl === 'broken') return errorExpr(e.span)
    cx.report(
      decl === undefined
        ? unknownPath(cx.parts.scope, path, { what: 'record', kinds: ['record'] })
        : {
            code: 'E0206',
            title: `\`${pathText(path)}\` is ${whatIs(decl)}, not a record`,
            labels: [
              { span: path.span, text: 'used as a record' },
              { span: decl.name.span, text: 'declared here' },
            ],
          },
    )
    for (const f of e.fields) cx.infer(env, f.value)
    return errorExpr(e.span)
  }
  return checkRecordLiteral(cx, env, e, freshRecordType(cx, info.decl, path.span))
}

const elaborateNameless = (cx: BodyContext, env: Env, e: RecordExpr): CoreExpr => {
  const fields = new Map<string, CoreExpr>()
  for (const f of uniqueFields(cx, e)) {
    const value = cx.infer(env, f.value)
    fields.set(f.name.text, requireStorable(cx, value))
  }
  const type: Type = { kind: 'fields', fields: new Map([...fields].map(([n, v]) => [n, v.type])) }
  return { kind: 'record', fields, type, span: e.span }
}

const requireStorable = (cx: BodyContext, value: CoreExpr): CoreExpr => {
  if (cx.solver.head(value.type).kind !== 'fn') return value
  cx.report({
    code: 'E0306',
    title: 'a record without a name cannot hold a function',
    labels: [{ span: value.span, text: `this is ${cx.show(value.type)}` }],
    hint: 'write the record whose field it is: `Name { … }`',
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

/** The fields that a literal writes, checked against those of the expected record. */
const checkFields = (cx: BodyContext, env: Env, e: RecordExpr, want: Fields): Map<string, CoreExpr> => {
  const types = fieldTypes(want)
  const places = new Map(want.kind === 'record' ? want.record.fields.map(f => [f.name, f.span] as const) : [])
  const fields = new Map<string, CoreExpr>()
  for (const f of uniqueFields(cx, e)) {
    const type = types.get(f.name.text)
    if (type === undefined) {
      cx.infer(env, f.value)
      cx.report({
        code: 'E0209',
        title: `${nameOf(want)} has no field \`${f.name.text}\``,
        labels: [
          { span: f.name.span, text: 'not one of its fields' },
          ...(want.kind === 'record' ? [{ span: want.record.span, text: 'declared here' }] : []),
        ],
        hint: didYouMean(f.name.text, types.keys()).hint ?? `its fields are ${quoteAll(types.keys())}`,
      })
      continue
    }
    const at = places.get(f.name.text)
    const why = { kind: 'field', field: f.name.text, record: nameOf(want), ...(at && { at }) } as const
    fields.set(f.name.text, cx.check(env, f.value, type, why))
  }
  return fields
}

/** Fills in the fields that a literal leaves out and that have a default, and reports the others. */
const fillFields = (cx: BodyContext, e: RecordExpr, want: Fields, fields: Map<string, CoreExpr>): void => {
  const declared = want.kind === 'record' ? want.record.fields : []
  const left = [...fieldTypes(want)].filter(([n]) => !e.fields.some(f => f.name.text === n))
  const missing = left.flatMap(([name, type]) => {
    const fn = declared.find(f => f.name === name)?.default
    if (fn === undefined || want.kind !== 'record') return [name]
    cx.parts.uses(fn, e.span)
    fields.set(name, { kind: 'call', fn, instance: want.instance, args: [], type, span: e.span })
    return []
  })
  if (missing.length === 0) return
  cx.report({
    code: 'E0210',
    title: `${nameOf(want)} lacks ${quoteAll(missing)}`,
    labels: [
      { span: e.span, text: missing.length === 1 ? 'a field is missing' : 'fields are missing' },
      ...(want.kind === 'record'
        ? [{ span: want.record.span, text: `\`${want.record.name}\` is declared here` }]
        : []),
    ],
    hint: 'to change some fields of an existing record, write `r with { … }`',
  })
}

/** A literal where a record is expected. */
export const checkRecordLiteral = (cx: BodyContext, env: Env, e: RecordExpr, want: Fields): CoreExpr => {
  const fields = checkFields(cx, env, e, want)
  fillFields(cx, e, want, fields)
  return { kind: 'record', fields, type: want, span: e.span }
}

const elaborateUpdate = (cx: BodyContext, env: Env, e: RecordExpr, baseExpr: SourceExpr): CoreExpr => {
  const base = cx.infer(env, baseExpr)
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
  return { kind: 'record', base, fields: checkFields(cx, env, e, t), type: t, span: e.span }
}
