import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { expect, test } from 'vitest'
import { codes } from '../../../compiler/codes.js'
import { sizeNamesIn } from '../../../compiler/core/size.js'
import type { Type } from '../../../compiler/core/type.js'
import { mapType, sizesIn } from '../../../compiler/types/type-traversal.js'
import { programs } from './programs.js'
import { checkText, nodesOf } from './support.js'

const texts = Object.values(programs)
const words = (text: string): readonly string[] => text.match(/\s+|\w+|[^\s\w]/g) ?? []

/** Nothing unknown is left in a type. */
const closed = (t: Type): void => {
  for (const size of sizesIn(t)) for (const n of sizeNamesIn(size)) expect(n).not.toMatch(/^\?/)
  mapType(
    t,
    p => p,
    leaf => {
      expect(leaf.kind).not.toBe('var')
      return leaf
    },
  )
}

test('a program with some words exchanged is checked or refused by known codes, never a crash', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 3 }),
      (text, swaps) => {
        const list = [...words(text)]
        const places = list.flatMap((w, i) => (/^\w+$/.test(w) ? [i] : []))
        for (const [a, b] of swaps) {
          const [i, j] = [places[a % places.length]!, places[b % places.length]!]
          list[i] = list[j]!
        }
        const result = checkText(list.join(''))
        if (E.isLeft(result)) for (const d of result.left) expect(codes).toHaveProperty(d.code)
        else
          for (const fn of result.right.fns.values()) for (const node of nodesOf(fn.body)) closed(node.type)
      },
    ),
    { numRuns: 100 },
  )
})
