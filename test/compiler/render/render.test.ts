import { describe, expect, it } from 'vitest'
import type { Diagnostic, Label } from '../../../compiler/diagnostics/diagnostic.js'
import { diagnosticToJson, renderDiagnostic } from '../../../compiler/diagnostics/render.js'
import type { Source } from '../../../compiler/diagnostics/source.js'

const source = (name: string, text: string): Source => ({ name, text })

/** A label under the nth occurrence of a text. */
const under = (file: Source, text: string, message: string, nth = 0): Label => {
  let start = file.text.indexOf(text)
  for (let k = 0; k < nth; k++) start = file.text.indexOf(text, start + 1)
  return { span: { source: file, start, end: start + text.length }, text: message }
}

const show = (labels: readonly Label[], more: Partial<Diagnostic> = {}, colour = false): string =>
  `\n${renderDiagnostic({ code: 'E0301', title: 'sizes disagree', labels, ...more }, { colour })}\n`

const a = source('a.jola', 'fn f(x: f32[E]) -> f32[D] =\n  let y = g(x)\n\n\n  for d -> y[d] + x[d]\n')

describe('rendering', () => {
  it('underlines both origins in the order of the text, with a hint', () => {
    const labels = [under(a, 'x[d]', 'read as f32[D]'), under(a, 'f32[E]', 'declared as f32[E]')]
    expect(show(labels, { text: 'E and D are two sizes.', hint: 'declare x as f32[D]' })).toBe(`
error[E0301]: sizes disagree
 --> a.jola:5:19
  |
1 | fn f(x: f32[E]) -> f32[D] =
  |         ------ declared as f32[E]
...
5 |   for d -> y[d] + x[d]
  |                   ^^^^ read as f32[D]
  |
E and D are two sizes.
help: declare x as f32[D]
`)
  })

  it('hangs several texts under one line', () => {
    const labels = [
      under(a, 'y[d]', 'one'),
      under(a, 'x[d]', 'two'),
      under(a, 'for', 'three'),
      under(a, 'y[d] + x', 'all'),
    ]
    expect(show(labels)).toBe(`
error[E0301]: sizes disagree
 --> a.jola:5:12
  |
5 |   for d -> y[d] + x[d]
  |   ---      ^^^^   ---- two
  |   |        |
  |   |        one
  |   three
  |            -------- all
`)
  })

  it('shows two files, the primary one first', () => {
    const b = source('lib/b.jola', '\tsize D = 2\r\n')
    expect(show([under(a, 'f32[D]', 'here'), under(b, 'D', 'and there')])).toBe(`
error[E0301]: sizes disagree
 --> a.jola:1:20
  |
1 | fn f(x: f32[E]) -> f32[D] =
  |                    ^^^^^^ here
  |
 ::: lib/b.jola:1:7
  |
1 |     size D = 2
  |          - and there
`)
  })

  it('shows the first and the last line of a long span', () => {
    const labels = [{ span: { source: a, start: 18, end: a.text.length }, text: 'all of this' }]
    expect(show(labels)).toBe(`
error[E0301]: sizes disagree
 --> a.jola:1:19
  |
1 | fn f(x: f32[E]) -> f32[D] =
  |                   ^^^^^^^^^
...
5 |   for d -> y[d] + x[d]
  |   ^^^^^^^^^^^^^^^^^^^^ all of this
`)
  })

  it('cuts very long lines around each mark', () => {
    const long = source('l.jola', `let a = ${'b + '.repeat(200)}c * d\n`)
    const text = show([under(long, 'c', 'here'), under(long, 'a', 'there')])
    for (const line of text.split('\n')) expect(line.length).toBeLessThan(130)
    const lines = text.split('\n')
    const mark = lines.findIndex(l => l.includes('^ here'))
    expect(lines[mark - 1]![lines[mark]!.indexOf('^')]).toBe('c')
    const other = lines.findIndex(l => l.includes('- there'))
    expect(lines[other - 1]![lines[other]!.lastIndexOf('-')]).toBe('a')
  })

  it('counts wide and combining characters as a terminal does, and shows no control characters', () => {
    const odd = source('o.jola', '// 漢e\u0301\u001b[31m x\n')
    const lines = show([under(odd, 'x', 'here')]).split('\n')
    const mark = lines.findIndex(l => l.includes('^ here'))
    expect(lines[mark - 1]).toBe('1 | // 漢e\u0301\ufffd[31m x')
    // `漢` takes two columns in one character, `é` one column in two.
    expect(lines[mark]!.indexOf('^')).toBe('1 | // 漢e?[31m x'.indexOf('x') + 1)
  })

  it('marks the end of a file, an empty file, and nothing at all', () => {
    const empty = source('e.jola', '')
    expect(show([{ span: { source: empty, start: 0, end: 0 }, text: 'empty' }])).toContain('1 |\n  | ^ empty')
    expect(show([{ span: { source: a, start: a.text.length, end: a.text.length }, text: 'end' }])).toContain(
      '6 |\n  | ^ end',
    )
    expect(show([], { hint: 'try again' })).toBe('\nerror[E0301]: sizes disagree\nhelp: try again\n')
  })

  it('colours without changing the text', () => {
    const labels = [under(a, 'x[d]', 'read'), under(a, 'f32[E]', 'declared')]
    const coloured = show(labels, { hint: 'so' }, true)
    expect(coloured).toContain('\u001b[1;31merror[E0301]\u001b[0m')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes that were just written
    expect(coloured.replace(/\u001b\[[0-9;]*m/g, '')).toBe(show(labels, { hint: 'so' }))
  })

  it('gives programs lines and columns', () => {
    const labels = [under(a, 'x[d]', 'read')]
    expect(
      diagnosticToJson({
        code: 'E0301',
        title: 'sizes disagree',
        labels,
        hint: 'so',
      }),
    ).toEqual({
      severity: 'error',
      fixes: [],
      code: 'E0301',
      title: 'sizes disagree',
      hint: 'so',
      labels: [{ file: 'a.jola', line: 5, column: 19, endLine: 5, endColumn: 23, text: 'read' }],
    })
  })
})
