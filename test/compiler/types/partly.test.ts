import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { expect, test } from 'vitest'
import { checkProgram } from '../../../compiler/check/check.js'
import { lex } from '../../../compiler/syntax/parse.js'
import { programs } from './programs.js'
import { codesOf } from './support.js'

/** The codes of all errors in the programs, one of them exchanged. */
const codesWith = (module: string, text: string): readonly string[] => {
  const all: Readonly<Record<string, string>> = { ...programs, [module]: text }
  const result = checkProgram(Object.keys(programs), name => {
    const found = all[name]
    return found === undefined ? undefined : { name, text: found }
  })
  return E.isLeft(result) ? result.left.map(d => d.code) : []
}

test('declarations are checked beside a function with a syntax error', () => {
  expect(codesOf('fn one(x: f32 -> f32 = x\nfn two(x: f32[N]) -> f32 = x\n')).toEqual(['E0104', 'E0330'])
  expect(codesOf('test "a" { f(x }\nfn two(x: f32[N]) -> f32 = x\n')).toEqual(['E0104', 'E0330'])
})

test('what a function with a syntax error may have declared is no second error', () => {
  expect(codesOf('fn one(x: f32 -> f32 = x\nfn two(x: f32) -> f32[N] = one(x) + 1\n')).toEqual([
    'E0104',
    'E0312',
  ])
  expect(codesOf('fn one(x: f32 -> f32 = x\nfn two(x: f32[N]) -> f32[N] = for i -> one(x[i])\n')).toEqual([
    'E0104',
  ])
  expect(codesOf('fn one(x: f32) -> f32 = (x\nfn two(x: f32[N]) -> f32[N] = map(one, x)\n')).toEqual([
    'E0104',
  ])
})

test('types wait where a size or a record has a syntax error', () => {
  expect(codesOf('size H = 3 *\nfn f(x: f32[H]) -> f32 = x\n')).toEqual(['E0105'])
  expect(codesOf('record R { a f32 }\nfn f(r: R) -> f32[N] = r\n')).toEqual(['E0105'])
})

test('one mark too many in a right program gives errors of syntax alone, or none of syntax', () => {
  // Recipes find their Batch and At in std.data by themselves, and say so where it is missing.
  const files = Object.entries(programs).filter(([module]) => module !== 'std.data')
  const places = files.flatMap(([module, text]) =>
    lex({ name: module, text }).tokens.map(token => ({ module, text, at: token.startOffset })),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...places),
      fc.constantFrom(')', '(', ']', '[', '}', '=', '->', ',', 'fn', '=='),
      ({ module, text, at }, mark) => {
        const codes = codesWith(module, `${text.slice(0, at)}${mark} ${text.slice(at)}`)
        const syntax = codes.filter(c => c.startsWith('E01'))
        if (syntax.length > 0) expect(codes).toEqual(syntax)
      },
    ),
    { numRuns: 80 },
  )
})
