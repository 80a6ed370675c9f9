import type { CoreExpr } from '../core/core.js'
import {
  asConstantSize,
  productOfSizes,
  type Size,
  sameSize,
  sizeConstant,
  sizeName,
  sizeNamesIn,
  subtractSizes,
} from '../core/size.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { type Fix, hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'
import type { BodyContext } from './body-context.js'
import type { Local } from './locals.js'
import { causeLabels, distinctLabels, originLabels } from './message-labels.js'
import type { Mismatch } from './size-solver.js'
import { countOf, ordinal, quoteSource, sourceText } from './wording.js'

/** One axis that an index reads: `x[t, e]` is `whole`, and `x` is `target`. */
export interface ReadAxis {
  readonly whole: Span
  readonly target: CoreExpr
  /** Counted from 0. */
  readonly axis: number
  /** How many indices are read with. */
  readonly count: number
}

/** An index with its range. */
export interface RangedIndex {
  readonly span: Span
  readonly bound: Size
}

/** The error of an index whose range differs from the axis that it reads. `dim` is the axis's size. */
export const readMismatch = (
  cx: BodyContext,
  { whole, target, axis }: ReadAxis,
  { index, dim, mismatch }: { readonly index: RangedIndex; readonly dim: Size; readonly mismatch: Mismatch },
): Diagnostic => {
  const name = quoteSource(index.span, 'the index')
  const bound = cx.showSize(index.bound)
  const length = cx.showSize(dim)
  const undetermined = mismatch.kind === 'undetermined'
  const fitting = otherAxisOf(cx, target, axis, index.bound)
  const tensor = quoteSource(target.span)
  const read = quoteSource(whole, tensor)
  return {
    code: undetermined ? 'E0324' : 'E0320',
    title: undetermined
      ? `cannot tell how ${name} divides ${length}, the ${ordinal(axis)} axis of ${tensor}`
      : `${read} has ${length} for its ${ordinal(axis)} axis, but ${name} runs over ${bound}`,
    labels: distinctLabels([
      { span: index.span, text: undetermined ? 'more than one range fits' : `runs over ${bound}` },
      ...causeLabels(cx, [index.bound]),
      ...originLabels(cx, target),
      ...causeLabels(cx, [dim]),
    ]),
    hint: undetermined
      ? 'give the ranges, for example `for (k: K, g: G) -> …`'
      : fitting !== undefined
        ? `${bound} is the ${ordinal(fitting)} axis of ${tensor}: are the indices in the right order?`
        : (halfOfPair(cx, index, dim) ??
          'read with an index of that range, or use `.at(…, else: …)` for a computed position'),
  }
}

/** For an index over K * G that reads an axis of K: to bind the pair, of which one part reads. */
const halfOfPair = (cx: BodyContext, index: RangedIndex, dim: Size): string | undefined => {
  const bound = cx.solver.sizes.resolve(index.bound)
  const wanted = cx.solver.sizes.resolve(dim)
  const [half] = sizeNamesIn(wanted)
  const [other] = sizeNamesIn(bound).filter(n => sameSize(productOfSizes([wanted, sizeName(n)]), bound))
  if (half === undefined || other === undefined) return undefined
  const name = sourceText(index.span, 'h')
  const product = `${half} * ${other}`
  const is = cx.showSize(bound) === product ? '' : `${cx.showSize(bound)} is ${product}: `
  return (
    `${is}bind the pair, \`for (${half.toLowerCase()}', ${other.toLowerCase()}') -> …\`; ` +
    `its first part reads here, and the pair \`(${half.toLowerCase()}', ${other.toLowerCase()}')\` ` +
    `stands for \`${name}\``
  )
}

/**
 * A read at a computed position, with all its indices: `x.at(t - 1, e, else: 0)` for `x[t - 1, e]`. `written`
 * stands for the index that may be out of range. Only a read of single elements has a default that can be
 * written.
 */
