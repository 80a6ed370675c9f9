import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import type { JsonObject } from '../../src/json/json-values.js'
import { f32, folderWith, i32, jola, tensorsFile } from './support.js'

const llama = join(stdlibFolder, 'models', 'llama.jola')

/** The smallest configuration of a Llama: weights are asked for only after it is understood. */
const config: JsonObject = {
  model_type: 'llama',
  hidden_size: 4,
  intermediate_size: 3,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  num_key_value_heads: 1,
  head_dim: 4,
  vocab_size: 5,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  hidden_act: 'silu',
  tie_word_embeddings: true,
}

const weights = {
  'model.embed_tokens.weight': f32([5, 4], ...Array.from({ length: 20 }, (_, i) => Math.sin(i))),
  'model.norm.weight': f32([4], 1, 1, 1, 1),
  ...Object.fromEntries(
    (
      [
        ['input_layernorm', [4]],
        ['self_attn.q_proj', [4, 4]],
        ['self_attn.k_proj', [4, 4]],
        ['self_attn.v_proj', [4, 4]],
        ['self_attn.o_proj', [4, 4]],
        ['post_attention_layernorm', [4]],
        ['mlp.gate_proj', [3, 4]],
        ['mlp.up_proj', [3, 4]],
        ['mlp.down_proj', [4, 3]],
      ] as const
    ).map(([name, shape], k) => {
      const n = shape.reduce((a: number, b) => a * b, 1)
      const data = Array.from({ length: n }, (_, i) => Math.cos(i + k))
      return [`model.layers.0.${name}.weight`, f32(shape, ...data)] as const
    }),
  ),
}

/** Runs the model on a configuration with these entries changed. */
const logits = async (changed: JsonObject) => {
  const model = await folderWith({ 'config.json': JSON.stringify({ ...config, ...changed }) })
  await writeSafetensors(join(model, 'model.safetensors'), new Map(Object.entries(weights)))
  const tokens = await tensorsFile({ tokens: i32([3], 1, 4, 2) })
  const args = ['--fn', 'logits', '--model', model, '--in', tokens, '--device', 'interpreter']
  return { ...(await jola('run', llama, ...args)), file: join(model, 'config.json') }
}

describe('a configuration that the program does not know', () => {
  it('is refused with the entry, what it says and what is known', async () => {
    const { code, out, err, file } = await logits({ rope_scaling: { rope_type: 'longrope', factor: 4 } })
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain(
      "error: the model's configuration asks for something that the program does not know\n",
    )
    expect(err).toContain(`where: ${file}, "rope_scaling.rope_type" and "rope_scaling.factor"\n`)
    expect(err).toContain(
      'it is "longrope", and std.rope.rotation knows default, linear, dynamic, yarn, llama3',
    )
    expect(err).toContain('hint:  ')
  })

  it('is refused by every entry at once, whatever they hold', async () => {
    const { code, err } = await logits({ rope_scaling: { type: 'su' }, hidden_act: ['gelu'] })
    expect(code).toBe(1)
    expect(err).toContain('"hidden_act": it is ["gelu"], and std.models.llama.activation knows silu, swish')
    expect(err).toContain('"rope_scaling.type": it is "su", and std.rope.rotation knows')
    const empty = await logits({ hidden_act: '' })
    expect({ code: empty.code, says: empty.err.includes('it is "",') }).toEqual({ code: 1, says: true })
  })

  it('is not one that says nothing, null or a choice', async () => {
    const plain = await logits({})
    expect({ code: plain.code, err: plain.err }).toMatchObject({ code: 0 })
    const same: readonly JsonObject[] = [
      { rope_scaling: null },
      { rope_scaling: { rope_type: 'default' } },
      { rope_scaling: { rope_type: null, type: 'default' } },
    ]
    for (const changed of same) expect((await logits(changed)).out).toBe(plain.out)
    const factors = { factor: 8, low_freq_factor: 1, high_freq_factor: 4 }
    const short = { rope_type: 'llama3', original_max_position_embeddings: 4, ...factors }
    const stretched = await logits({ rope_scaling: short })
    expect(stretched.code).toBe(0)
    expect(stretched.out).not.toBe(plain.out)
  })
})
