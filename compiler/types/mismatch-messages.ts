import { asConstantSize, sameSize, sizeNamesIn, splitBySign } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Diagnostic, Label } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import { isUnknownSizeName } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { type ExpectedBy, placeOfExpectation, type TypeEquation } from './expected.js'
import { freeIndices, inParentheses } from './foreign-names.js'
import { causeLabels, distinctLabels, instanceSizes } from './message-labels.js'
import type { Mismatch, SolvedSize } from './size-solver.js'
import { fieldTypes, sizesIn } from './type-traversal.js'
import { countOf, indexNames, ordinal, quoteSource, sourceText } from './wording.js'

/**
 * The error of a size that a call, a record or a read fixes, and that is negative for some sizes of the
 * caller.
 */
export const mayBeNegative = (cx: BodyContext, { about, value, cause }: SolvedSize): Diagnostic => {
  const { more, less } = splitBySign(value)
  const need = `${cx.showSize(more)} must be at least ${cx.showSize(less)}`
  const owner = about.owner === undefined ? '' : ` of \`${about.owner}\``
  const [only] = sizeNamesIn(more)
  const oneName =
    sizeNamesIn(more).length === 1 && more.terms.size === 1 && asConstantSize(less) !== undefined
  const sum = `\`${cx.showSize(more)} + ${cx.showSize(less)}\``
  return {
    code: 'E0315',
    title: `the size \`${about.name}\`${owner} would be ${cx.showSize(value)}, which may be negative`,
    labels: distinctLabels([
      { span: about.span, text: `${need} here` },
      ...(cause === undefined ? [] : [{ span: cause.span, text: cause.text }]),
    ]),
    text: 'A size name stands for any number from 0 up, so nothing says that this one is large enough.',
    hint: oneName
      ? `say so where \`${only}\` is declared: an axis of ${sum} is always long enough`
      : 'write the larger size as a sum of which the smaller one is a part',
  }
}

/** `` `f` takes f32[N] for `x` ``; `normal` takes a key. */
const takes = (fn: string, expected: string, param: string): string =>
  param === `the ${expected}`
    ? `\`${fn}\` takes a ${expected}`
    : `\`${fn}\` takes ${expected}${param === '' ? '' : ` for ${param}`}`

/** The type that a place expects, as the end of a title. */
const expectation = (why: ExpectedBy, expected: string): string => {
  switch (why.kind) {
    case 'argument':
      return takes(why.fn, expected, why.param)
    case 'result':
      return `\`${why.fn}\` returns ${expected}`
    case 'let':
      return `\`${why.name}\` has the type ${expected}`
    case 'field':
      return `the field \`${why.field}\` of ${why.record} is ${expected}`
    case 'branch':
      return `the other branch is ${expected}`
    case 'carry':
      return `the fold carries ${expected}`
    case 'condition':
      return 'a condition is a bool'
    case 'element':
      return `the first element is ${expected}`
    case 'operand':
      return `\`${why.op}\` takes ${expected} here`
    case 'plain':
      return why.text
  }
}

/** The label of the place that expects a type. */
const expectingPlace = (
  cx: BodyContext,
  why: ExpectedBy,
  expected: string,
  m: Mismatch,
): readonly Label[] => {
  const span = placeOfExpectation(why)
  if (span === undefined) return []
  const text = (): string => {
    switch (why.kind) {
      case 'argument': {
        const sizes = instanceSizes(cx, m.sizes ?? [])
        return sizes === '' ? `declared as ${expected}` : `${sizes}this is ${expected}`
      }
      case 'result':
        return `returns ${expected}`
      case 'let':
        return 'the type is written here'
      case 'field':
        return 'the field is declared here'
      case 'carry':
        return `begins as ${expected}`
      default:
        return `this is ${expected}`
    }
  }
  return [{ span, text: text() }]
}

