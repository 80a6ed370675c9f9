import { describe, expect, it } from 'vitest'
import { shapeOf } from '../../compiler/ir/graph.js'
import { interpret, type NumericArray } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { simplified } from '../../compiler/pipeline.js'
import { specialisePredictor } from '../../compiler/specialise/predictor.js'
import { specialiseMethod } from '../../compiler/specialise/specialise.js'
import { type Batch, exampleBatches } from '../../src/data/batch.js'
import { batchInputs, methodOf } from '../../src/recipe/recipe-parts.js'
import {
  bindingsFor,
  elementsOf,
  inputsOf,
  recipeProgram,
  type TriedRecipe,
  triedRecipe,
  withNumbers,
} from './all-recipes.js'
import { worstDifference } from './support.js'

const shape = { L: 2, K: 2, G: 2, Pairs: 2, E: 6, F: 5, V: 9, T: 8, B: 3, A: 2 }
const { L, K, G, E } = shape
const [H, D] = [K * G, 2 * shape.Pairs]

/** LoRA's tensors for some projections by their lengths in and out, of rank r. */
const low = (r: number, of: Readonly<Record<string, readonly [number, number]>>, prefix = 'edits.') =>
  Object.fromEntries(
    Object.entries(of).flatMap(([name, [i, o]]) => [
      [`${prefix}${name}.down`, L * r * i],
      [`${prefix}${name}.up`, L * o * r],
    ]),
  )

const q = [E, H * D] as const
const v = [E, K * D] as const

/** Each recipe with settings of its own, and what its model reads of the state: the length of each tensor. */
const cases: readonly (readonly [string, readonly string[], Readonly<Record<string, number>>])[] = [
  [
    'jola',
    [],
    {
      'edits.scale': L * H * D,
      'edits.offset': L * H * D,
      'edits.scale_gate': L * H,
      'edits.offset_gate': L * H,
    },
  ],
  [
    'ablations',
    ['gating=one', 'kinds=offset'],
    {
      'edits.offset': L * H * D,
      'edits.scale_gate': L * H,
      'edits.ff_offset': L * E,
      'edits.ff_scale_gate': L,
    },
  ],
  ['lora', ['R=3', 'v=false', 'o=false', 'gate=false', 'up=false', 'down=false'], low(3, { q, k: v })],
  ['bitfit', [], { 'edits.q': L * H * D, 'edits.k': L * K * D, 'edits.v': L * K * D }],
  ['low_rank', [], { 'edits.down': L * 2 * E, 'edits.up': L * E * 2 }],
  ['red', [], { 'edits.scale': L * E, 'edits.offset': L * E }],
  ['loreft', [], { 'edits.rotate': L * 2 * E, 'edits.weight': L * 2 * E, 'edits.bias': L * 2 }],
  ['lofit', ['heads=2', 'scale_rate=0.05'], { 'edits.offset': L * H * D }],
  ['post_block', ['form=fixed_vector', 'joint=false'], { 'trained.edits.write': L * E }],
  [
    'post_block',
    [],
    { 'trained.edits.read': L * E, 'trained.edits.write': L * E, ...low(2, { q, v }, 'trained.lora.') },
  ],
  ['preft', ['k=false', 'o=false', 'gate=false', 'up=false', 'down=false'], low(2, { q, v })],
  ['repe', ['direction=component', 'strength=0.1'], { 'edits.vector': L * E }],
  ['caa', ['layer=1', 'strength=0.1'], { 'edits.vector': L * E }],
  ['iti', ['direction=probe', 'strength=0.1'], { 'edits.offset': L * H * D }],
  ['site', ['collecting=0.2', 'learning_rate=2'], { 'edits.weight': L * H, embedding: L * H * D }],
  ['clas', ['reading=0.4'], { 'edits.read': L * E, 'edits.bias': L, vector: L * E }],
]

/** Rows of a prompt and an answer, each with a wrong one. */
const examples = [
  [2, 3, 4],
  [3, 2, 4, 5],
  [5, 6],
  [6, 5, 3],
].map((prompt, i) => {
  const ends = (answer: readonly number[]) => ({ tokens: [...prompt, ...answer], answerStart: prompt.length })
  const example = { prompt: '', answer: '', file: '', line: 1 }
  return { example, ...ends([7 + (i % 2), 1].slice(0, 1 + (i % 2))), wrong: ends([8 - (i % 2)]) }
})

/** The recipe's numbers for a method: its state, and what training brings. */
class Run {
  state = new Map<string, NumericArray>()
  readonly #bindings
  readonly #graphs = new Map<string, Graph>()

  constructor(
    readonly tried: TriedRecipe,
    readonly steps: number,
    B: number,
  ) {
    this.#bindings = bindingsFor(tried, { ...shape, B })
  }

