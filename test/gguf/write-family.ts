import type { JsonObject } from '../../src/json/json-values.js'
import type { FamilyFixture } from '../support/families.js'
import { ggufBytes, type Typed, type WrittenTensor } from './support.js'

type Names = readonly (readonly [string, string])[]

const layerNames: Names = [
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

const normsBehind: Names = [
  ['pre_feedforward_layernorm', 'ffn_norm'],
  ['post_attention_layernorm', 'post_attention_norm'],
  ['post_feedforward_layernorm', 'post_ffw_norm'],
]

const ownNames: Readonly<Record<string, Names>> = {
  olmo2: normsBehind,
  gemma2: normsBehind,
  gemma3: normsBehind,
  phi3: [
    ['self_attn.qkv_proj', 'attn_qkv'],
    ['mlp.gate_up_proj', 'ffn_up'],
  ],
  gpt2: [
    ['ln_1', 'attn_norm'],
    ['ln_2', 'ffn_norm'],
    ['attn.c_attn', 'attn_qkv'],
    ['attn.c_proj', 'attn_output'],
    ['mlp.c_fc', 'ffn_up'],
    ['mlp.c_proj', 'ffn_down'],
  ],
  gptneox: [
    ['attention.query_key_value', 'attn_qkv'],
    ['attention.dense', 'attn_output'],
    ['mlp.dense_h_to_4h', 'ffn_up'],
    ['mlp.dense_4h_to_h', 'ffn_down'],
  ],
}

const ggufName = (name: string, arch: string): string => {
  let out = name
    .replace(/^(model\.embed_tokens|transformer\.wte|gpt_neox\.embed_in)\b/, 'token_embd')
    .replace(/^transformer\.wpe\b/, 'position_embd')
    .replace(/^(lm_head|embed_out)\b/, 'output')
    .replace(/^(model\.norm|transformer\.ln_f|gpt_neox\.final_layer_norm)\b/, 'output_norm')
    .replace(/^(model\.layers|transformer\.h|gpt_neox\.layers)\./, 'blk.')
  for (const [theirs, ours] of [...(ownNames[arch] ?? []), ...layerNames])
    out = out.replace(`.${theirs}.`, `.${ours}.`)
  return out
}

/** Rows of each head's query, key and value as those of all queries, all keys and all values. */
const regrouped = (data: Float32Array, heads: number): Float32Array => {
  const size = data.length / heads / 3
  const out = new Float32Array(data.length)
  for (let head = 0; head < heads; head++)
    for (let part = 0; part < 3; part++)
      out.set(
        data.subarray((head * 3 + part) * size, (head * 3 + part + 1) * size),
        (part * heads + head) * size,
      )
  return out
}

const turned = (data: Float32Array, [rows = 1, columns = 1]: readonly number[]): Float32Array =>
  data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!)

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

/** A tensor of a family as llama.cpp's converter writes it. */
const asWritten = (
  name: string,
  { shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array },
  { arch, heads, keys }: { readonly arch: string; readonly heads: number; readonly keys: number },
): WrittenTensor => {
  const own = ggufName(name, arch)
  const count = name.includes('.q_proj.') ? heads : name.includes('.k_proj.') ? keys : undefined
  const isTurned = arch === 'gpt2' && shape.length === 2 && own.startsWith('blk.')
  const swaps = arch === 'llama' || arch === 'granite' || arch === 'smollm3'
  const values =
    swaps && count !== undefined
      ? permuted(data, shape[0]!, count)
      : arch === 'gptneox' && own.includes('attn_qkv')
        ? regrouped(data, heads)
        : isTurned
          ? turned(data, shape)
          : arch.startsWith('gemma') && name.endsWith('norm.weight')
            ? data.map(x => x + 1)
            : data
  const extents = isTurned ? shape : shape.toReversed()
  return { name: own, extents, type: 0, bytes: asBytes(values) }
}

const architectures: Readonly<Record<string, string>> = {
  mistral: 'llama',
  gpt_neox: 'gptneox',
  gemma3_text: 'gemma3',
}

type Metadata = Readonly<Record<string, Typed>>

