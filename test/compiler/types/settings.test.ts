import { describe, expect, test } from 'vitest'
import { codesOf } from './support.js'

const recipe = (setting: string, more = ''): string => `recipe R {
  ${setting}
  state { x: f32 }
  init(key) = { x: 0 }
  step(s, batch, key, at) = (s, { loss: s.x })
  ${more}
}`

/** A recipe whose state has an axis R. */
const sized = (setting: string): string => `size N
size S = 2 * N
record Edits { x: f32[R] }
recipe Low {
  ${setting}
  state { edits: Edits }
  init(key) = { edits: Edits { x: for r: R -> 1 / R } }
  step(s, batch, key, at) = (s, { loss: sum r -> s.edits.x[r] })
}`

describe('a setting that is a size', () => {
  test.each(['setting R: size = 8', 'setting R: size = 2 * 4'])('takes %s', setting => {
    expect(codesOf(sized(setting))).toEqual([])
  })

  test.each([
    ['setting R: size = 0', 'E0354'],
    ['setting R: size = 1 - 3', 'E0354'],
    ['setting R: size = 2.5', 'E0330'],
    ['setting r: size = 8', 'E0301'],
    ['setting V: size = 8', 'E0303'],
    ['setting B: size = 8', 'E0303'],
    ['setting S: size = 8', 'E0303'],
    ['setting R: size = 8 setting R: size = 9', 'E0203'],
  ])('refuses %s', (setting, code) => {
    expect(codesOf(sized(setting))).toEqual([code])
  })
})

describe('a setting', () => {
  test.each(['setting rate = -1', 'setting kind: plain | odd = plain'])(
    'that nothing reads is refused: %s',
    s => {
      expect(codesOf(recipe(s))).toEqual(['E0362'])
    },
  )

  test.each(['slow() = rate', 'faster(x: f32) = let rates = for i: 2 -> rate * x\n    rates[0]'])(
    'may be read by any method: %s',
    method => {
      expect(codesOf(recipe('setting rate = 0.5', method))).toEqual([])
    },
  )
})

describe('what training reads of a recipe', () => {
  test.each([
    'setting epochs = 2.5',
    'setting epochs = 0',
    'setting patience = -1',
    'setting batch = 3 - 3',
    'setting context = true',
    'setting end_of_text = 1',
  ])('refuses %s', setting => {
    expect(codesOf(recipe(setting))).toEqual(['E0354'])
  })

  test.each(['setting epochs = 2', 'setting patience = 3 - 2', 'setting end_of_text = false'])(
    'takes %s',
    setting => {
      expect(codesOf(recipe(setting))).toEqual([])
    },
  )

  test('wants a loss of `validate`', () => {
    expect(codesOf(recipe('', 'validate(s, batch) = { accuracy: s.x }'))).toEqual(['E0351'])
    expect(codesOf(recipe('', 'validate(s, batch) = { loss: s.x, accuracy: s.x }'))).toEqual([])
    expect(codesOf(recipe('', 'validate(s, batch) = s.x'))).toEqual([])
  })
})
