import type { JsonObject } from '../../src/json/json-values.js'
import type { FamilyFixture } from '../support/families.js'
import { ggufBytes, type Typed, type WrittenTensor } from './support.js'

const layerNames: readonly (readonly [string, string])[] = [
  ['input_layernorm', 'attn_norm'],
  ['self_attn.q_proj', 'attn_q'],
  ['self_attn.k_proj', 'attn_k'],
  ['self_attn.v_proj', 'attn_v'],
  ['self_attn.o_proj', 'attn_output'],
  ['self_attn.q_norm', 'attn_q_norm'],
  ['self_attn.k_norm', 'attn_k_norm'],
  ['post_attention_layernorm', 'ffn_norm'],
  ['mlp.gate_proj', 'ffn_gate'],
  ['mlp.up_proj', 'ffn_up'],
  ['mlp.down_proj', 'ffn_down'],
]

const ownNames: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  olmo2: [
    ['post_attention_layernorm', 'post_attention_norm'],
    ['post_feedforward_layernorm', 'post_ffw_norm'],
  ],
  phi3: [
    ['self_attn.qkv_proj', 'attn_qkv'],
    ['mlp.gate_up_proj', 'ffn_up'],
  ],
}

const ggufName = (name: string, arch: string): string => {
  let out = name
    .replace('model.embed_tokens', 'token_embd')
    .replace('lm_head', 'output')
    .replace(/^model\.norm/, 'output_norm')
    .replace(/^model\.layers\./, 'blk.')
  for (const [theirs, ours] of [...(ownNames[arch] ?? []), ...layerNames])
    out = out.replace(`.${theirs}.`, `.${ours}.`)
  return out
}

/**
 * Rows as llama.cpp's converter orders them: each head [2, half] becomes [half, 2], so that what rotates
 * together lies side by side.
 */
const permuted = (data: Float32Array, rows: number, heads: number): Float32Array => {
  const width = data.length / rows
  const half = rows / heads / 2
  const out = new Float32Array(data.length)
  for (let head = 0; head < heads; head++)
    for (let part = 0; part < 2; part++)
      for (let pair = 0; pair < half; pair++) {
        const from = (head * 2 + part) * half + pair
        const to = (head * half + pair) * 2 + part
        out.set(data.subarray(from * width, (from + 1) * width), to * width)
      }
  return out
}

/**
 * The divisors of frequencies of Llama 3.1 (its model card's code): 1 for fast pairs, the factor for slow
 * ones.
 */
const llama3Divisors = (rope: JsonObject, head: number): Float32Array => {
  const [factor, low, high, context, base] = [
    rope.factor,
    rope.low_freq_factor,
    rope.high_freq_factor,
    rope.original_max_position_embeddings,
    rope.rope_theta,
  ].map(Number) as [number, number, number, number, number]
  return Float32Array.from({ length: head / 2 }, (_, pair) => {
    const wave = 2 * Math.PI * base ** ((2 * pair) / head)
    if (wave < context / high) return 1
    if (wave > context / low) return factor
    const smooth = (context / wave - low) / (high - low)
    return 1 / ((1 - smooth) / factor + smooth)
  })
}

const asBytes = (data: Float32Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

const ropeMetadata = (rope: JsonObject, arch: string): Readonly<Record<string, Typed>> => {
  if (rope.rope_type !== 'linear' && rope.rope_type !== 'yarn') return {}
  const context = rope.original_max_position_embeddings
  return {
    [`${arch}.rope.scaling.type`]: { text: rope.rope_type },
    [`${arch}.rope.scaling.factor`]: { f32: Number(rope.factor) },
    ...(context === undefined
      ? {}
      : { [`${arch}.rope.scaling.original_context_length`]: { u32: Number(context) } }),
  }
}

/**
 * The GGUF file that llama.cpp's converter writes of a family's checkpoint, in f32; `more` metadata beside.
 */
export const familyAsGguf = (
  { config, tensors }: FamilyFixture,
  more: Readonly<Record<string, Typed>> = {},
): Buffer => {
  const arch = config.model_type === 'mistral' ? 'llama' : String(config.model_type)
  const [heads, keys] = [Number(config.num_attention_heads), Number(config.num_key_value_heads)]
  const head = Number(config.head_dim ?? Number(config.hidden_size) / heads)
  const rope = config.rope_parameters as JsonObject
  const swaps = arch === 'llama' || arch === 'granite' || arch === 'smollm3'
  const written: WrittenTensor[] = [...tensors].map(([name, { shape, data }]) => {
    const count = name.includes('.q_proj.') ? heads : name.includes('.k_proj.') ? keys : undefined
    const rows = swaps && count !== undefined ? permuted(data, shape[0]!, count) : data
    return { name: ggufName(name, arch), extents: shape.toReversed(), type: 0, bytes: asBytes(rows) }
  })
  if (rope.rope_type === 'llama3')
    written.push({
      name: 'rope_freqs.weight',
      extents: [head / 2],
      type: 0,
      bytes: asBytes(llama3Divisors(rope, head)),
    })
  const number = (key: string, entry: string): Readonly<Record<string, Typed>> =>
    config[entry] === undefined || config[entry] === null
      ? {}
      : { [`${arch}.${key}`]: { u32: Number(config[entry]) } }
  const real = (key: string, entry: string): Readonly<Record<string, Typed>> =>
    config[entry] === undefined ? {} : { [`${arch}.${key}`]: { f32: Number(config[entry]) } }
  const share = Number(rope.partial_rotary_factor ?? 1)
  return ggufBytes({
    metadata: {
      'general.architecture': { text: arch },
      ...number('block_count', 'num_hidden_layers'),
      ...number('context_length', 'max_position_embeddings'),
      ...number('embedding_length', 'hidden_size'),
      ...number('feed_forward_length', 'intermediate_size'),
      ...number('attention.head_count', 'num_attention_heads'),
      ...number('attention.head_count_kv', 'num_key_value_heads'),
      ...number('attention.key_length', 'head_dim'),
      ...number('attention.value_length', 'head_dim'),
      ...number('attention.sliding_window', 'sliding_window'),
      [`${arch}.rope.dimension_count`]: { u32: Math.floor(head * share) },
      [`${arch}.rope.freq_base`]: { f32: Number(rope.rope_theta) },
      ...real('attention.layer_norm_rms_epsilon', 'rms_norm_eps'),
      ...real('attention.scale', 'attention_multiplier'),
      ...real('embedding_scale', 'embedding_multiplier'),
      ...real('residual_scale', 'residual_multiplier'),
      ...real('logit_scale', 'logits_scaling'),
      ...ropeMetadata(rope, arch),
      ...more,
    },
    tensors: written,
  })
}