/** The metadata of the sizes of a family, and of what its layers do. */
const familyMetadata = (config: JsonObject, arch: string, head: number): Metadata => {
  const number = (key: string, ...names: readonly string[]): Metadata => {
    const value = names.map(n => config[n]).find(v => v !== undefined && v !== null)
    return value === undefined ? {} : { [`${arch}.${key}`]: { u32: Number(value) } }
  }
  const real = (key: string, ...names: readonly string[]): Metadata => {
    const value = names.map(n => config[n]).find(v => v !== undefined && v !== null)
    return value === undefined ? {} : { [`${arch}.${key}`]: { f32: Number(value) } }
  }
  const sizes = {
    ...number('block_count', 'num_hidden_layers', 'n_layer'),
    ...number('context_length', 'max_position_embeddings', 'n_positions'),
    ...number('embedding_length', 'hidden_size', 'n_embd'),
    ...number('feed_forward_length', 'intermediate_size'),
    ...number('attention.head_count', 'num_attention_heads', 'n_head'),
    ...real('attention.layer_norm_epsilon', 'layer_norm_eps', 'layer_norm_epsilon'),
  }
  if (arch === 'gpt2') return { ...sizes, 'gpt2.feed_forward_length': { u32: 4 * Number(config.n_embd) } }
  const parameters = (config.rope_parameters ?? config.rope_scaling ?? {}) as JsonObject
  const rope = (parameters.full_attention ?? parameters) as JsonObject
  const near = parameters.sliding_attention as JsonObject | undefined
  const turning = {
    [`${arch}.rope.dimension_count`]: { u32: Math.floor(head * Number(rope.partial_rotary_factor ?? 1)) },
    [`${arch}.rope.freq_base`]: { f32: Number(rope.rope_theta ?? config.rope_theta) },
    ...ropeMetadata(rope, arch),
  }
  if (arch === 'gptneox')
    return {
      ...sizes,
      ...turning,
      'gptneox.use_parallel_residual': { bool: config.use_parallel_residual === true },
    }
  const types = config.layer_types as readonly string[] | undefined
  return {
    ...sizes,
    ...turning,
    ...number('attention.head_count_kv', 'num_key_value_heads'),
    ...number('attention.key_length', 'head_dim'),
    ...number('attention.value_length', 'head_dim'),
    ...number('attention.sliding_window', 'sliding_window'),
    ...real('attention.layer_norm_rms_epsilon', 'rms_norm_eps'),
    ...real('attention.scale', 'attention_multiplier'),
    ...real('embedding_scale', 'embedding_multiplier'),
    ...real('residual_scale', 'residual_multiplier'),
    ...real('logit_scale', 'logits_scaling'),
    ...real('attn_logit_softcapping', 'attn_logit_softcapping'),
    ...real('final_logit_softcapping', 'final_logit_softcapping'),
    ...(near === undefined ? {} : { [`${arch}.rope.freq_base_swa`]: { f32: Number(near.rope_theta) } }),
    ...real('rope.freq_base_swa', 'rope_local_base_freq'),
    ...number('attention.sliding_window_pattern', 'sliding_window_pattern'),
    ...(arch === 'gemma3' && types !== undefined
      ? {
          'gemma3.attention.sliding_window_pattern': {
            list: types.map(t => ({ bool: t === 'sliding_attention' })),
          },
        }
      : {}),
  }
}

/**
 * The GGUF file that llama.cpp's converter writes of a family's checkpoint, in f32; `more` metadata beside.
 */
export const familyAsGguf = (
  { config, tensors }: FamilyFixture,
  more: Readonly<Record<string, Typed>> = {},
): Buffer => {
  const type = String(config.model_type)
  const arch = architectures[type] ?? type
  const heads = Number(config.num_attention_heads ?? config.n_head)
  const keys = Number(config.num_key_value_heads ?? heads)
  const head = Number(config.head_dim ?? Number(config.hidden_size ?? config.n_embd) / heads)
  const rope = (config.rope_parameters ?? {}) as JsonObject
  const written = [...tensors].map(([name, tensor]) => asWritten(name, tensor, { arch, heads, keys }))
  if (rope.rope_type === 'llama3')
    written.push({
      name: 'rope_freqs.weight',
      extents: [head / 2],
      type: 0,
      bytes: asBytes(llama3Divisors(rope, head)),
    })
  return ggufBytes({
    metadata: {
      'general.architecture': { text: arch },
      ...familyMetadata(config, arch, head),
      ...more,
    },
    tensors: written,
  })
}
