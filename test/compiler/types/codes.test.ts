import { describe, expect, test } from 'vitest'
import { checkProgram } from '../../../compiler/check/check.js'
import { keyCodes } from '../../../compiler/codes/key-codes.js'
import { nameCodes } from '../../../compiler/codes/name-codes.js'
import { typeCodes } from '../../../compiler/codes/type-codes.js'
import { codesOf } from './support.js'

/** Needs a world without `std.data`. */
const withoutData = 'E0353'

describe('every entry of the catalogue', () => {
  for (const entry of Object.values({ ...nameCodes, ...typeCodes, ...keyCodes })) {
    test(`${entry.code}: what is wrong is refused so, what is right is not`, () => {
      expect(codesOf(entry.right)).toEqual([])
      if (entry.code !== withoutData) expect(codesOf(entry.wrong)).toContain(entry.code)
    })
  }

  test('a recipe without std.data', () => {
    const result = checkProgram(['example'], name =>
      name === 'example' ? { name, text: typeCodes[withoutData]!.wrong } : undefined,
    )
    expect(result).toMatchObject({ left: [{ code: withoutData }] })
  })
})
