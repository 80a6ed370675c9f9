/**
 * A GGUF file's metadata as the configuration that `config.json` would hold: `llama.block_count` is
 * `num_hidden_layers`, and so on. An entry of the architecture that has no place there stays under its own
 * name, so that whoever reads the configuration refuses it like any other that no program computes.
 */
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'
import type { MetadataValue } from './cursor.js'
import type { GgufHeader } from './header.js'

/** The facts about an architecture, which its name in a file tells. */
export interface GgufFamily {
  /** Its name in `config.json`. */
  readonly modelType: string
  /**
   * Whether the file has the rows of each head of queries and keys in the order of llama.cpp's rotation,
   * which turns neighbours, and not in that of the checkpoint, which turns the halves of a head.
   */
  readonly permuted: boolean
  /** Names of tensors in layers, beside or instead of those that all have. */
  readonly tensors?: Readonly<Record<string, string>>
  /** Entries of `config.json` by keys behind the architecture's name, beside those that all have. */
  readonly entries?: Readonly<Record<string, string>>
}

const graniteEntries = {
  'attention.scale': 'attention_multiplier',
  embedding_scale: 'embedding_multiplier',
  residual_scale: 'residual_multiplier',
  logit_scale: 'logits_scaling',
}

const families: Readonly<Record<string, GgufFamily>> = {
  llama: { modelType: 'llama', permuted: true },
  qwen2: { modelType: 'qwen2', permuted: false },
  qwen3: { modelType: 'qwen3', permuted: false },
  smollm3: { modelType: 'smollm3', permuted: true },
  granite: { modelType: 'granite', permuted: true, entries: graniteEntries },
  olmo2: {
    modelType: 'olmo2',
    permuted: false,
    tensors: {
      post_attention_norm: 'post_attention_layernorm',
      post_ffw_norm: 'post_feedforward_layernorm',
    },
  },
  phi3: {
    modelType: 'phi3',
    permuted: false,
    tensors: { attn_qkv: 'self_attn.qkv_proj', ffn_up: 'mlp.gate_up_proj' },
    entries: { 'attention.sliding_window': 'sliding_window' },
  },
}

const commonEntries: Readonly<Record<string, string>> = {
  block_count: 'num_hidden_layers',
  embedding_length: 'hidden_size',
  feed_forward_length: 'intermediate_size',
  'attention.head_count': 'num_attention_heads',
  'attention.head_count_kv': 'num_key_value_heads',
  'attention.key_length': 'head_dim',
  'attention.layer_norm_rms_epsilon': 'rms_norm_eps',
  'rope.freq_base': 'rope_theta',
  context_length: 'max_position_embeddings',
}

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

/**
 * The architecture that a file names. Throws a `UserError` for one that no program here computes, or a file
 * of no whole model.
 */
export const familyOf = (file: string, { metadata }: GgufHeader): GgufFamily & { readonly name: string } => {
  const name = metadata.get('general.architecture')
  const parts = metadata.get('split.count')
  if (typeof parts === 'number' && parts > 1)
    throw new UserError({
      what: `the model is split into ${parts} GGUF files, and they are read in one only`,
      where: file,
      why: `its metadata says split.count ${parts}`,
      hint: "join them: llama-gguf-split --merge, with the first part's name and a name for the whole",
    })
  const type = metadata.get('general.type') ?? 'model'
  if (type === 'model' && typeof name === 'string' && Object.hasOwn(families, name))
    return { name, ...families[name]! }
  const known = `those that are computed are ${Object.keys(families).join(', ')} (Mistral's files say llama)`
  throw new UserError({
    what:
      type === 'model'
        ? `the architecture ${typeof name === 'string' ? `'${name}'` : 'of the model'} is not computed`
        : `the GGUF file holds no model, but ${JSON.stringify(String(type))}`,
    where: file,
    why: `its metadata says general.architecture ${JSON.stringify(String(name ?? ''))}; ${known}`,
    hint: 'take a model of one of these, or the same model in the Hugging Face layout',
  })
}

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
  const { name, modelType, entries = {} } = familyOf(file, header)
  const get = (key: string): MetadataValue | undefined => metadata.get(`${name}.${key}`)
  const known: Readonly<Record<string, string>> = { ...commonEntries, ...entries }
  const config: Record<string, unknown> = { model_type: modelType }
  const read = new Set<string>()
  for (const [key, entry] of Object.entries(known)) {
    const value = get(key)
    read.add(key)
    if (value !== undefined && !(entry === 'sliding_window' && value === 0)) config[entry] = unlisted(value)
  }
  const { entry: scaling, keys } = ropeScaling(get, divisors)
  for (const key of keys) read.add(key)
  if (scaling !== undefined) config.rope_scaling = scaling
  const window = get('attention.sliding_window')
  if (name === 'llama' && typeof window === 'number' && window > 0) {
    config.model_type = 'mistral'
    config.sliding_window = window
    read.add('attention.sliding_window')
  }
  const { head_dim: given, hidden_size: width, num_attention_heads: heads } = config
  const head = typeof given === 'number' ? given : Number(width) / Number(heads)
  const rotated = get('rope.dimension_count')
  read.add('rope.dimension_count')
  if (rotated !== undefined && rotated !== head) {
    const share = Number(rotated) / head
    // A program rounds the share of a head down to whole numbers, and must come to the number in the file.
    config.partial_rotary_factor = Math.floor(share * head) < Number(rotated) ? share + 1e-12 : share
  }
  if (get('attention.value_length') === (given ?? head)) read.add('attention.value_length')
  const embedding = tensors.get('token_embd.weight')
  if (embedding !== undefined) config.vocab_size = embedding.shape[0]
  config.tie_word_embeddings = !tensors.has('output.weight')
  const has = (tensor: string): boolean => tensors.has(`blk.0.${tensor}.bias`)
  if (modelType !== 'qwen2' && (has('attn_q') || has('attn_output'))) config.attention_bias = true
  if (has('ffn_gate') || has('ffn_down')) config.mlp_bias = true
  for (const [key, value] of metadata) {
    if (!key.startsWith(`${name}.`)) continue
    const short = key.slice(name.length + 1)
    const values = harmless.get(short)
    if (read.has(short) || (harmless.has(short) && (values === undefined || values.includes(value)))) continue
    put(config, key, asJson(value))
  }
  return config
}
