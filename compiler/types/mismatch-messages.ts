import type { CoreExpr } from '../core/core.js'
import { countOf, ordinal } from '../core/show-type.js'
import type { Size } from '../core/size.js'
import {
  sameSize,
  sizeAsNumber,
  sizeConstant,
  sizeNamesIn,
  splitBySign,
  subtractSizes,
} from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Diagnostic, Label } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { BodyContext, ExpectedBy } from './body-context.js'
import { quoteSource } from './body-context.js'
import type { Mismatch, Solved } from './solver.js'
import { fieldTypes, sizesIn } from './type-traversal.js'

const sameSpan = (a: Span, b: Span): boolean =>
  a.source === b.source && a.start === b.start && a.end === b.end

/** Labels without those that point at a place pointed at before. */
export const distinctLabels = (labels: readonly Label[]): readonly Label[] =>
  labels.filter((l, i) => labels.findIndex(m => sameSpan(m.span, l.span)) === i)

/** Why sizes have the values they have: the places that fixed the unknowns in them. */
const causeLabels = (cx: BodyContext, sizes: readonly Size[]): readonly Label[] =>
  sizes
    .flatMap(p => cx.solver.causes(p))
    .map(({ about, cause, value }) => ({
      span: cause.span,
      text:
        about.kind === 'instance' && cx.showSize(value) !== about.name
          ? `${cause.text}: its \`${about.name}\` is ${cx.showSize(value)}`
          : cause.text,
    }))

/** `with N = D, `: what the sizes of a function or record in use are at this place. */
const withSizes = (cx: BodyContext, sizes: readonly Size[]): string => {
  const known = sizes
    .flatMap(p => cx.solver.causes(p))
    .filter(({ about }) => about.kind === 'instance')
    .map(({ about, value }) => `${about.name} = ${cx.showSize(value)}`)
  return known.length === 0 ? '' : `with ${[...new Set(known)].join(', ')} `
}

/** Where the thing that an expression reads was declared, and as what. */
export const originOf = (cx: BodyContext, e: CoreExpr): Label | undefined => {
  switch (e.kind) {
    case 'var': {
      const local = cx.locals.get(e.id)
      return local === undefined
        ? undefined
        : { span: local.span, text: `\`${local.name}\` is ${cx.show(local.type)}` }
    }
    case 'field': {
      const owner = cx.solver.head(e.target.type)
      const field = owner.kind === 'record' ? owner.record.fields.find(f => f.name === e.name) : undefined
      return field === undefined
        ? undefined
        : { span: field.span, text: `\`${e.name}\` is ${cx.show(e.type)}` }
    }
    case 'read':
      return originOf(cx, e.target)
    default:
      return undefined
  }
}

/** An index runs over another range than the axis it reads. */
export const readMismatch = (
  cx: BodyContext,
  whole: Span,
  target: CoreExpr,
  index: { readonly span: Span; readonly bound: Size },
  axis: number,
  dim: Size,
  m: Mismatch,
): Diagnostic => {
  const origin = originOf(cx, target)
  const name = quoteSource(index.span, 'the index')
  const bound = cx.showSize(index.bound)
  const length = cx.showSize(dim)
  const undetermined = m.kind === 'undetermined'
  const shape = cx.solver.head(target.type)
  const dims = shape.kind === 'tensor' || shape.kind === 'array' ? shape.dims : []
  const fitting = dims.findIndex(
    (d, i) => i !== axis && sameSize(cx.solver.size(d), cx.solver.size(index.bound)),
  )
  const elsewhere = fitting < 0 ? undefined : fitting
  return {
    code: undetermined ? 'E0324' : 'E0320',
    title: undetermined
      ? `cannot tell how ${name} divides ${length}, the ${ordinal(axis)} axis of ${quoteSource(target.span)}`
      : `${quoteSource(whole, quoteSource(target.span))} has ${length} for its ${ordinal(axis)} axis, but ${name} runs over ${bound}`,
    labels: distinctLabels([
      { span: index.span, text: undetermined ? 'more than one range fits' : `runs over ${bound}` },
      ...causeLabels(cx, [index.bound]),
      ...(origin === undefined ? [] : [origin]),
      ...causeLabels(cx, [dim]),
    ]),
    hint: undetermined
      ? 'give the ranges, for example `for (k: K, g: G) -> …`'
      : elsewhere !== undefined
        ? `${bound} is the ${ordinal(elsewhere)} axis of ${quoteSource(target.span)}: are the indices in the right order?`
        : 'read with an index of that range, or use `.at(…, else: …)` for a computed position',
  }
}