export const guardedRead = (
  cx: BodyContext,
  { whole, target, count }: ReadAxis,
  index: Span,
  written: string,
): Fix | undefined => {
  const t = cx.solver.head(target.type)
  if (t.kind !== 'tensor' || t.dims.length !== count) return undefined
  const { text } = whole.source
  const indices = text.slice(target.span.end, index.start) + written + text.slice(index.end, whole.end)
  const inside = /^\s*\[([\s\S]*)\]\s*$/.exec(indices)?.[1]
  const element = cx.solver.head(t.element)
  const zero = element.kind === 'scalar' && element.dtype === 'bool' ? 'false' : '0'
  return inside === undefined
    ? undefined
    : replaceBy(whole, `${text.slice(target.span.start, target.span.end)}.at(${inside}, else: ${zero})`)
}

/** Another axis of the same tensor that has this size. */
const otherAxisOf = (cx: BodyContext, target: CoreExpr, axis: number, size: Size): number | undefined => {
  const shape = cx.solver.head(target.type)
  const dims = shape.kind === 'tensor' || shape.kind === 'array' ? shape.dims : []
  const { sizes } = cx.solver
  const found = dims.findIndex((d, i) => i !== axis && sameSize(sizes.resolve(d), sizes.resolve(size)))
  return found < 0 ? undefined : found
}

/** The error of a literal index that is not below its axis for all values of the sizes. */
export const literalOutside = (
  cx: BodyContext,
  literal: { readonly span: Span; readonly value: number },
  bound: Size,
  read: ReadAxis | undefined,
): Diagnostic => {
  const target = read?.target
  const { span, value } = literal
  const fixed = asConstantSize(bound) !== undefined
  const limit = cx.showSize(bound)
  const greatest = cx.showSize(subtractSizes(bound, sizeConstant(1)))
  return {
    code: 'E0325',
    title: fixed ? `${value} is not below ${limit}` : `nothing says that ${value} is below ${limit}`,
    labels: distinctLabels([
      { span, text: fixed ? `the indices are 0 to ${greatest}` : `must be below ${limit} for every size` },
      ...originLabels(cx, target),
    ]),
    ...(!fixed && literalHint(cx, literal, read)),
  }
}

const literalHint = (
  cx: BodyContext,
  { span, value }: { readonly span: Span; readonly value: number },
  read: ReadAxis | undefined,
): Pick<Diagnostic, 'hint' | 'fixes'> => {
  const fix = read && guardedRead(cx, read, span, String(value))
  const written = fix?.edits[0]?.text ?? `x.at(${value}, else: …)`
  return hintWithFix(`read it with a guard: \`${written}\``, fix && { ...fix, sure: false })
}

/** The tensor that an index of the same name hides. */
const hiddenTensor = (cx: BodyContext, target: CoreExpr): Local | undefined => {
  if (target.kind !== 'var' || cx.solver.head(target.type).kind !== 'idx') return undefined
  const same = [...cx.locals.values()].filter(l => l.name === target.name && l.id !== target.id)
  return same.find(l => ['tensor', 'array'].includes(cx.solver.head(l.type).kind))
}

/** The error of a read `at` a place with more indices than the target has axes. */
export const tooManyIndices = (
  cx: BodyContext,
  at: Span,
  target: CoreExpr,
  { axes, given }: { readonly axes: number; readonly given: number },
): Diagnostic => {
  const has = countOf(axes, 'axis', 'axes')
  const hidden = hiddenTensor(cx, target)
  return {
    code: 'E0326',
    title: `${quoteSource(target.span)} has ${has} but is read with ${countOf(given, 'index', 'indices')}`,
    labels: distinctLabels([
      { span: at, text: `this is ${cx.show(target.type)}` },
      ...originLabels(cx, target),
      ...(hidden === undefined ? [] : [{ span: hidden.span, text: `it hides this \`${hidden.name}\`` }]),
    ]),
    ...(hidden !== undefined && { hint: `give the index \`${hidden.name}\` another name` }),
    ...(axes > 0 && given > axes && { hint: 'a product axis is read with a tuple: `x[(i, j)]`' }),
  }
}
