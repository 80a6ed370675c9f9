import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { packInputs, specialiseFn } from '../../compiler/pipeline.js'
import { prepareCall } from '../../src/cli/call/prepare.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import type { TensorData } from '../../src/safetensors/encode.js'
import { familyFixture, writeFamily } from '../support/families.js'
import { temporaryDirectory } from '../support/temporary.js'

/** What `test/fixtures/torch/bitfit.py` writes: the loss of a model, and its gradient by each bias. */
interface Computed {
  readonly loss: number
  readonly biases: Readonly<
    Record<string, { readonly offset: readonly number[]; readonly gradient: readonly number[] }>
  >
}

const computed = JSON.parse(
  readFileSync(new URL('../fixtures/torch/bitfit.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, Computed>>

const source = `
import std.model as base
import std.recipes.bitfit
import std.nn (cross_entropy)

size T, V

fn loss(w: base.Model, tokens: idx[V][T], e: bitfit.Edits) -> f32 =
  let y = base.logits(w, tokens, bitfit.sites(e))
  sum t -> (if t + 1 < T then cross_entropy(y[t], tokens.at(t + 1, else: tokens[t])) else 0) / (T - 1)

fn trained(w: base.Model, tokens: idx[V][T], e: bitfit.Edits) -> (f32, bitfit.Edits) =
  value_and_grad(e -> loss(w, tokens, e))(e)
`

/** The fields of the recipe's edits, with their shapes; those of a field stand layer after layer. */
const shapes: Readonly<Record<string, readonly number[]>> = {
  q: [3, 4, -1],
  k: [3, 4, -1],
  v: [3, 4, -1],
  ...{ o: [3, -1], gate: [3, -1], up: [3, -1], down: [3, -1] },
  ...{ attention_norm: [3, -1], feed_forward_norm: [3, -1], last_norm: [-1] },
}

const fieldOf: readonly (readonly [RegExp, string])[] = [
  [/ln_1|input_layernorm/, 'attention_norm'],
  [/ln_2|post_attention_layernorm/, 'feed_forward_norm'],
  [/ln_f|final_layer_norm/, 'last_norm'],
  [/attn\.c_proj|attention\.dense/, 'o'],
  [/c_fc|dense_h_to_4h/, 'up'],
  [/mlp\.c_proj|dense_4h_to_h/, 'down'],
]

/** Numbers by bias as numbers by the recipe's field. */
const byField = (
  name: string,
  numbers: readonly (readonly [string, readonly number[]])[],
): Readonly<Record<string, readonly number[]>> => {
  const out: Record<string, number[]> = Object.fromEntries(Object.keys(shapes).map(f => [f, []]))
  for (const [bias, list] of numbers) {
    const field = fieldOf.find(([pattern]) => pattern.test(bias))?.[1]
    if (field !== undefined) {
      out[field]!.push(...list)
      continue
    }
    // Queries, keys and values: three blocks in GPT-2, three of each head in GPT-NeoX.
    const width = list.length / 12
    for (const [part, own] of (['q', 'k', 'v'] as const).entries())
      for (let head = 0; head < 4; head++) {
        const at = (name === 'gpt2' ? part * 4 + head : head * 3 + part) * width
        out[own]!.push(...list.slice(at, at + width))
      }
  }
  return { ...out, gate: out.up!.map(() => 0) }
}

it.each(['gpt2', 'gpt-neox'])(
  'BitFit trains every bias of %s, those of norms among them, as PyTorch does',
  async name => {
    const { loss, biases } = computed[name]!
    const fixture = familyFixture(name)
    const directory = join(await temporaryDirectory(), name)
    await writeFamily(fixture, directory)
    const file = join(directory, 'bitfit-loss.jola')
    await writeFile(file, source)
    const entries = Object.entries(biases)
    const offsets = byField(
      name,
      entries.map(([n, b]) => [n, b.offset] as const),
    )
    const gradients = byField(
      name,
      entries.map(([n, b]) => [n, b.gradient] as const),
    )
    const given = Object.entries(shapes).map(([field, shape]): [string, TensorData] => {
      const data = Float32Array.from(offsets[field]!)
      const rest = data.length / shape.reduce((a, b) => (b < 0 ? a : a * b), 1)
      return [`e.${field}`, { dtype: 'F32', shape: shape.map(n => (n < 0 ? rest : n)), data }]
    })
    const tokens: TensorData = {
      dtype: 'I32',
      shape: [fixture.tokens.length],
      data: Int32Array.from(fixture.tokens),
    }
    const inputs = join(directory, 'inputs.safetensors')
    await writeSafetensors(inputs, new Map([['tokens', tokens], ...given]))
    const call = await prepareCall({ file, fn: 'trained', model: directory, in: inputs, inputs: 'read' })
    const graph = packInputs(specialiseFn(call.program, call.fn, call.bindings), call.packing)
    const results = await interpreterEngine.run(graph, await call.values(graph))
    await call.close()
    const found = (suffix: string): ArrayLike<number> =>
      [...results].find(([key]) => key.endsWith(suffix))![1].data
    expect(results.get('0')!.data[0]).toBeCloseTo(loss, 5)
    let trained = 0
    for (const field of Object.keys(shapes)) {
      const ours = found(`.${field}`)
      const worst = Math.max(...gradients[field]!.map((g, i) => Math.abs(g - ours[i]!)))
      expect(worst, field).toBeLessThan(2e-6)
      if (field !== 'gate') trained += gradients[field]!.length
    }
    // L (3 H D + o, down and two norms of E, up of F) + the last norm.
    const [L, H, D] = [3, 4, offsets.q!.length / 12]
    const [E, F] = [H * D, offsets.up!.length / L]
    expect(trained).toBe(L * (3 * H * D + 4 * E + F) + E)
  },
)