/** A size that a call, a record or a read fixes, and that is negative for some sizes of the caller. */
export const mayBeNegative = (cx: BodyContext, { about, value, cause }: Solved): Diagnostic => {
  const { more, less } = splitBySign(value)
  const need = `${cx.showSize(more)} must be at least ${cx.showSize(less)}`
  const owner = about.owner === undefined ? '' : ` of \`${about.owner}\``
  const only = sizeNamesIn(more).length === 1 && more.terms.size === 1 && sizeAsNumber(less) !== undefined
  return {
    code: 'E0315',
    title: `the size \`${about.name}\`${owner} would be ${cx.showSize(value)}, which may be negative`,
    labels: distinctLabels([
      { span: about.span, text: `${need} here` },
      ...(cause === undefined ? [] : [{ span: cause.span, text: cause.text }]),
    ]),
    text: 'A size name stands for any number from 0 up, so nothing says that this one is large enough.',
    hint: only
      ? `say so where \`${sizeNamesIn(more)[0]}\` is declared: an axis of \`${cx.showSize(more)} + ${cx.showSize(less)}\` is always long enough`
      : 'write the larger size as a sum of which the smaller one is a part',
  }
}

const expectation = (why: ExpectedBy, expected: string): string => {
  switch (why.kind) {
    case 'argument':
      return `\`${why.fn}\` takes ${expected}${why.param === '' ? '' : ` for ${why.param}`}`
    case 'result':
      return `\`${why.fn}\` promises ${expected}`
    case 'let':
      return `\`${why.name}\` is to be ${expected}`
    case 'field':
      return `the field \`${why.field}\` of ${why.record} is ${expected}`
    case 'branch':
      return `the other branch is ${expected}`
    case 'carry':
      return `what the fold carries is ${expected}`
    case 'condition':
      return 'a condition is a bool'
    case 'element':
      return `the first element is ${expected}`
    case 'operand':
      return `\`${why.op}\` wants ${expected} here`
    case 'plain':
      return why.text
  }
}

const placeText = (why: ExpectedBy, expected: string, sizes: string): string => {
  switch (why.kind) {
    case 'argument':
      return sizes === '' ? `declared as ${expected}` : `${sizes}this is ${expected}`
    case 'result':
      return 'promised here'
    case 'let':
      return 'said here'
    case 'field':
      return 'the field is declared here'
    case 'branch':
      return `this is ${expected}`
    case 'carry':
      return `begins as ${expected}`
    default:
      return `this is ${expected}`
  }
}

/** Where inside a record the wanted one is. */
const fieldHint = (
  cx: BodyContext,
  actual: Type & { kind: 'record' },
  wanted: Type & { kind: 'record' },
): string | undefined => {
  for (const [n, t] of fieldTypes(actual)) {
    const f = cx.solver.head(t)
    if (f.kind === 'record' && f.record.id === wanted.record.id) return `its field \`${n}\` is one`
    if (f.kind === 'array' && f.element.kind === 'record' && f.element.record.id === wanted.record.id)
      return `its field \`${n}\` holds them: \`….${n}[${f.dims.map((_, i) => 'ijklmn'[i]).join(', ')}]\``
  }
  return undefined
}

/** What to do when a number is of another kind than wanted. */
const conversionHint = (
  cx: BodyContext,
  span: Span,
  actual: Type,
  expected: Type,
  why: ExpectedBy,
): string | undefined => {
  const a = cx.solver.head(actual)
  const e = cx.solver.head(expected)
  const integer =
    a.kind === 'idx' ||
    (a.kind === 'scalar' && (a.dtype === 'i32' || a.dtype === 'u32' || a.dtype === 'bool'))
  if (e.kind === 'scalar' && e.dtype === 'f32' && integer) return 'convert it: `f32(…)`'
  const written = span.source.text.slice(span.start, span.end)
  const whole = e.kind === 'scalar' && (e.dtype === 'i32' || e.dtype === 'u32')
  if (whole && a.kind === 'scalar' && /^-?[\d.]/.test(written) && Number.isFinite(Number(written)))
    return why.kind === 'argument' && why.declared !== undefined
      ? 'write a whole number, or declare the parameter `f32`'
      : 'write a whole number'
  if (whole && a.kind === 'scalar') return `convert it: \`${e.dtype}(…)\``
  if (e.kind === 'idx' && integer)
    return 'a computed number may be out of range: read with `.at(…, else: …)` instead of an index'
  if (a.kind === 'fn' && e.kind !== 'fn') return 'call it'
  if (a.kind === 'record' && e.kind === 'record') return fieldHint(cx, a, e)
  if (e.kind === 'tensor' && cx.solver.isNumber(a))
    return `for every element the same: \`for ${e.dims.map((_, i) => 'ijklmn'[i]).join(', ')} -> …\``
  if (e.kind === 'scalar' && (a.kind === 'tensor' || a.kind === 'array'))
    return 'read one element of it, or write a `for` around'
  return undefined
}

