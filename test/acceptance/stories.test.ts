import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { specialiseFn } from '../../compiler/pipeline.js'
import type { Engine } from '../../src/engine/engine.js'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'
import { openTokenizer } from '../../src/folders/open-tokenizer.js'
import { argmax } from '../../src/predict/logits.js'
import { openBase } from '../../src/runs/open-run.js'
import { withDevice } from '../support/device.js'
import {
  fixture,
  onBoth,
  onStories,
  programOf,
  stories,
  tensor,
  withStories,
  worstDifference,
} from './support.js'

interface Golden {
  readonly ids: readonly number[]
  readonly last_logits: readonly number[]
}

const greedy = fixture<{
  readonly prompt: string
  readonly ids: readonly number[]
  readonly tokens: readonly number[]
  readonly text: string
}>('numpy/stories-greedy.json')
const torch = fixture<{
  readonly tokens: readonly (readonly number[])[]
  readonly base_last_logits: readonly (readonly number[])[]
}>('torch/jola-stories260k.json')
const opening =
  ', there was a little girl named Lily. She loved to play outside in the park. One ' +
  'day, she saw a big, red ball'

const program = programOf(`
import std.models.llama
size V, B, T
fn batch(w: llama.Model, tokens: idx[V][B, T]) -> f32[B, T, V] = for b -> llama.logits(w, tokens[b])
`)
const V = 512
const T = greedy.ids.length + greedy.tokens.length - 1

/**
 * The logits of rows, padded on the right to the same length: what follows a token has no part in its logits.
 */
const logitsOf = async (engine: Engine, rows: readonly (readonly number[])[]) => {
  const { fn, bindings, weights } = await onStories(program, 'main.batch', { B: rows.length, T })
  const padded = rows.map(r => [...r, ...new Array<number>(T - r.length).fill(0)])
  const inputs = new Map([...weights, ['tokens', tensor(padded, 'i32')] as const])
  const all = (await engine.run(specialiseFn(program, fn, bindings), inputs)).get('result')!.data
  return (row: number, position: number): ArrayLike<number> => {
    const at = (row * T + position) * V
    return all.slice(at, at + V)
  }
}

withStories('stories260K', directory => {
  onBoth(engine => {
    let golden: Golden
    let at: Awaited<ReturnType<typeof logitsOf>>
    beforeAll(async () => {
      golden = JSON.parse(readFileSync(join(stories!, 'golden.json'), 'utf8')) as Golden
      const story = [...greedy.ids, ...greedy.tokens.slice(0, -1)]
      at = await logitsOf(engine, [story, golden.ids, ...torch.tokens])
    })

    it('gives the logits of an independent forward to 1e-4', () => {
      const error = worstDifference(at(1, golden.ids.length - 1), golden.last_logits)
      expect(error).toBeLessThan(1e-4)
    })

    it('gives the logits that PyTorch computes in float64', () => {
      const errors = torch.tokens.map((row, b) =>
        worstDifference(at(2 + b, row.length - 1), torch.base_last_logits[b]!),
      )
      expect(Math.max(...errors)).toBeLessThan(1e-4)
    })

    it('finds each of the 60 original tokens most likely after those before it', () => {
      const found = greedy.tokens.map((_, i) => argmax(at(0, greedy.ids.length - 1 + i)))
      expect(found).toEqual(greedy.tokens)
    })
  })

  withDevice('generation on the device', device => {
    it('continues "Once upon a time" with the original 60 tokens', async () => {
      const base = await openBase(device, directory, join(stdlibFolder, 'models', 'llama.jola'))
      try {
        const prompt = base.tokenizer.encode(greedy.prompt)
        expect(prompt).toEqual(greedy.ids)
        const [tokens] = await base.sequence.greedy([prompt], greedy.tokens.length, base.tokenizer)
        expect(tokens).toEqual(greedy.tokens)
      } finally {
        await base.close()
      }
    })
  })

  it('reads as the original text', async () => {
    const tokenizer = await openTokenizer(directory)
    const text = tokenizer.decode([...greedy.ids, ...greedy.tokens])
    expect(text).toBe(greedy.prompt + greedy.text)
    expect(greedy.text.startsWith(opening)).toBe(true)
  })
})