  #run(method: 'init' | 'step' | 'validate', given: ReadonlyMap<string, NumericArray>) {
    const { recipe, settings } = this.tried
    const graph =
      this.#graphs.get(method) ?? simplified(specialiseMethod(recipeProgram, recipe, method, this.#bindings))
    this.#graphs.set(method, graph)
    const set = [...settings].map(([n, x]) => [`settings.${n}`, [Number(x)]] as const)
    return interpret(graph, withNumbers(graph, new Map([...set, ...given])))
  }

  #batch(method: 'step' | 'validate', batch: Batch): readonly (readonly [string, NumericArray])[] {
    return batchInputs(this.tried.recipe, method).flatMap((name, i) => {
      const { tokens, position, target, weight, prompt, example } = i === 0 ? batch : batch.wrong!
      const fields = Object.entries({ tokens, position, target, weight, prompt, example })
      return fields.map(([field, x]) => [`${name}.${field}`, x] as const)
    })
  }

  init(): void {
    this.state = this.#run('init', new Map([[methodOf(this.tried.recipe, 'init').params[0]!.name, [3, 0]]]))
  }

  #stateOf(method: string): readonly (readonly [string, NumericArray])[] {
    const s = methodOf(this.tried.recipe, method).params[0]!.name
    return [...this.state].map(([n, x]) => [`${s}.${n}`, x] as const)
  }

  /** One step; gives what it shows. */
  step(batch: Batch, step: number, epoch: number): Readonly<Record<string, number>> {
    const [, , key, at] = methodOf(this.tried.recipe, 'step').params.map(p => p.name)
    const place = { step, steps: this.steps, epoch }
    const out = this.#run(
      'step',
      new Map<string, NumericArray>([
        ...this.#stateOf('step'),
        ...this.#batch('step', batch),
        [key!, [3, step + 1]],
        ...Object.entries(place).map(([n, x]) => [`${at}.${n}`, [x]] as const),
      ]),
    )
    const part = (prefix: string) =>
      [...out].flatMap(([n, x]) => (n.startsWith(prefix) ? [[n.slice(prefix.length), x] as const] : []))
    this.state = new Map(part('0.'))
    return Object.fromEntries(part('1.').map(([n, x]) => [n, x[0]!]))
  }

  validate(batch: Batch): number {
    const out = this.#run(
      'validate',
      new Map([...this.#stateOf('validate'), ...this.#batch('validate', batch)]),
    )
    return (out.get('result') ?? out.get('loss'))![0]!
  }
}

/** The numbers of each tensor of the state that the recipe's model reads. */
const readBy = (tried: TriedRecipe): Readonly<Record<string, number>> => {
  const predictor = { kind: 'recipe', recipe: tried.recipe } as const
  const graph = simplified(
    specialisePredictor(
      { program: recipeProgram, predictor, bindings: bindingsFor(tried, shape), rows: 1 },
      'next',
    ),
  )
  const s = `${methodOf(tried.recipe, 'predict').params[0]!.name}.`
  const read = inputsOf(graph).filter(n => n.name.startsWith(s))
  return Object.fromEntries(read.map(n => [n.name.slice(s.length), elementsOf(shapeOf(n))]))
}

const options = { batchSize: 3, length: shape.T, answer: shape.A, shuffleSeed: 1 }

const trained = (name: string, settings: readonly string[], batchSize = 3, epochs = 8): Run => {
  const stream = exampleBatches(examples, { ...options, batchSize })
  const fast = ['learning_rate=0.05', 'warmup=0'].filter(
    s => triedRecipe(name).settings.has(s.split('=')[0]!) && !settings.includes(s),
  )
  const run = new Run(
    triedRecipe(name, [...fast, `epochs=${epochs}`, ...settings]),
    epochs * stream.stepsPerEpoch,
    batchSize,
  )
  run.init()
  for (let step = 0; step < run.steps; step++) {
    const epoch = Math.floor(step / stream.stepsPerEpoch)
    run.step(stream.at(epoch, step % stream.stepsPerEpoch), step, epoch)
  }
  return run
}

const firstRows = exampleBatches(examples, options).at(0, 0)

describe('a recipe of the standard library', () => {
  it.each(cases)('%s %j learns, and its model reads what it should', (name, settings, reads) => {
    const run = trained(name, settings)
    const after = run.validate(firstRows)
    const learned = run.state
    run.init()
    // What was read before training stays: the directions of CLAS, the embedding of SITE.
    for (const [n, x] of learned) if (!/^(edits|trained)[.]/.test(n)) run.state.set(n, x)
    const before = run.validate(firstRows)
    expect(after).not.toBe(before)
    // What only reads directions from random answers need not help.
    if (!['repe', 'caa', 'iti'].includes(name)) expect(after).toBeLessThan(before)
    expect(readBy(run.tried)).toEqual(reads)
  })

  it.each([
    ['repe', ['direction=component'], 'edits.vector'],
    ['caa', [], 'edits.vector'],
    ['iti', [], 'edits.offset'],
  ] as const)(
    '%s reads the same from pairs in batches of any size, once or again',
    (name, settings, tensor) => {
      const runs = [
        [1, 8],
        [3, 8],
        [4, 8],
        [3, 1],
      ] as const
      const found = runs.map(([size, epochs]) => trained(name, settings, size, epochs).state.get(tensor)!)
      expect(Math.max(...found[0]!)).toBeGreaterThan(0.01)
      for (const other of found.slice(1)) expect(worstDifference(other, found[0]!)).toBeLessThan(1e-9)
    },
  )
})
