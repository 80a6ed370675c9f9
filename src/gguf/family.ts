/**
 * A GGUF file's metadata as the configuration that `config.json` would hold: `llama.block_count` is
 * `num_hidden_layers`, and so on. An entry of the architecture that has no place there stays under its own
 * name, so that whoever reads the configuration refuses it like any other that no program computes.
 */
import type { JsonObject } from '../json/json-values.js'
import type { MetadataValue } from './cursor.js'
import { familyOf } from './families.js'
import type { GgufHeader } from './header.js'

/** Keys that change no number at these values; `undefined`: at any. */
const harmless: ReadonlyMap<string, readonly MetadataValue[] | undefined> = new Map([
  // The rows of the embedding say it.
  ['vocab_size', undefined],
  ['tensor_data_layout', undefined],
  ['rope.scaling.finetuned', undefined],
  ['attention.causal', [true]],
  ['expert_count', [0]],
  ['expert_used_count', [0]],
  ['attention.clamp_kqv', [0]],
  ['attention.max_alibi_bias', [0]],
  ['rope.scaling.attn_factor', [1]],
  ['rope.scaling.yarn_log_multiplier', [0]],
  ['rope.scaling.yarn_ext_factor', [-1, 1]],
  ['rope.scaling.yarn_attn_factor', [1]],
])

const asJson = (value: MetadataValue): unknown =>
  typeof value === 'bigint' ? `${value}` : Array.isArray(value) ? value.map(asJson) : value

/** A list of one number a layer as that number, where all are the same. */
const unlisted = (value: MetadataValue): unknown =>
  Array.isArray(value) && value.length > 0 && value.every(v => v === value[0])
    ? asJson(value[0] as MetadataValue)
    : asJson(value)

/**
 * The rotation that the file describes, in the words of `rope_scaling`, and the keys read for it.
 */
const ropeScaling = (
  get: (key: string) => MetadataValue | undefined,
  divisors: readonly number[] | undefined,
): { readonly entry: JsonObject | undefined; readonly keys: readonly string[] } => {
  const own = get('rope.scaling.factor')
  const factor = own ?? get('rope.scale_linear')
  const type = get('rope.scaling.type') ?? 'linear'
  const context = get('rope.scaling.original_context_length')
  const scaled =
    type !== 'none' && factor !== undefined && factor !== 0 && !(type === 'linear' && factor === 1)
  const keys = ['rope.scaling.type', 'rope.scaling.factor', 'rope.scale_linear']
  if (divisors !== undefined) {
    // Both at once is in no file; it is left for the configuration's reader to refuse.
    const both = scaled ? { factor: asJson(factor) } : {}
    return {
      entry: { rope_type: 'divided', divisors, ...both },
      keys: [...keys, 'rope.scaling.original_context_length'],
    }
  }
  if (!scaled) return { entry: undefined, keys }
  const fast = get('rope.scaling.yarn_beta_fast')
  const slow = get('rope.scaling.yarn_beta_slow')
  return {
    entry: {
      rope_type: asJson(type),
      factor: asJson(factor),
      ...(context === undefined ? {} : { original_max_position_embeddings: asJson(context) }),
      ...(fast === undefined ? {} : { beta_fast: asJson(fast) }),
      ...(slow === undefined ? {} : { beta_slow: asJson(slow) }),
    },
    keys: [
      ...keys,
      'rope.scaling.original_context_length',
      'rope.scaling.yarn_beta_fast',
      'rope.scaling.yarn_beta_slow',
    ],
  }
}

/** Puts a value at a dotted path of nested objects. */
const put = (target: Record<string, unknown>, path: string, value: unknown): void => {
  const parts = path.split('.')
  let at = target
  for (const part of parts.slice(0, -1)) {
    const inner = Object.hasOwn(at, part) ? at[part] : undefined
    const next: Record<string, unknown> =
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : Object.create(null)
    Object.defineProperty(at, part, { value: next, enumerable: true, configurable: true, writable: true })
    at = next
  }
  Object.defineProperty(at, parts.at(-1)!, { value, enumerable: true, configurable: true, writable: true })
}

/** Entries for which 0 says that there is none. */
const zeroIsNone: ReadonlySet<string> = new Set([
  'sliding_window',
  'attn_logit_softcapping',
  'final_logit_softcapping',
])

/** The width of a head. */
const headOf = (config: JsonObject): number => {
  const { head_dim: given, hidden_size, n_embd, num_attention_heads, n_head } = config
  return typeof given === 'number'
    ? given
    : Number(hidden_size ?? n_embd) / Number(num_attention_heads ?? n_head)
}

/**
 * The share of a head that turns. A program rounds the share of a head down to whole numbers, and must come
 * to the number in the file.
 */
