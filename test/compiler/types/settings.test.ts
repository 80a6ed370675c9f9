import { describe, expect, test } from 'vitest'
import { codesOf } from './support.js'

const recipe = (setting: string, more = ''): string => `recipe R {
  ${setting}
  state { x: f32 }
  init(key) = { x: 0 }
  step(s, batch, key, at) = (s, { loss: s.x })
  ${more}
}`

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

  test.each([
    'setting epochs = 2',
    'setting patience = 3 - 2',
    'setting rate = -1',
    'setting end_of_text = false',
  ])('takes %s', setting => {
    expect(codesOf(recipe(setting))).toEqual([])
  })

  test('wants a loss of `validate`', () => {
    expect(codesOf(recipe('', 'validate(s, batch) = { accuracy: s.x }'))).toEqual(['E0351'])
    expect(codesOf(recipe('', 'validate(s, batch) = { loss: s.x, accuracy: s.x }'))).toEqual([])
    expect(codesOf(recipe('', 'validate(s, batch) = s.x'))).toEqual([])
  })
})
