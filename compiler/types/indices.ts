import type { CoreExpr } from '../core/core.js'
import {
  asConstantSize,
  isPositiveSize,
  productOfSizes,
  type Size,
  sizeConstant,
  sizeNamesIn,
  subtractSizes,
} from '../core/size.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { SourceExpr } from '../syntax/ast.js'
import { errorSize, isError, isUnknownSizeName } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { errorExpr } from './coerce.js'
import {
  guardedRead,
  literalOutside,
  type RangedIndex,
  type ReadAxis,
  readMismatch,
} from './index-messages.js'
import type { Env } from './locals.js'
import { distinctLabels, originLabels } from './message-labels.js'
import { countOf, ordinal, quoteSource, sourceText } from './wording.js'

/** Where an index is wanted: it must be below `dim`. `read` is the axis that it reads, if it reads one. */
export interface IndexPlace {
  readonly dim: Size
  readonly read?: ReadAxis
}

/** One index of a read. */
export const elaborateIndex = (cx: BodyContext, env: Env, e: SourceExpr, place: IndexPlace): CoreExpr => {
  if (e.kind === 'number') return elaborateLiteralIndex(cx, e, place)
  if (e.kind === 'tuple') return elaborateProductIndex(cx, env, e, place)
  const index = cx.infer(env, e)
  const t = cx.solver.head(index.type)
  if (t.kind !== 'idx') return refuseNonIndex(cx, index, place.read, place.dim)
  unifyRange(cx, { span: e.span, bound: t.bound }, place)
  return index
}

/** A whole number where an index is wanted: it must be below the bound for all values of the sizes. */
export const elaborateLiteralIndex = (
  cx: BodyContext,
  e: SourceExpr & { kind: 'number' },
  { dim, read }: IndexPlace,
): CoreExpr => {
  const { value, span } = e
  if (!e.integer) return refuseNonIndex(cx, cx.infer(new Map(), e), read, dim)
  cx.solver.sizes.whenKnown(dim, known => {
    // A bound that is never fixed is an error of its own.
    if (sizeNamesIn(known).some(isUnknownSizeName)) return
    if (!isPositiveSize(subtractSizes(known, sizeConstant(value))) && cx.errors === 0)
      cx.report(literalOutside(cx, { span, value }, known, read))
  })
  return { kind: 'const', value, type: { kind: 'idx', bound: dim }, span }
}

/** `(k, g)`: one index of an axis whose size is the product of the parts' ranges. */
export const elaborateProductIndex = (
  cx: BodyContext,
  env: Env,
  e: SourceExpr & { kind: 'tuple' },
  place: IndexPlace,
): CoreExpr => {
  const bounds: Size[] = []
  const parts = e.items.map((item, i) => {
    if (item.kind === 'number' || item.kind === 'tuple') {
      const dim = cx.solver.sizes.fresh({ kind: 'extent', name: ordinal(i), span: item.span })
      bounds.push(dim)
      return elaborateIndex(cx, env, item, { ...place, dim })
    }
    const part = cx.infer(env, item)
    const t = cx.solver.head(part.type)
    bounds.push(t.kind === 'idx' ? t.bound : errorSize)
    return t.kind === 'idx' ? part : refuseNonIndex(cx, part, place.read)
  })
  unifyRange(cx, { span: e.span, bound: productOfSizes(bounds) }, place)
  return { kind: 'product', parts, bounds, type: { kind: 'idx', bound: place.dim }, span: e.span }
}

/** Makes the range of an index equal to the size of its axis. */
const unifyRange = (cx: BodyContext, index: RangedIndex, { dim, read }: IndexPlace): void => {
  const { span, bound } = index
  const axis = read && `the ${ordinal(read.axis)} axis of ${quoteSource(read.target.span)}`
  const text =
    axis === undefined
      ? `${quoteSource(span)} is used here`
      : `${quoteSource(span, 'the index')} reads ${axis} here`
  cx.solver.sizes.unify({
    sides: [bound, dim],
    cause: { span: read?.whole ?? span, text },
    fail: mismatch => {
      if (read !== undefined) cx.report(readMismatch(cx, read, { index, dim, mismatch }))
      else {
        const range = `runs over ${cx.showSize(bound)}`
        cx.report({
          code: 'E0321',
          title: `${quoteSource(span)} ${range}, but an index below ${cx.showSize(dim)} is wanted`,
          labels: [{ span, text: range }],
        })
      }
    },
  })
}

/** Reports an index that is none. `dim` is the size that it would have to be below, if that is known. */
const refuseNonIndex = (cx: BodyContext, e: CoreExpr, read: ReadAxis | undefined, dim?: Size): CoreExpr => {
  const t = cx.solver.head(e.type)
  if (isError(t)) return e
  const integer = cx.solver.isNumber(t) || (t.kind === 'scalar' && (t.dtype === 'i32' || t.dtype === 'u32'))
  const below = dim === undefined ? 'read here' : `nothing says that it is below ${cx.showSize(dim)}`
  const advice = integer && read !== undefined ? guardHint(cx, e, read, dim) : { hint: indexHint }
  const axes = t.kind === 'array' ? t.dims.length : 0
  cx.report({
    code: 'E0322',
    title: integer
      ? `${quoteSource(e.span)} is a computed number and may be out of range`
      : `${quoteSource(e.span)} is ${cx.show(t)}, not an index`,
    labels: distinctLabels([
      { span: e.span, text: below },
      ...originLabels(cx, read?.target),
      ...(integer ? [] : originLabels(cx, e)),
    ]),
    ...(axes > 0
      ? { hint: `it has ${countOf(axes, 'axis', 'axes')} more: read one of them, or write a \`for\` around` }
      : advice),
  })
  return errorExpr(e.span)
}

const indexHint =
  'an index comes from a `for`, a reduction or a fold, from data of type `idx[N]`, or is a whole number'

/** Reads at a computed number with a guard; a number below 0 counts from the end, as in Python. */
const guardHint = (
  cx: BodyContext,
  index: CoreExpr,
  read: ReadAxis,
  dim: Size | undefined,
): Pick<Diagnostic, 'hint' | 'fixes'> => {
  const text = sourceText(index.span, '…')
  const back = /^-\s*(\d+)$/.exec(text)?.[1]
  const known = dim === undefined ? undefined : cx.solver.sizes.resolve(dim)
  if (back === undefined || known === undefined) {
    const fix = guardedRead(cx, read, index.span, text)
    const written = fix?.edits[0]?.text ?? `${sourceText(read.target.span, 'x')}.at(${text}, else: …)`
    return hintWithFix(`read with a guard: \`${written}\``, fix && { ...fix, sure: false })
  }
  const place = subtractSizes(known, sizeConstant(Number(back)))
  const constant = asConstantSize(place)
  const shown = cx.showSize(place)
  const fix =
    constant !== undefined && constant >= 0
      ? replaceBy(index.span, String(constant))
      : guardedRead(cx, read, index.span, shown)
  const written = fix === undefined ? '' : `: write \`${fix.edits[0]!.text}\``
  return hintWithFix(`nothing counts from the end; that place is ${shown}${written}`, fix)
}
