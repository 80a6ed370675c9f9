import type { Poly } from '../core/poly.js'
import type { Instance, RecordDecl, Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { Context } from './context.js'
import { instantiate } from './substitute.js'
import type { Signature } from './world.js'

/** Unknowns for the sizes and type parameters of a declaration that is being used. */
const freshInstance = (
  cx: Context,
  of: { readonly name: string; readonly sizes: readonly string[]; readonly types: readonly string[] },
  span: Span,
): Instance => ({
  sizes: new Map(
    of.sizes.map((n): readonly [string, Poly] => [
      n,
      cx.solver.freshSize({ kind: 'instance', name: n, owner: of.name, span }),
    ]),
  ),
  types: new Map(of.types.map((n): readonly [string, Type] => [n, cx.solver.freshType('tree', span)])),
})

/** A function's type as one use of it sees it. */
export const instantiateSignature = (
  cx: Context,
  signature: Signature,
  span: Span,
): { readonly instance: Instance; readonly params: readonly Type[]; readonly result: Type } => {
  const instance = freshInstance(cx, signature, span)
  return {
    instance,
    params: signature.params.map(p => instantiate(p.type, instance)),
    result: instantiate(signature.result, instance),
  }
}

/** A record's type with everything about it still unknown. */
export const freshRecord = (cx: Context, record: RecordDecl, span: Span): Type & { kind: 'record' } => ({
  kind: 'record',
  record,
  instance: freshInstance(cx, record, span),
})
