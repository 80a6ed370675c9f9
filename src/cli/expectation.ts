import type { CoreExpectation } from '../../compiler/core/core.js'
import { positionOf, type Span } from '../../compiler/diagnostics/source.js'
import type { HostTensor } from '../engine/engine.js'
import { showElement, showNumber } from './show-values.js'

/** `stdlib/nn.jola:12:3`. */
export const placeOfSpan = (span: Span): string => {
  const { line, column } = positionOf(span.source, span.start)
  return `${span.source.name}:${line}:${column}`
}

const equal = (a: number, b: number, within: number): boolean =>
  a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= within

const shown = (t: HostTensor, i: number): string =>
  t.dtype === 'bool' ? (t.data[i] !== 0 ? 'true' : 'false') : showNumber(t.data[i]!, t.dtype)

/** The difference of one tensor, in words; `element` names an element of it. */
const difference = (
  actual: HostTensor,
  expected: HostTensor,
  within: number | undefined,
  name: string,
): string | undefined => {
  if (actual.data.length !== expected.data.length)
    return `it has ${actual.data.length} elements, and ${expected.data.length} are expected`
  const wrong: number[] = []
  for (let i = 0; i < actual.data.length; i++)
    if (!equal(actual.data[i]!, expected.data[i]!, within ?? 0)) wrong.push(i)
  const first = wrong[0]
  if (first === undefined) return undefined
  const gap = Math.abs(actual.data[first]! - expected.data[first]!)
  return [
    `${showElement(name, actual.shape, first)} is ${shown(actual, first)}, and ` +
      `${shown(expected, first)} is expected`,
    ...(within === undefined ? [] : [` within ${showNumber(within)}`]),
    ...(actual.dtype === 'bool' || Number.isNaN(gap) ? [] : [`; they differ by ${showNumber(gap)}`]),
    ...(wrong.length > 1 ? [` (${wrong.length} of ${actual.data.length} elements differ)`] : []),
  ].join('')
}

/**
 * Judges one `expect` by the outputs of its test's graph: without `expected` every actual must be true,
 * otherwise all elements are equal, or within the tolerance. NaN equals NaN and nothing else. The first
 * difference in words, or `undefined`.
 */
export const judge = (
  index: number,
  expectation: CoreExpectation,
  outputs: ReadonlyMap<string, HostTensor>,
): string | undefined => {
  const part = (name: 'actual' | 'expected' | 'within'): string => `${index}.${name}`
  const within = expectation.within === undefined ? undefined : outputs.get(part('within'))?.data[0]
  for (const [name, actual] of outputs) {
    if (name !== part('actual') && !name.startsWith(`${part('actual')}.`)) continue
    const field = name.slice(part('actual').length)
    const label = field === '' ? 'value' : field.slice(1)
    if (expectation.expected === undefined) {
      const first = actual.data.indexOf(0)
      if (first >= 0) return `${showElement(label, actual.shape, first)} is false`
      continue
    }
    const expected = outputs.get(`${part('expected')}${field}`)
    if (expected === undefined) return `${label} has nothing to be compared with`
    const wrong = difference(actual, expected, within, label)
    if (wrong !== undefined) return wrong
  }
  return undefined
}
