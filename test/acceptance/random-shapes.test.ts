import fc from 'fast-check'
import * as Either from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { shapeOf } from '../../compiler/ir/graph.js'
import { interpret, type NumericArray } from '../../compiler/ir/interpret.js'
import { simplified } from '../../compiler/pipeline.js'
import { specialiseDecoder, specialisePredictor } from '../../compiler/specialise/predictor.js'
import {
  allRecipes,
  bindingsFor,
  elementsOf,
  inputsOf,
  otherFamilies,
  recipesOn,
  type TriedRecipe,
  type TriedShape,
  triedRecipe,
  withNumbers,
} from './all-recipes.js'
import { worstDifference } from './support.js'

interface Row {
  readonly tokens: readonly number[]
  /** Of them, those that are the prompt. */
  readonly prompt: number
}

const shapes = fc.record({
  L: fc.integer({ min: 1, max: 3 }),
  K: fc.integer({ min: 1, max: 2 }),
  G: fc.integer({ min: 1, max: 3 }),
  Pairs: fc.integer({ min: 1, max: 2 }),
  E: fc.integer({ min: 2, max: 6 }),
  F: fc.integer({ min: 1, max: 5 }),
  V: fc.integer({ min: 2, max: 9 }),
  T: fc.integer({ min: 2, max: 9 }),
})

/** A shape, rows of unequal length that fit it, a token that pads them, and the length of windows. */
const cases = shapes.chain(shape => {
  const row = fc
    .array(fc.nat(shape.V - 1), { minLength: 1, maxLength: shape.T })
    .chain(tokens => fc.integer({ min: 1, max: tokens.length }).map((prompt): Row => ({ tokens, prompt })))
  return fc.record({
    shape: fc.constant(shape),
    rows: fc.array(row, { minLength: 2, maxLength: 3 }),
    padding: fc.nat(shape.V - 1),
    window: fc.integer({ min: 1, max: shape.T }),
  })
})

type Given = readonly (readonly [string, NumericArray])[]

/** A recipe's model on some rows. */
interface Question {
  readonly method: TriedRecipe
  readonly shape: TriedShape
  readonly rows: readonly Row[]
  readonly padding: number
}

const predictorOf = ({ method, shape, rows }: Question) => ({
  program: method.program,
  predictor: { kind: 'recipe', recipe: method.recipe } as const,
  bindings: bindingsFor(method, shape),
  rows: rows.length,
})

/** The logits after the last token of each row, of rows that are padded on the right to T tokens. */
const whole = (q: Question): ArrayLike<number> => {
  const graph = simplified(specialisePredictor(predictorOf(q), 'next'))
  const given: Given = [
    ['tokens', q.rows.flatMap(r => Array.from({ length: q.shape.T }, (_, t) => r.tokens[t] ?? q.padding))],
    ['at', q.rows.map(r => r.tokens.length - 1)],
    ['prompt', q.rows.map(r => r.prompt)],
  ]
  return interpret(graph, withNumbers(graph, new Map(given))).get('next')!
}

/**
 * The same, computed in windows with what is kept of earlier ones. Rows begin together, or they wait so that
 * they end together, as rows do that are padded on the left.
 */
const inWindows = (q: Question, window: number, together: 'begin' | 'end'): readonly number[] => {
  const { rows, shape, padding } = q
  const made = specialiseDecoder(predictorOf(q), window, 'next')
  if (Either.isLeft(made)) throw new Error(made.left)
  const graph = simplified(made.right)
  // What was never written counts for nothing, as long as it is a number.
  const kept = new Map<string, NumericArray>(
    inputsOf(graph)
      .filter(n => n.name.startsWith('kept.'))
      .map(n => [n.name, new Float64Array(elementsOf(shapeOf(n))).fill(1e3)]),
  )
  const turns = rows.map(r => Math.ceil(r.tokens.length / window))
  const most = Math.max(...turns)
  const found: number[] = []
  for (let turn = 0; turn < most; turn++) {
    const own = turns.map(n => Math.max(0, together === 'begin' ? turn : turn - (most - n)))
    const start = rows.map((r, i) => Math.min(own[i]! * window, shape.T - window, r.tokens.length - 1))
    const given: Given = [
      [
        'tokens',
        rows.flatMap((r, i) => Array.from({ length: window }, (_, j) => r.tokens[start[i]! + j] ?? padding)),
      ],
      ['start', start],
      ['at', rows.map((r, i) => Math.min(window - 1, r.tokens.length - 1 - start[i]!))],
      ['prompt', rows.map(r => r.prompt)],
    ]
    const out = interpret(graph, withNumbers(graph, new Map([...kept, ...given])))
    for (const name of kept.keys()) kept.set(name, out.get(name)!)
    const next = out.get('next')!
    for (const i of rows.keys())
      if (own[i] === turns[i]! - 1)
        for (let v = 0; v < shape.V; v++) found[i * shape.V + v] = next[i * shape.V + v]!
  }
  return found
}

/** One of the other families, another in every run. */
const family = recipesOn(process.env.FAMILY ?? fc.sample(fc.constantFrom(...otherFamilies), 1)[0]!)

const tried = [
  ...allRecipes.map(method => ({ method, of: `${method.name} on std.models.llama` })),
  ...family.names.map(name => ({
    method: triedRecipe(name, [], family),
    of: `${name} on ${family.model}`,
  })),
]

describe('over random shapes, a row has the same logits', () => {
  it.each(tried)('$of: alone and in a batch, however padded; whole and with a cache', ({ method }) => {
    fc.assert(
      fc.property(cases, ({ shape, rows, padding, window }) => {
        const alone = rows.flatMap(row =>
          Array.from(whole({ method, shape: { ...shape, T: row.tokens.length }, rows: [row], padding: 0 })),
        )
        const q = { method, shape, rows, padding }
        expect(worstDifference(whole(q), alone)).toBeLessThan(1e-9)
        expect(worstDifference(inWindows(q, window, 'begin'), alone)).toBeLessThan(1e-9)
        expect(worstDifference(inWindows(q, window, 'end'), alone)).toBeLessThan(1e-9)
      }),
      { numRuns: 1 },
    )
  })
})
