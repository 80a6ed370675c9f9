import type { JsonObject } from '../json/json-values.js'
import { entryAt } from '../model/config-reader.js'

/** The names that families have for one entry, of which a configuration has one. */
export const entryNames = {
  layers: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'],
  width: ['hidden_size', 'n_embd', 'd_model', 'dim'],
  heads: ['num_attention_heads', 'n_head', 'n_heads', 'num_heads'],
  keyHeads: ['num_key_value_heads', 'num_kv_heads', 'n_head_kv', 'n_kv_heads'],
  headWidth: ['head_dim', 'kv_channels'],
  inner: ['intermediate_size', 'n_inner', 'ffn_dim', 'ffn_hidden_size', 'hidden_dim'],
  vocabulary: ['vocab_size'],
  positions: ['max_position_embeddings', 'n_positions', 'n_ctx'],
  eps: [
    'rms_norm_eps',
    'layer_norm_eps',
    'layer_norm_epsilon',
    'norm_epsilon',
    'norm_eps',
    'layernorm_epsilon',
  ],
  activation: ['hidden_act', 'activation_function', 'hidden_activation', 'activation'],
  base: ['rope_parameters.rope_theta', 'rope_theta', 'rotary_emb_base', 'rope_scaling.rope_theta'],
  share: [
    'rope_parameters.partial_rotary_factor',
    'partial_rotary_factor',
    'rotary_pct',
    'rope_pct',
    'rope_scaling.partial_rotary_factor',
  ],
  parallel: ['use_parallel_residual', 'parallel_residual', 'parallel_attn'],
  tied: ['tie_word_embeddings'],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type EntryKind = keyof typeof entryNames

/** An entry of a configuration: its name and its value, which is not null. */
export interface FoundEntry {
  readonly path: string
  readonly value: unknown
}

/** The entry that a configuration has of a kind, if it has one. */
export const entryOf = (config: JsonObject, kind: EntryKind): FoundEntry | undefined => {
  for (const path of entryNames[kind]) {
    const value = entryAt(config, path)
    if (value !== undefined && value !== null) return { path, value }
  }
  return undefined
}

/** The number of an entry; undefined where there is none. */
export const numberOf = (config: JsonObject, kind: EntryKind): number | undefined => {
  const value = entryOf(config, kind)?.value
  return typeof value === 'number' ? value : undefined
}

/** The activations of `std.nn` by the words of configurations. */
export const activations: Readonly<Record<string, string>> = {
  silu: 'nn.silu',
  swish: 'nn.silu',
  gelu: 'nn.gelu',
  gelu_new: 'nn.gelu_tanh',
  gelu_fast: 'nn.gelu_tanh',
  gelu_pytorch_tanh: 'nn.gelu_tanh',
  relu: 'nn.relu',
}
