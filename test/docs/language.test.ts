import * as Either from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { checkProgram } from '../../compiler/check/check.js'
import { codes } from '../../compiler/codes.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { checkExample, type Example, examplesIn, failuresOf, pageText } from './examples.js'

const pages = ['language.md', 'jola.md']

const titleOf = (page: string, e: Example): string => `${page}:${e.line} (${e.heading})`

const refusal = (e: Example): string | undefined =>
  e.info.includes('error') ? e.info[e.info.indexOf('error') + 1] : undefined

for (const page of pages)
  describe(`the examples of ${page}`, () => {
    const examples = examplesIn(page).filter(e => e.info[0] === 'jola')

    it.each(examples.filter(e => refusal(e) === undefined).map(e => [titleOf(page, e), e] as const))(
      '%s: checks, and its tests pass',
      async (_, example) => {
        const checked = checkExample(example, examples)
        if (Either.isLeft(checked)) throw new Error(checked.left.map(d => `${d.code}: ${d.title}`).join('\n'))
        expect(await failuresOf(checked.right)).toEqual([])
      },
    )

    it.each(examples.filter(e => refusal(e) !== undefined).map(e => [titleOf(page, e), e] as const))(
      '%s: is refused for that alone',
      (_, example) => {
        const checked = checkExample(example, examples)
        const codes = Either.isLeft(checked) ? checked.left.map(d => d.code) : []
        expect(codes).toEqual([refusal(example)])
      },
    )
  })

describe('the reference of the language', () => {
  it('has examples, and tests in them', () => {
    const modules = examplesIn('language.md').filter(e => e.info[0] === 'jola' && refusal(e) === undefined)
    expect(modules.length).toBeGreaterThan(25)
    const untested = modules.filter(e => !/^test "/m.test(e.text)).map(e => titleOf('language.md', e))
    expect(untested.length).toBeLessThan(8)
  })

  it('lists every diagnostic by its code and title', () => {
    const listed = pageText('language.md')
      .split('\n')
      .filter(line => /^\| `[EW]\d{4}`/.test(line))
    const rows = Object.values(codes).map(c => `| \`${c.code}\` | ${c.title.replaceAll('|', '\\|')} |`)
    expect(listed).toEqual(rows.sort())
  })

  it('shows a diagnostic as it is', () => {
    const shown = examplesIn('language.md').find(e => e.text.startsWith('error[E0320]'))!
    const text = 'fn apply(m: f32[R, C], x: f32[R]) -> f32[R] =\n  for r -> sum c -> m[r, c] * x[c]\n'
    const checked = checkProgram(['apply'], () => ({ name: 'apply.jola', text }))
    const diagnostics = Either.isLeft(checked) ? checked.left : []
    expect(diagnostics.map(d => renderDiagnostic(d, { colour: false }).trimEnd())).toEqual([
      shown.text.trimEnd(),
    ])
  })

  it('shows every block either whole or as a command', () => {
    const kinds = new Set(examplesIn('language.md').map(e => e.info[0]))
    expect([...kinds].filter(kind => !['jola', 'text', 'sh'].includes(kind!))).toEqual([])
  })
})
