import * as Either from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { checkText, codesOf } from './support.js'

const rotation = 'const rotation: default | llama3 = default\n'

describe('a constant with choices', () => {
  test('is of the type that lists them, and holds one', () => {
    const result = checkText(`${rotation}fn f(x: f32) -> f32 = if rotation == llama3 then x else 2 * x`)
    expect(Either.isRight(result) && result.right.consts.get('example.rotation')).toMatchObject({
      type: { kind: 'choice', names: ['default', 'llama3'] },
      value: { kind: 'choice', name: 'default' },
    })
  })

  test('is compared with its choices on either side, in constants, functions and tests', () => {
    expect(
      codesOf(`${rotation}const stretched = rotation == llama3
fn f(x: f32) -> f32 = if llama3 != rotation then x else 2 * x
fn g(x: f32) -> f32 = let kind = if stretched then llama3 else rotation
  if kind == default then x else 0
test "t" { expect (rotation == default) }`),
    ).toEqual([])
  })

  test('may have a single choice, even one of a function’s name', () => {
    expect(
      codesOf(`const activation: exp = exp from "hidden_act"
fn f(x: f32) -> f32 = if activation == exp then exp(x) else x`),
    ).toEqual([])
  })

  test('of another module is compared with its choices, however it is imported', () => {
    const others = { rope: `${rotation}fn at(x: f32) -> f32 = x` }
    for (const [head, name] of [
      ['import rope', 'rope.rotation'],
      ['import rope (rotation)', 'rotation'],
      ['import rope as r', 'r.rotation'],
    ])
      expect(
        checkText(`${head}\nfn f(x: f32) -> f32 = if ${name} == llama3 then x else 0`, others),
      ).toMatchObject({ _tag: 'Right' })
  })

  test('shares the name of a choice with a setting: a comparison tells which is meant', () => {
    const recipe = (use: string) => `const mode: on | off = on
recipe R(c: f32) {
  setting noise: off | on = off
  state { x: f32 }
  init(key) = ${use}
  step(s, batch, key, at) = (s, { loss: s.x })
}`
    expect(codesOf(recipe('{ x: if noise == on then 1 else if mode == off then 2 else c }'))).toEqual([])
    expect(codesOf(recipe('let m = on\n    { x: if m == mode then 1 else c }'))).toEqual(['E0208'])
  })

  test('is refused where it is none of them, or compared with what is none', () => {
    expect(codesOf('const rotation: default | llama3 = yarn')).toEqual(['E0352'])
    expect(codesOf('const rotation: default | llama3 = 3')).toEqual(['E0352'])
    const compared = (e: string) => codesOf(`${rotation}fn f(x: f32) -> bool = ${e}`)
    expect(compared('rotation == llama2')).toEqual(['E0352'])
    expect(compared('rotation == 3')).not.toEqual([])
    expect(compared('rotation < llama3')).not.toEqual([])
    expect(codesOf(`const mode: on | off = on\n${rotation}fn f(x: f32) -> bool = rotation == on`)).toEqual([
      'E0352',
    ])
    const misspelt = checkText(`${rotation}fn f(x: f32) -> bool = rotation == lama3`)
    expect(misspelt).toMatchObject({
      left: [{ title: '`rotation` is one of `default`, `llama3`', hint: 'did you mean `llama3`?' }],
    })
  })

  test('is read from entries that can hold a word', () => {
    const from = (source: string) => codesOf(`const rotation: default | llama3 = default from ${source}`)
    expect(from('"a" else "b" else "c.d"')).toEqual([])
    for (const source of ['"a" is "llama3"', '"a" else 3', '"a" * "b"'])
      expect(from(source)).toEqual(['E0349'])
  })

  test('and a type exclude each other', () => {
    expect(codesOf('const c: f32 = 1\nconst d: float = 1')).toEqual(['E0348'])
  })
})
