import * as Either from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { checkProgram } from '../../../compiler/check/check.js'
import { CheckedModules } from '../../../compiler/check/checked-modules.js'
import { printGraph } from '../../../compiler/ir/print.js'
import { specialiseFn, specialiseTest } from '../../../compiler/pipeline.js'
import { loadLibrary, seedPrograms } from '../../fuzz/checker/programs.js'
import { showDiagnostic } from './support.js'

type Texts = Readonly<Record<string, string>>

const checkTexts = (entry: string, texts: Texts, before?: CheckedModules) =>
  checkProgram(
    [entry],
    name => {
      const text = texts[name]
      return text === undefined ? loadLibrary(name) : { name: `${name}.jola`, text }
    },
    { before },
  )

/** All that a program means or all that is wrong with it, without the numbers of its variables. */
const meaning = (entry: string, texts: Texts, before?: CheckedModules): readonly string[] => {
  const checked = checkTexts(entry, texts, before)
  if (Either.isLeft(checked)) return checked.left.map(showDiagnostic)
  const program = checked.right
  const names = [program.fns, program.consts, program.records, program.recipes, program.modules].flatMap(
    m => [...m.keys()],
  )
  return [...names, ...program.tests.map(t => printGraph(specialiseTest(program, t)))]
}

describe('modules that were checked for an earlier program', () => {
  it('mean the same to every later one', () => {
    const before = new CheckedModules()
    for (const m of seedPrograms) expect(meaning('m', { m }, before)).toEqual(meaning('m', { m }))
  })

  it('are checked again when their text changes, or that of a module they import', () => {
    const before = new CheckedModules()
    const top = 'import middle\nfn f(x: f32) -> f32 = middle.g(x)\ntest "f" {\n  expect f(1.0) == 2.0\n}\n'
    const middle = 'import low\nfn g(x: f32) -> f32 = low.h(x)\n'
    const low = (body: string): Texts => ({ top, middle, low: `fn h(x: f32) -> f32 = ${body}\n` })
    const texts = [low('2.0 * x'), low('x + 1.0'), low('no'), low('x == 1.0'), low('x - 1.0'), low('2.0 * x')]
    const fresh = texts.map(t => meaning('top', t))
    expect(new Set(fresh.map(m => m.join('\n'))).size).toBe(5)
    for (const [i, t] of texts.entries()) expect(meaning('top', t, before)).toEqual(fresh[i])
  })

  it('keep errors of a program out of the next one', () => {
    const before = new CheckedModules()
    const wrong = { m: 'import std.nn\nfn f(x: f32[N]) -> f32[N] = nn.softmax(x, x)\n' }
    const right = { m: 'import std.nn\nfn f(x: f32[N]) -> f32[N] = nn.softmax(x)\n' }
    const errors = meaning('m', wrong)
    expect(errors[0]).toMatch(/^E/)
    expect(meaning('m', wrong, before)).toEqual(errors)
    expect(meaning('m', right, before)).toEqual(meaning('m', right))
    expect(meaning('m', wrong, before)).toEqual(errors)
  })

  it('find a key that is used twice by way of a function of theirs', () => {
    const before = new CheckedModules()
    const draws = 'fn draw(k: key) -> f32[3] = for i: 3 -> uniform(k, i)\n'
    const once = { draws, m: 'import draws\nfn f(k: key) -> f32[3] = draws.draw(k)\n' }
    const twice = {
      draws,
      m: 'import draws\nfn f(k: key) -> f32[3] = for i -> draws.draw(k)[i] + draws.draw(k)[i]\n',
    }
    meaning('m', once, before)
    const found = meaning('m', twice, before)
    expect(found).toEqual(meaning('m', twice))
  })

  it('share no variable with another program', () => {
    const before = new CheckedModules()
    const program = (body: string) => {
      const checked = checkTexts('m', { m: `import std.nn\nfn f(x: f32[N]) -> f32[N] = ${body}\n` }, before)
      return Either.isRight(checked) ? checked.right : undefined
    }
    const [a, b] = [program('nn.softmax(for i -> 2.0 * x[i])'), program('for i -> nn.softmax(x)[i]')]
    const ids = [a, b].map(p => p?.fns.get('m.f')?.params[0]?.id)
    expect(ids[0]).not.toBe(ids[1])
    expect(a?.fns.get('std.nn.softmax')).toBe(b?.fns.get('std.nn.softmax'))
    const fn = b?.fns.get('m.f')
    if (b === undefined || fn === undefined) throw new Error('the program is right')
    expect(printGraph(specialiseFn(b, fn, { sizes: new Map([['N', 4]]) }))).toContain('x')
  })
})
