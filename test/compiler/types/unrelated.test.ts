import * as Either from 'fp-ts/lib/Either.js'
import { expect, test } from 'vitest'
import { checkProgram } from '../../../compiler/check/check.js'

const codesIn = (files: Readonly<Record<string, string>>): readonly string[] => {
  const checked = checkProgram(Object.keys(files), name =>
    files[name] === undefined ? undefined : { name, text: files[name] },
  )
  return Either.isLeft(checked) ? checked.left.map(d => d.code) : []
}

const wrong = 'fn f(x: f32[N], y: f32[M]) -> f32[N] = x + y'

test('an error of syntax hides no error of a file that does not import it', () => {
  expect(codesIn({ a: 'fn broken(x: f32 -> f32 = ', b: wrong })).toEqual(['E0104', 'E0321'])
  expect(codesIn({ a: 'fn broken(x: f32 -> f32 = ', b: `import a\n${wrong}` })).toEqual(['E0104'])
})
