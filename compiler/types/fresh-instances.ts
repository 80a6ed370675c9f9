import { type Size, sameSize, sizeName } from '../core/size.js'
import type { Instance, RecordDecl, Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { BodyContext } from './body-context.js'
import type { FnSignature } from './signatures.js'
import { instantiateType, sizesIn } from './type-traversal.js'

const byItself = (size: string): string => `hand over something that has \`${size}\` by itself`

/** How a call can tell a size that its arguments leave open: by the first parameter that mentions it. */
const toldBy = (cx: BodyContext, { params }: FnSignature, size: string): string => {
  for (const { name, type } of params) {
    const index = type.kind === 'tensor' ? type.element : type
    if (index.kind === 'idx' && sameSize(index.bound, sizeName(size)))
      return (
        `say below what the numbers are: hand over \`${name}\`, from \`let ${name}: ${cx.show(type)} = …\` ` +
        'with numbers for sizes'
      )
    const takes =
      type.kind === 'fn' && type.params.find(p => sizesIn(p).some(s => sameSize(s, sizeName(size))))
    if (takes) return `write the type of what the lambda takes: \`(x: ${cx.show(takes)}) -> …\``
  }
  return byItself(size)
}

/** Unknowns for the sizes and type parameters of a declaration that is being used. */
const freshInstance = (
  cx: BodyContext,
  of: { readonly name: string; readonly sizes: readonly string[]; readonly types: readonly string[] },
  span: Span,
  hintFor: (size: string) => string = byItself,
): Instance => ({
  sizes: new Map(
    of.sizes.map((n): readonly [string, Size] => [
      n,
      cx.solver.sizes.fresh({ kind: 'instance', name: n, owner: of.name, span, hint: hintFor(n) }),
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
  const instance = freshInstance(cx, signature, span, n => toldBy(cx, signature, n))
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
