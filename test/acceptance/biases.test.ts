import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { specialiseFn } from '../../compiler/pipeline.js'
import { deviceEngine, type HostTensor } from '../../src/engine/engine.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { openModel } from '../../src/folders/open-model.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { bindModel, modelFacts } from '../../src/model/model.js'
import { sizesOf } from '../../src/model/sizes.js'
import { readBound } from '../../src/model/weights.js'
import type { TensorData } from '../../src/safetensors/encode.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory } from '../support/temporary.js'

/** A model like Qwen2's: biases on q, k and v, a head of its own. */
const [L, E, K, G, D, F, V, T] = [2, 12, 2, 3, 4, 10, 11, 5]
const H = K * G
const tokens = [3, 0, 10, 7, 7]

let seed = 1
const next = (): number => {
  seed = (seed * 48271) % 2147483647
  return seed / 2147483647 - 0.5
}
const random = (...shape: number[]): { shape: number[]; data: Float32Array } => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next),
})
type Weights = ReadonlyMap<string, { readonly shape: number[]; readonly data: Float32Array }>

const weights = (): Weights => {
  const w = new Map([
    ['model.embed_tokens.weight', random(V, E)],
    ['model.norm.weight', random(E)],
    ['lm_head.weight', random(V, E)],
  ])
  for (let l = 0; l < L; l++) {
    const p = `model.layers.${l}`
    w.set(`${p}.input_layernorm.weight`, random(E))
    w.set(`${p}.post_attention_layernorm.weight`, random(E))
    for (const [name, heads] of [
      ['q', H],
      ['k', K],
      ['v', K],
    ] as const) {
      w.set(`${p}.self_attn.${name}_proj.weight`, random(heads * D, E))
      w.set(`${p}.self_attn.${name}_proj.bias`, random(heads * D))
    }
    w.set(`${p}.self_attn.o_proj.weight`, random(E, H * D))
    w.set(`${p}.mlp.gate_proj.weight`, random(F, E))
    w.set(`${p}.mlp.up_proj.weight`, random(F, E))
    w.set(`${p}.mlp.down_proj.weight`, random(E, F))
  }
  return w
}

/** The forward pass written out by loops, one number after the other. */
const reference = (w: Weights): number[][] => {
  const at = (name: string) => w.get(name)!.data
  const times = (name: string, x: readonly number[], bias?: string): number[] => {
    const [rows, columns] = w.get(name)!.shape as [number, number]
    return Array.from({ length: rows }, (_, r) =>
      x.reduce((sum, v, c) => sum + at(name)[r * columns + c]! * v, bias === undefined ? 0 : at(bias)[r]!),
    )
  }
  const norm = (x: readonly number[], name: string): number[] => {
    const scale = 1 / Math.sqrt(x.reduce((s, v) => s + v * v, 0) / E + 1e-6)
    return x.map((v, i) => v * scale * at(name)[i]!)
  }
  const turn = (x: readonly number[], t: number): number[] => {
    const half = D / 2
    return x.map((v, i) => {
      const angle = t * 1e6 ** (-(i % half) / half)
      return v * Math.cos(angle) + (i < half ? -x[i + half]! : x[i - half]!) * Math.sin(angle)
    })
  }
  const heads = (x: readonly number[], n: number) =>
    Array.from({ length: n }, (_, h) => x.slice(h * D, (h + 1) * D))
  let x = tokens.map(t => Array.from(at('model.embed_tokens.weight').subarray(t * E, (t + 1) * E)))
  for (let l = 0; l < L; l++) {
    const p = `model.layers.${l}`
    const project = (name: string, v: readonly number[], n: number) =>
      heads(times(`${p}.self_attn.${name}_proj.weight`, v, `${p}.self_attn.${name}_proj.bias`), n)
    const n = x.map(v => norm(v, `${p}.input_layernorm.weight`))
    const q = n.map((v, t) => project('q', v, H).map(h => turn(h, t)))
    const k = n.map((v, t) => project('k', v, K).map(h => turn(h, t)))
    const v = n.map(u => project('v', u, K))
    x = x.map((before, t) => {
      const z = q[t]!.flatMap((query, h) => {
        const j = Math.floor(h / G)
        const scores = k
          .slice(0, t + 1)
          .map(key => query.reduce((s, a, i) => s + a * key[j]![i]!, 0) / Math.sqrt(D))
        const total = scores.reduce((s, a) => s + Math.exp(a), 0)
        return Array.from({ length: D }, (_, d) =>
          scores.reduce((s, a, i) => s + (Math.exp(a) / total) * v[i]![j]![d]!, 0),
        )
      })
      const y = times(`${p}.self_attn.o_proj.weight`, z).map((a, i) => a + before[i]!)
      const m = norm(y, `${p}.post_attention_layernorm.weight`)
      const gate = times(`${p}.mlp.gate_proj.weight`, m)
      const hidden = times(`${p}.mlp.up_proj.weight`, m).map(
        (u, f) => (u * gate[f]!) / (1 + Math.exp(-gate[f]!)),
      )
      return times(`${p}.mlp.down_proj.weight`, hidden).map((a, i) => a + y[i]!)
    })
  }
  return x.map(v => times('lm_head.weight', norm(v, 'model.norm.weight')))
}

withDevice('a model with biases, three queries a key and a head of its own', device => {
  it('gives the logits of plain loops', async () => {
    const directory = await temporaryDirectory()
    const w = weights()
    await writeSafetensors(
      join(directory, 'model.safetensors'),
      new Map<string, TensorData>([...w].map(([name, t]) => [name, { dtype: 'F32', ...t }])),
    )
    const config = {
      model_type: 'qwen2',
      hidden_size: E,
      num_hidden_layers: L,
      num_attention_heads: H,
      num_key_value_heads: K,
      head_dim: D,
      intermediate_size: F,
      vocab_size: V,
      rms_norm_eps: 1e-6,
      rope_theta: 1e6,
    }
    await writeFile(join(directory, 'config.json'), JSON.stringify(config))
    const { program } = loadProgram(['std.models.llama'])
    const fn = program.fns.get('std.models.llama.logits')!
    const param = fn.params[0]!
    const model = await openModel(directory, { weights: true, tokenizer: false })
    const facts = modelFacts(program, [param.type], model)
    const { constants, equations } = facts
    const length = { size: { terms: new Map([['T', 1]]) }, value: T, source: 'the test' }
    const sizes = sizesOf(fn.sizes, [...equations, length])
    const bound = bindModel([param], sizes, model, facts)
    expect([...bound.absent.keys()]).toEqual([
      'w.layers.bo',
      'w.layers.q_norm',
      'w.layers.k_norm',
      'w.layers.gate_bias',
      'w.layers.up_bias',
      'w.layers.down_bias',
    ])
    const graph = specialiseFn(program, fn, { sizes, constants, absent: bound.absent })
    const inputs = new Map<string, HostTensor>([
      ['tokens', { dtype: 'i32', shape: [T], data: Int32Array.from(tokens) }],
    ])
    for (const t of bound.tensors)
      inputs.set(t.spec.name, { dtype: 'f32', shape: t.shape, data: await readBound(model.checkpoint!, t) })
    await model.checkpoint!.close()
    const expected = reference(w).flat()
    for (const [engine, digits] of [
      [interpreterEngine, 10],
      [deviceEngine(device), 4],
    ] as const) {
      const got = (await engine.run(graph, inputs)).get('result')!.data
      for (const [i, x] of expected.entries()) expect(got[i]).toBeCloseTo(x, digits)
    }
  })
})
