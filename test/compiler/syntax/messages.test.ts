import { describe, expect, it } from 'vitest'
import { codes } from '../../../compiler/codes.js'
import { fixture, parsed, refused, rendered } from './support.js'

const slips = fixture('slips.txt').split('---\n').slice(1)

describe('syntax messages', () => {
  it('teach what is usually meant', async () => {
    const shown = slips.map(text => `SOURCE\n${text}RESULT\n${rendered(refused(text))}\n`).join('\n')
    await expect(shown).toMatchFileSnapshot('fixtures/slips.result.txt')
  })

  const entries = Object.values(codes).filter(entry => entry.code.startsWith('E01'))

  it.each(entries)('$code is what its wrong example gives', ({ code, wrong, right }) => {
    expect(refused(wrong).map(d => d.code)).toEqual([code])
    parsed(right)
  })

  it('are catalogued under their own codes', () => {
    for (const [code, entry] of Object.entries(codes)) expect(entry.code).toBe(code)
    for (const diagnostic of slips.flatMap(refused)) expect(codes).toHaveProperty(diagnostic.code)
  })

  it('come all at once, in the order of their places', () => {
    const text =
      'let x = 1\n\nsize L 3\n\nfn f(x: f32 = 1\n\nrecord R { a f32 }\n\n' +
      'fn ok() -> f32 = 1\n\nfn g() -> f32 = 1 ≤ 2\n'
    const found = refused(text)
    expect(found.map(d => d.code)).toEqual(['E0106', 'E0105', 'E0104', 'E0105', 'E0101'])
    const places = found.map(d => d.labels[0]!.span.start)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })

  it('point into the text', () => {
    for (const text of [...slips, ...entries.map(e => e.wrong)]) {
      for (const { span } of refused(text).flatMap(d => d.labels)) {
        expect(span.source.text).toBe(text)
        expect(0 <= span.start && span.start <= span.end && span.end <= text.length).toBe(true)
      }
    }
  })
})