const shareOf = (rotated: MetadataValue, head: number): number => {
  const share = Number(rotated) / head
  return Math.floor(share * head) < Number(rotated) ? share + 1e-12 : share
}

/** What a file says beside its entries: further keys, and which tensors the first layer has. */
interface Beside {
  readonly get: (key: string) => MetadataValue | undefined
  readonly has: (tensor: string) => boolean
}

/** Completes a configuration with what a family's files say in other words; gives the keys read for it. */
type Adapt = (config: Record<string, unknown>, beside: Beside) => readonly string[]

const withBiases: Adapt = (config, { has }) => {
  if (config.model_type !== 'qwen2' && (has('attn_q.bias') || has('attn_output.bias')))
    config.attention_bias = true
  if (has('ffn_gate.bias') || has('ffn_down.bias')) config.mlp_bias = true
  return []
}

const withWindows: Adapt = (config, beside) => {
  withBiases(config, beside)
  const { get } = beside
  const { num_hidden_layers: layers, hidden_size: width, num_attention_heads: heads } = config
  // No file says what scores are divided by. llama.cpp knows the largest models by their layers, and takes
  // the width of a head in all others.
  const largest = config.model_type === 'gemma2' ? 46 : 62
  config.query_pre_attn_scalar =
    layers === largest ? Math.floor(Number(width) / Number(heads)) : headOf(config)
  const third = config.model_type === 'gemma3_text'
  if (third) config.rope_theta ??= 10000
  const key = 'attention.sliding_window_pattern'
  const pattern = get(key)
  const slides = (l: number): unknown =>
    third && config.sliding_window === undefined
      ? false
      : Array.isArray(pattern)
        ? pattern[l]
        : typeof pattern === 'number'
          ? pattern > 0 && l % pattern < pattern - 1
          : undefined
  const types = Array.from({ length: Number(layers) || 0 }, (_, l) => slides(l))
  const length = Array.isArray(pattern) ? pattern.length : types.length
  if (length !== types.length || types.some(s => typeof s !== 'boolean')) return []
  config.layer_types = types.map(s => (s === true ? 'sliding_attention' : 'full_attention'))
  return [key]
}

/** How families differ from what most files say. */
const adaptations: Readonly<Record<string, Adapt>> = {
  gpt2: () => [],
  gpt_neox: (config, { has }) => {
    config.attention_bias = has('attn_qkv.bias')
    return []
  },
  llama: (config, beside) => {
    withBiases(config, beside)
    const key = 'attention.sliding_window'
    const window = beside.get(key)
    if (typeof window !== 'number' || window <= 0) return []
    config.model_type = 'mistral'
    config.sliding_window = window
    return [key]
  },
  gemma2: withWindows,
  gemma3_text: withWindows,
}

/**
 * The configuration of a file's model, as `config.json` would have it. `divisors`: what each rotary pair's
 * frequency is divided by, where the file has a tensor of them (`rope_freqs.weight`), as models with Llama
 * 3's rotation do.
 */
export const configOf = (
  file: string,
  header: GgufHeader,
  divisors: readonly number[] | undefined,
): JsonObject => {
  const { metadata, tensors } = header
  const { name, modelType, entries } = familyOf(file, header)
  const get = (key: string): MetadataValue | undefined => metadata.get(`${name}.${key}`)
  const config: Record<string, unknown> = { model_type: modelType }
  const read = new Set<string>(['rope.dimension_count'])
  for (const [key, entry] of Object.entries(entries)) {
    const value = get(key)
    read.add(key)
    if (value !== undefined && !(zeroIsNone.has(entry) && value === 0)) config[entry] = unlisted(value)
  }
  const { entry: scaling, keys } = ropeScaling(get, divisors)
  for (const key of keys) read.add(key)
  if (scaling !== undefined) config.rope_scaling = scaling
  const head = headOf(config)
  const embedding = tensors.get('token_embd.weight')
  if (embedding !== undefined) config.vocab_size = embedding.shape[0]
  config.tie_word_embeddings = !tensors.has('output.weight')
  const rotated = get('rope.dimension_count')
  if (modelType === 'gpt_neox') config.rotary_pct = shareOf(rotated ?? head, head)
  else if (rotated !== undefined && rotated !== head) config.partial_rotary_factor = shareOf(rotated, head)
  if (get('attention.value_length') === head) read.add('attention.value_length')
  const adapt = adaptations[modelType] ?? withBiases
  for (const key of adapt(config, { get, has: tensor => tensors.has(`blk.0.${tensor}`) })) read.add(key)
  for (const [key, value] of metadata) {
    if (!key.startsWith(`${name}.`)) continue
    const short = key.slice(name.length + 1)
    const values = harmless.get(short)
    if (read.has(short) || (harmless.has(short) && (values === undefined || values.includes(value)))) continue
    put(config, key, asJson(value))
  }
  return config
}
