import { expect, test } from 'vitest'
import type { Diagnostic } from '../../../compiler/diagnostics/diagnostic.js'
import {
  compatibleFixes,
  editedText,
  type Fix,
  replaceBy,
  sureFix,
} from '../../../compiler/diagnostics/fix.js'

const source = { name: 'a.jola', text: 'let x = max(a, b)' }
const span = (start: number, end: number) => ({ source, start, end })

test('edits are made together, wherever they stand in the list', () => {
  const edits = [
    { span: span(8, 11), text: 'maximum' },
    { span: span(15, 15), text: '2 * ' },
    { span: { source: { name: 'b.jola', text: '' }, start: 0, end: 0 }, text: 'elsewhere' },
  ]
  expect(editedText(source, edits)).toBe('let x = maximum(a, 2 * b)')
  expect(editedText(source, edits.toReversed())).toBe('let x = maximum(a, 2 * b)')
})

test('of fixes that touch, the first is made', () => {
  const [first, second, third]: Fix[] = [
    replaceBy(span(8, 11), 'a'),
    replaceBy(span(11, 12), 'b'),
    replaceBy(span(15, 16), 'c'),
  ]
  expect(compatibleFixes([first!, second!, third!])).toEqual([first, third])
})

test('one sure fix is made without asking, two are a question', () => {
  const diagnostic: Diagnostic = { code: 'E0205', title: 'no', labels: [] }
  const sure = replaceBy(span(0, 3), 'const')
  const maybe = replaceBy(span(0, 3), 'size', { sure: false })
  expect(sureFix({ ...diagnostic, fixes: [maybe, sure] })).toBe(sure)
  expect(sureFix({ ...diagnostic, fixes: [sure, { ...sure }] })).toBeUndefined()
  expect(sureFix({ ...diagnostic, fixes: [maybe] })).toBeUndefined()
  expect(sureFix(diagnostic)).toBeUndefined()
})
