import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sizeCodes } from '../../../compiler/codes/size-codes.js'
import { valueCodes } from '../../../compiler/codes/value-codes.js'
import { programs } from './programs.js'
import { codesOf } from './support.js'

const letters = [...'ABCDEFGHKLMNQRSTUVXYZ']
const isSize = (word: string): boolean => /^[A-Z]$/.test(word)

const texts = [
  programs['std.nn']!,
  programs['std.gates']!,
  programs['std.models.llama']!,
  ...[...Object.values(sizeCodes), ...Object.values(valueCodes)]
    .flatMap(entry => [entry.wrong, entry.right])
    // A size of another module keeps its name there.
    .filter(text => !/recipe|import|type P|\b[WR]\b \{|R\(/.test(text)),
]

test('other names for all sizes: the same errors, or none, as before', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.shuffledSubarray(letters, { minLength: letters.length }),
      (text, shuffled) => {
        const renamed = text
          .split('\n')
          // Not in doc comments and imports.
          .map(line =>
            line.startsWith('import')
              ? line
              : line.replace(/\b[A-Z]\b/g, w => (isSize(w) ? (shuffled[letters.indexOf(w)] ?? w) : w)),
          )
          .join('\n')
        expect(codesOf(renamed)).toEqual(codesOf(text))
      },
    ),
    { numRuns: 150 },
  )
})