/** A field of the record that is the wanted record, or holds an array of them. */
const fieldHint = (
  cx: BodyContext,
  actual: Type & { kind: 'record' },
  wanted: Type & { kind: 'record' },
): string | undefined => {
  for (const [n, t] of fieldTypes(actual)) {
    const f = cx.solver.head(t)
    if (f.kind === 'record' && f.record.id === wanted.record.id) return `its field \`${n}\` is one`
    if (f.kind === 'array' && f.element.kind === 'record' && f.element.record.id === wanted.record.id)
      return `its field \`${n}\` holds them: \`….${n}[${indexNames(f.dims.length)}]\``
  }
  return undefined
}

type Advice = Pick<Diagnostic, 'hint' | 'fixes'>

const convert = ({ span }: TypeEquation, to: string): Advice => {
  const written = `${to}(${span.source.text.slice(span.start, span.end)})`
  return hintWithFix(`convert it: \`${to}(${sourceText(span, '…')})\``, replaceBy(span, written))
}

/**
 * A function of a row that is given a whole batch: one `for` for the axes in front that the parameter does
 * not have.
 */
const forgottenFor = (cx: BodyContext, { span, actual, expected, why }: TypeEquation): Advice | undefined => {
  const a = cx.solver.head(actual)
  const e = cx.solver.head(expected)
  const axes = a.kind === 'tensor' || a.kind === 'array' ? a.dims.length : 0
  const wanted = e.kind === 'tensor' || e.kind === 'array' ? e.dims.length : e.kind === 'scalar' ? 0 : axes
  if (why.kind !== 'argument' || why.call === undefined || axes <= wanted) return undefined
  const { text } = span.source
  const indices = freeIndices(cx, axes - wanted).join(', ')
  const row = `${inParentheses(text.slice(span.start, span.end))}[${indices}]`
  const { start, end } = why.call
  const written = `for ${indices} -> ${text.slice(start, span.start)}${row}${text.slice(span.end, end)}`
  const more = countOf(axes - wanted, 'axis', 'axes')
  const short = written.includes('\n') ? `for ${indices} -> …` : written
  return hintWithFix(
    `${quoteSource(span)} has ${more} more: \`${short}\``,
    replaceBy(why.call, written, { sure: false }),
  )
}

const compareWithZero = ({ span }: TypeEquation): Advice => {
  const written = `${inParentheses(span.source.text.slice(span.start, span.end))} != 0`
  return hintWithFix(`compare it: \`${written}\``, replaceBy(span, written, { sure: false }))
}

/** How to make the wanted type from the type that is there. */
const conversionHint = (cx: BodyContext, equation: TypeEquation): Advice | string | undefined => {
  const { span, why } = equation
  const a = cx.solver.head(equation.actual)
  const e = cx.solver.head(equation.expected)
  const integer =
    a.kind === 'idx' ||
    (a.kind === 'scalar' && (a.dtype === 'i32' || a.dtype === 'u32' || a.dtype === 'bool'))
  if (e.kind === 'scalar' && e.dtype === 'f32' && integer) return convert(equation, 'f32')
  const written = span.source.text.slice(span.start, span.end)
  const whole = e.kind === 'scalar' && (e.dtype === 'i32' || e.dtype === 'u32')
  if (whole && a.kind === 'scalar' && /^-?[\d.]/.test(written) && Number.isFinite(Number(written)))
    return why.kind === 'argument' && why.declared !== undefined
      ? 'write a whole number, or declare the parameter `f32`'
      : 'write a whole number'
  if (whole && a.kind === 'scalar') return convert(equation, e.dtype)
  if (e.kind === 'idx' && integer)
    return 'a computed number may be out of range: read with `.at(…, else: …)` instead of an index'
  if (a.kind === 'fn' && e.kind !== 'fn') return 'call it'
  if (a.kind === 'record' && e.kind === 'record') return fieldHint(cx, a, e)
  if (e.kind === 'tensor' && cx.solver.isNumber(a)) {
    const element = span.source.text.slice(span.start, span.end)
    const same = `for ${indexNames(e.dims.length)} -> ${element}`
    return hintWithFix(`for every element the same: \`${same}\``, replaceBy(span, same))
  }
  if (e.kind === 'scalar' && (a.kind === 'tensor' || a.kind === 'array'))
    return 'read one element of it, or write a `for` around'
  return undefined
}

