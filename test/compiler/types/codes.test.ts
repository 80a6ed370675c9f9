import { describe, expect, test } from 'vitest'
import { checkProgram } from '../../../compiler/check/check.js'
import { warningsIn } from '../../../compiler/check/warnings.js'
import { keyCodes } from '../../../compiler/codes/key-codes.js'
import { nameCodes } from '../../../compiler/codes/name-codes.js'
import { syntaxCodes } from '../../../compiler/codes/syntax-codes.js'
import { typeCodes } from '../../../compiler/codes/type-codes.js'
import { warningCodes } from '../../../compiler/codes/warning-codes.js'
import { codesOf } from './support.js'

/** Needs a world without `std.data`. */
const withoutData = 'E0353'

describe('every warning of the catalogue', () => {
  for (const entry of Object.values(warningCodes))
    test(`${entry.code}: what is wrong is warned of, what is right is not`, () => {
      const warned = (text: string): readonly string[] =>
        warningsIn({ name: 'example', text }).map(d => d.code)
      expect([codesOf(entry.wrong), codesOf(entry.right)]).toEqual([[], []])
      expect([warned(entry.wrong), warned(entry.right)]).toEqual([[entry.code], []])
    })
})

describe('every error of the catalogue', () => {
  for (const entry of Object.values({ ...syntaxCodes, ...nameCodes, ...typeCodes, ...keyCodes })) {
    test(`${entry.code}: what is wrong is refused so, what is right is not`, () => {
      expect(codesOf(entry.right)).toEqual([])
      // A wrong program that shows other errors teaches another thing. Types that a mistake left open may.
      const shown = codesOf(entry.wrong).filter(code => code !== 'E0332' || entry.code === 'E0332')
      if (entry.code !== withoutData) expect([...new Set(shown)]).toEqual([entry.code])
      expect(entry.wrong).not.toBe(entry.right)
    })
  }

  test('a recipe without std.data', () => {
    const result = checkProgram(['example'], name =>
      name === 'example' ? { name, text: typeCodes[withoutData]!.wrong } : undefined,
    )
    expect(result).toMatchObject({ left: [{ code: withoutData }] })
  })
})
