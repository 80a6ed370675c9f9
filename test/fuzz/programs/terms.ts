import { prelude, programText } from '../../acceptance/random-source.js'
import type { Gene } from '../../acceptance/random-terms.js'
import type { Choices } from './choices.js'
import { type Generator, indexBelow, number } from './sample.js'

const gene = (c: Choices, depth: number): Gene => ({
  choice: c.below(1000),
  pick: c.below(1000),
  parts: depth === 0 ? [] : Array.from({ length: c.below(3) }, () => gene(c, depth - 1)),
})

/** The terms of the acceptance tests: every construct of the language, in any combination. */
export const terms: Generator = c => {
  const genome = {
    sizes: c.below(1000),
    shape: c.below(1000),
    by: c.below(1000),
    lets: Array.from({ length: c.below(3) }, () => gene(c, 3)),
    result: gene(c, 4),
  }
  const { text, given, types, results, inputs } = programText(genome, 'p')
  return {
    text: [
      `${prelude}\n${text}\n`,
      `fn main(${given}) -> (${types.join(', ')}) =`,
      `  (${results.join(',\n  ')})\n`,
    ].join('\n'),
    inputs: inputs.map(({ name, shape, bound }) => {
      const value = bound === undefined ? number : indexBelow(bound)
      const few = Array.from({ length: 11 }, () => value(c))
      const size = shape.reduce((a, b) => a * b, 1)
      return {
        name,
        type: bound === undefined ? 'f32' : `idx[${bound}]`,
        shape,
        values: Array.from({ length: size }, (_, i) => few[(i * i + 5 * i) % 11]!),
      }
    }),
  }
}