const mismatchHint = (cx: BodyContext, equation: TypeEquation, m: Mismatch): Advice | string | undefined => {
  const { actual, why } = equation
  const forgotten = m.kind === 'rank' || m.kind === 'type' ? forgottenFor(cx, equation) : undefined
  if (forgotten !== undefined) return forgotten
  if (why.kind === 'condition')
    return cx.solver.head(actual).kind === 'scalar'
      ? compareWithZero(equation)
      : 'the condition is one bool: write the `for` around the `if`'
  const conversion = conversionHint(cx, equation)
  if (conversion !== undefined) return conversion
  if (m.kind !== 'size' || m.size === undefined || why.kind !== 'argument') return undefined
  return (
    `\`${m.size}\` is one size within a signature, in all its records: ` +
    `where they differ, write \`Record(${m.size} = …)\` or another name`
  )
}

/** Which sizes differ: `The first axis is N on one side and M on the other.` */
const differingSizes = (cx: BodyContext, m: Mismatch): string | undefined => {
  const [mine, theirs] = m.sizes ?? []
  const { sizes } = cx.solver
  if (mine === undefined || theirs === undefined || sameSize(sizes.resolve(mine), sizes.resolve(theirs)))
    return undefined
  const subject =
    m.axis !== undefined
      ? `The ${ordinal(m.axis)} axis`
      : m.size !== undefined
        ? `The size \`${m.size}\``
        : 'The size'
  return `${subject} is ${cx.showSize(mine)} on one side and ${cx.showSize(theirs)} on the other.`
}

const mismatchCodes: Readonly<Record<Mismatch['kind'], string>> = {
  size: 'E0321',
  rank: 'E0323',
  type: 'E0330',
  undetermined: 'E0324',
}

/** The error of an expression whose type differs from the expected one. */
export const typeMismatch = (cx: BodyContext, equation: TypeEquation, m: Mismatch): Diagnostic => {
  const { span, actual, expected, why, from } = equation
  const is = cx.show(actual)
  const open = sizesIn(expected).some(p => sizeNamesIn(cx.solver.sizes.resolve(p)).some(isUnknownSizeName))
  // Unknown sizes of a signature say less than the sizes that it is declared with.
  const declared = why.kind === 'argument' && m.kind !== 'size' && open ? why.declared : undefined
  const wanted = cx.show(declared ?? expected)
  const sizes = m.sizes ?? []
  const place = expectingPlace(cx, why, wanted, m)
  if (m.kind === 'undetermined')
    return {
      code: mismatchCodes.undetermined,
      title: `cannot tell which sizes make ${cx.showSize(sizes[0]!)} equal to ${cx.showSize(sizes[1]!)}`,
      labels: distinctLabels([{ span, text: `this is ${is}` }, ...place, ...causeLabels(cx, sizes)]),
      hint: 'hand over something that has each of the sizes by itself',
    }
  const detail = differingSizes(cx, m)
  const hint = mismatchHint(cx, equation, m)
  return {
    code: mismatchCodes[m.kind],
    title: `${quoteSource(span)} is ${is}, but ${expectation(why, is === wanted ? 'another one' : wanted)}`,
    labels: distinctLabels([
      { span, text: `this is ${is}` },
      ...place,
      ...(from === undefined ? [] : [{ span: from, text: `${quoteSource(span)} stands for this` }]),
      ...causeLabels(cx, sizes),
    ]),
    ...(detail !== undefined && { text: detail }),
    ...(typeof hint === 'string' ? { hint } : hint),
  }
}
