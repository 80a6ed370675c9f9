import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { printModule, printSourceExpr } from '../../../compiler/syntax/print-module.js'
import { expr, module } from './generate.js'
import { bare, fixture, parsed } from './support.js'

const bodyOf = (text: string) => {
  const item = parsed(`fn f() -> f32 =\n  ${text}`).items[0]!
  if (item.kind !== 'fn') throw new Error('not a function')
  return item.body
}

describe('printing', () => {
  it('gives back every expression', () => {
    fc.assert(
      fc.property(expr, e => {
        expect(bare(bodyOf(printSourceExpr(e, 2)))).toEqual(bare(e))
      }),
      { numRuns: 1000 },
    )
  })

  it('gives back every module', () => {
    fc.assert(
      fc.property(module, m => {
        expect(bare(parsed(printModule(m)))).toEqual(bare(m))
      }),
      { numRuns: 300 },
    )
  })

  it.each(['llama', 'edits', 'recipe', 'surface'])('keeps %s and is stable', name => {
    const tree = parsed(fixture(`${name}.jola`))
    const printed = printModule(tree)
    expect(bare(parsed(printed))).toEqual(bare(tree))
    expect(printModule(parsed(printed))).toBe(printed)
  })

  it('lays a function out as a person would', async () => {
    await expect(printModule(parsed(fixture('llama.jola')))).toMatchFileSnapshot(
      'fixtures/llama.printed.jola',
    )
  })

  it('writes no parentheses that the grammar does not need', () => {
    for (const text of [
      'x + sum h -> y * 2',
      '-x ^ 2',
      'not a == b',
      'a - (b - c)',
      '(sum i -> x) + 1',
      '(-a) ^ b',
      'a ^ b ^ c',
    ]) {
      expect(printSourceExpr(bodyOf(text))).toBe(text)
    }
  })
})
