import type { CoreExpr } from '../core/core.js'
import { asConstantSize, type Size, sameSize, sizeConstant, subtractSizes } from '../core/size.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { BodyContext } from './body-context.js'
import { causeLabels, distinctLabels, originLabels } from './message-labels.js'
import type { Mismatch } from './size-solver.js'
import { countOf, ordinal, quoteSource } from './wording.js'

/** One axis that an index reads: `x[t, e]` is `whole`, and `x` is `target`. */
export interface ReadAxis {
  readonly whole: Span
  readonly target: CoreExpr
  /** Counted from 0. */
  readonly axis: number
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
        : 'read with an index of that range, or use `.at(…, else: …)` for a computed position',
  }
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
  target: CoreExpr | undefined,
): Diagnostic => {
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
    ...(!fixed && { hint: `read it with a guard: \`x.at(${value}, else: …)\`` }),
  }
}

/** The error of a read `at` a place with more indices than the target has axes. */
export const tooManyIndices = (
  cx: BodyContext,
  at: Span,
  target: CoreExpr,
  { axes, given }: { readonly axes: number; readonly given: number },
): Diagnostic => {
  const has = countOf(axes, 'axis', 'axes')
  return {
    code: 'E0326',
    title: `${quoteSource(target.span)} has ${has} but is read with ${countOf(given, 'index', 'indices')}`,
    labels: distinctLabels([
      { span: at, text: `this is ${cx.show(target.type)}` },
      ...originLabels(cx, target),
    ]),
    ...(axes > 0 && given > axes && { hint: 'a product axis is read with a tuple: `x[(i, j)]`' }),
  }
}
