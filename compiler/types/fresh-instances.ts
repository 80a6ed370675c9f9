import type { Size } from '../core/size.js'
import type { Instance, RecordDecl, Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { BodyContext } from './body-context.js'
import type { FnSignature } from './signatures.js'
import { instantiateType } from './type-traversal.js'

/** Unknowns for the sizes and type parameters of a declaration that is being used. */
const freshInstance = (
  cx: BodyContext,
  of: { readonly name: string; readonly sizes: readonly string[]; readonly types: readonly string[] },
  span: Span,
): Instance => ({
  sizes: new Map(
    of.sizes.map((n): readonly [string, Size] => [
      n,
      cx.solver.sizes.fresh({ kind: 'instance', name: n, owner: of.name, span }),
    ]),
  ),
  types: new Map(of.types.map((n): readonly [string, Type] => [n, cx.solver.freshType('tree', span)])),
})

/** A function's type as one use of it sees it. */
export const instantiateSignature = (
  cx: BodyContext,
  signature: FnSignature,
  span: Span,
): { readonly instance: Instance; readonly params: readonly Type[]; readonly result: Type } => {
  const instance = freshInstance(cx, signature, span)
  return {
    instance,
    params: signature.params.map(p => instantiateType(p.type, instance)),
    result: instantiateType(signature.result, instance),
  }
}

/** A record's type with everything about it still unknown. */
export const freshRecordType = (
  cx: BodyContext,
  record: RecordDecl,
  span: Span,
): Type & { kind: 'record' } => ({
  kind: 'record',
  record,
  instance: freshInstance(cx, record, span),
})