/** An expression has another type than its place wants. */
export const typeMismatch = (
  cx: BodyContext,
  span: Span,
  actual: Type,
  expected: Type,
  m: Mismatch,
  why: ExpectedBy,
  from?: Span,
): Diagnostic => {
  const is = cx.show(actual)
  const open = sizesIn(expected).some(p => sizeNamesIn(cx.solver.size(p)).some(n => n.startsWith('?')))
  const declared = why.kind === 'argument' && m.kind !== 'size' && open ? why.declared : undefined
  const wanted = cx.show(declared ?? expected)
  const place =
    'at' in why && why.at !== undefined
      ? [{ span: why.at, text: placeText(why, wanted, withSizes(cx, m.sizes ?? [])) }]
      : []
  const sizes = m.sizes ?? []
  if (m.kind === 'undetermined')
    return {
      code: 'E0324',
      title: `cannot tell which sizes make ${cx.showSize(sizes[0]!)} equal to ${cx.showSize(sizes[1]!)}`,
      labels: distinctLabels([{ span, text: `this is ${is}` }, ...place, ...causeLabels(cx, sizes)]),
      hint: 'hand over something that has each of the sizes by itself',
    }
  const same = is === wanted
  const [mine, theirs] = sizes
  const detail =
    mine === undefined || theirs === undefined || sameSize(cx.solver.size(mine), cx.solver.size(theirs))
      ? undefined
      : `${m.axis !== undefined ? `The ${ordinal(m.axis)} axis` : m.size !== undefined ? `The size \`${m.size}\`` : 'The size'} is ${cx.showSize(mine)} on one side and ${cx.showSize(theirs)} on the other.`
  const hint =
    why.kind === 'condition'
      ? cx.solver.head(actual).kind === 'scalar'
        ? 'compare it, for example `x > 0`'
        : 'the condition is one bool: write the `for` around the `if`'
      : (conversionHint(cx, span, actual, expected, why) ??
        (m.kind === 'size' && m.size !== undefined && why.kind === 'argument'
          ? `a signature means one size by \`${m.size}\`, in all its records: where they differ, write \`Record(${m.size} = …)\` or another name`
          : undefined))
  return {
    code: m.kind === 'size' ? 'E0321' : m.kind === 'rank' ? 'E0323' : 'E0330',
    title: `${quoteSource(span)} is ${is}, but ${expectation(why, same ? 'another one' : wanted)}`,
    labels: distinctLabels([
      { span, text: `this is ${is}` },
      ...place,
      ...(from === undefined ? [] : [{ span: from, text: `${quoteSource(span)} stands for this` }]),
      ...causeLabels(cx, sizes),
    ]),
    ...(detail !== undefined && { text: detail }),
    ...(hint !== undefined && { hint }),
  }
}

/** A literal index that is not below every value of its axis. */
export const literalOutside = (
  cx: BodyContext,
  span: Span,
  value: number,
  bound: Size,
  target?: CoreExpr,
): Diagnostic => {
  const fixed = sizeAsNumber(bound) !== undefined
  const origin = target === undefined ? undefined : originOf(cx, target)
  return {
    code: 'E0325',
    title: fixed
      ? `${value} is not below ${cx.showSize(bound)}`
      : `nothing says that ${value} is below ${cx.showSize(bound)}`,
    labels: distinctLabels([
      {
        span,
        text: fixed
          ? `the indices are 0 to ${cx.showSize(subtractSizes(bound, sizeConstant(1)))}`
          : `must be below ${cx.showSize(bound)} for every size`,
      },
      ...(origin === undefined ? [] : [origin]),
    ]),
    ...(!fixed && { hint: `read it with a guard: \`x.at(${value}, else: …)\`` }),
  }
}

/** More indices than a tensor has axes. */
export const tooManyIndices = (
  cx: BodyContext,
  span: Span,
  target: CoreExpr,
  axes: number,
  given: number,
): Diagnostic => {
  const origin = originOf(cx, target)
  return {
    code: 'E0326',
    title: `${quoteSource(target.span)} has ${countOf(axes, 'axis', 'axes')} but is read with ${countOf(given, 'index', 'indices')}`,
    labels: distinctLabels([
      { span, text: `this is ${cx.show(target.type)}` },
      ...(origin === undefined ? [] : [origin]),
    ]),
    ...(axes > 0 && given > axes && { hint: 'a product axis is read with a tuple: `x[(i, j)]`' }),
  }
}
