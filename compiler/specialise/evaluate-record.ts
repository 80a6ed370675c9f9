import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import { type EvalContext, evaluateCore } from './eval-context.js'
import { type CoreValue, unexpected } from './value.js'

/** A record, whole or as a base with some fields replaced. */
export const evaluateRecord = (c: EvalContext, e: Extract<CoreExpr, { kind: 'record' }>): CoreValue => {
  const base = e.base === undefined ? undefined : evaluateCore(c, e.base)
  const inherited =
    base === undefined ? [] : base.kind === 'record' ? [...base.fields] : unexpected('record', base)
  const given = [...e.fields].map(([k, x]) => [k, evaluateCore({ ...c, label: k }, x)] as const)
  return { kind: 'record', fields: inDeclaredOrder(e.type, new Map([...inherited, ...given])) }
}

/** A record's fields in the order of its declaration, so that two ways of writing it give one layout. */
const inDeclaredOrder = (t: Type, fields: ReadonlyMap<string, CoreValue>): ReadonlyMap<string, CoreValue> =>
  t.kind === 'record' ? new Map(t.record.fields.map(f => [f.name, fields.get(f.name)!])) : fields
