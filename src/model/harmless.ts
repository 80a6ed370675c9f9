import type { JsonObject } from '../json/json-values.js'

/** Whether an entry that the program does not read changes no number; `config` is the whole configuration. */
type Harmless = (value: unknown, config: JsonObject) => boolean

const any: Harmless = () => true

const only =
  (...values: readonly unknown[]): Harmless =>
  value =>
    values.some(v => JSON.stringify(v) === JSON.stringify(value))

const entries = (test: Harmless, ...names: readonly string[]): readonly (readonly [string, Harmless])[] =>
  names.map(name => [name, test] as const)

/** `Qwen2ForCausalLM` and `qwen2` are one family. */
const familyOf = (architecture: string): string =>
  architecture
    .replace(/(ForCausalLM|LMHeadModel|_text)$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')

const predictsTokens = (architecture: unknown): architecture is string =>
  typeof architecture === 'string' && /(ForCausalLM|LMHeadModel)$/.test(architecture)

/** The classes that a checkpoint was saved from: all predict tokens and belong to the family. */
const architectures: Harmless = (value, config) =>
  Array.isArray(value) &&
  value.every(
    a =>
      predictsTokens(a) &&
      (typeof config.model_type !== 'string' || familyOf(a) === familyOf(config.model_type)),
  )

/**
 * A list with the type of each layer, none of which has a window; transformers reads no such list for
 * Mistral.
 */
const noWindows: Harmless = (value, config) =>
  Array.isArray(value) &&
  value.length === config.num_hidden_layers &&
  value.every(v => v === 'full_attention') &&
  config.model_type !== 'mistral'

const isPhi3Code = (code: unknown): boolean =>
  typeof code === 'string' && /^(microsoft\/[\w.-]+--)?(configuration|modeling)_phi3\.Phi3\w+$/.test(code)

/**
 * Entries of config.json that change no number, or that change none if they have these values. This is the
 * only list of them. `null` is not listed: it means that the entry is missing.
 */
export const harmlessEntries: ReadonlyMap<string, Harmless> = new Map([
  ['architectures', architectures],
  ['layer_types', noWindows],
  // The origin of the model, and the software that wrote it.
  ...entries(any, '_name_or_path', 'name_or_path', 'transformers_version', 'torch_dtype', 'dtype'),
  ...entries(
    any,
    '_commit_hash',
    'unsloth_version',
    'unsloth_fixed',
    'is_llama_config',
    'transformers.js_config',
  ),
  ...entries(
    any,
    'tokenizer_class',
    '_attn_implementation',
    'attn_implementation',
    '_attn_implementation_autoset',
  ),
  ...entries(
    any,
    '_flash_attn_2_enabled',
    'use_flash_attn',
    '_experts_implementation',
    'torchscript',
    'use_bfloat16',
  ),
  ...entries(
    any,
    'use_cache',
    'max_position_embeddings',
    'n_positions',
    'pretraining_tp',
    'chunk_size_feed_forward',
    'is_decoder',
  ),
  // Entries about training only.
  ...entries(
    any,
    'initializer_range',
    'attention_dropout',
    'hidden_dropout',
    'dropout',
    'resid_pdrop',
    'residual_dropout',
    'embedding_dropout',
    'embd_pdrop',
  ),
  ...entries(
    any,
    'attn_pdrop',
    'classifier_dropout',
    'neftune_noise_alpha',
    'gradient_checkpointing',
    'tf_legacy_loss',
  ),
  ...entries(any, 'mup_width_scale_training'),
  // Tokens with a meaning, and classes; the tokenizer reads the first.
  ...entries(any, 'bos_token_id', 'eos_token_id', 'pad_token_id', 'sep_token_id', 'decoder_start_token_id'),
  ...entries(
    any,
    'id2label',
    'label2id',
    'num_labels',
    'problem_type',
    'task_specific_params',
    'finetuning_task',
  ),
  // Results besides the logits.
  ...entries(
    any,
    'output_attentions',
    'output_hidden_states',
    'output_scores',
    'return_dict',
    'use_return_dict',
  ),
  ...entries(any, 'return_dict_in_generate'),
  // The head of a classifier.
  ...entries(any, 'summary_type', 'summary_use_proj', 'summary_activation', 'summary_proj_to_labels'),
  ...entries(any, 'summary_first_dropout'),
  // The type that scores are computed in, where that is not f32; the positions of old GPT-2 files.
  ...entries(any, 'reorder_and_upcast_attn', 'n_ctx'),
  // Gemma's activation has another name in the first family than in the later ones.
  ['hidden_act', (_, config) => config.model_type === 'gemma2' || config.model_type === 'gemma3_text'],
  ['hidden_activation', (value, config) => config.model_type === 'gemma' && value === 'gelu_pytorch_tanh'],
  // Phi-3's files name Python code of their own, which transformers has had since as its own.
  [
    'auto_map',
    (value, config) => config.model_type === 'phi3' && Object.values(value ?? {}).every(isPhi3Code),
  ],
  ...entries(only(1), 'full_attn_mod', 'interpolate_factor'),
  ...entries(only(false), 'lm_head_bias'),
  // Classes of old GPT-2 files.
  ...entries(any, '_num_labels', 'output_past'),
  // Gemma's cache in old files.
  ...entries(any, 'cache_implementation'),
  // Sampling of text, which older versions stored here.
  ...entries(
    any,
    'max_length',
    'min_length',
    'do_sample',
    'early_stopping',
    'num_beams',
    'num_beam_groups',
    'prefix',
  ),
  ...entries(any, 'diversity_penalty', 'temperature', 'top_k', 'top_p', 'typical_p', 'repetition_penalty'),
  ...entries(any, 'length_penalty', 'no_repeat_ngram_size', 'encoder_no_repeat_ngram_size', 'bad_words_ids'),
  ...entries(
    any,
    'num_return_sequences',
    'forced_bos_token_id',
    'forced_eos_token_id',
    'remove_invalid_values',
  ),
  ...entries(any, 'exponential_decay_length_penalty', 'suppress_tokens', 'begin_suppress_tokens'),
  // Entries that have no effect at one value.
  ...entries(
    only(false),
    'attention_bias',
    'mlp_bias',
    'use_sliding_window',
    'rope_interleaved',
    'use_mrope',
    'qkv_bias',
  ),
  ...entries(
    only(false),
    'is_encoder_decoder',
    'add_cross_attention',
    'tie_encoder_decoder',
    'use_qk_norm',
    'qk_norm',
  ),
  ...entries(
    only(false),
    'qk_layernorm',
    'use_parallel_residual',
    'parallel_residual',
    'alibi',
    'scale_embeddings',
    'use_bidirectional_attention',
  ),
  ...entries(only(true), 'is_causal', 'use_rope'),
  ...entries(
    only(1),
    'partial_rotary_factor',
    'rope_parameters.partial_rotary_factor',
    'rope_scaling.partial_rotary_factor',
  ),
  ...entries(
    only(1),
    'rotary_pct',
    'rope_pct',
    'embedding_multiplier',
    'residual_multiplier',
    'logits_scaling',
    'logit_scale',
  ),
  ...entries(only(0), 'num_experts', 'num_local_experts', 'num_nextn_predict_layers'),
  ...entries(only({}), 'pruned_heads', 'rope_scaling', 'rope_parameters', 'quantization_config'),
])

/**
 * Entries that transformers treats as missing if they are `null`, by the last name of the path; all others
 * need a value.
 */
const nullable: ReadonlySet<string> = new Set([
  ...['sliding_window', 'head_dim', 'num_key_value_heads', 'no_rope_layers', 'layer_types'],
  ...['attention_factor', 'beta_fast', 'beta_slow', 'mscale', 'mscale_all_dim'],
])

export const mayBeNull = (path: string): boolean => nullable.has(path.slice(path.lastIndexOf('.') + 1))

/** For messages: the computation that an entry needs, if no program reads it. */
export const neededFor: ReadonlyMap<string, string> = new Map([
  ['partial_rotary_factor', 'rotating a part of each head only'],
  ['rotary_pct', 'rotating a part of each head only'],
  ['quantization_config', 'unpacking quantised weights: convert the checkpoint to F32, F16 or BF16'],
  ['auto_map', "the model's own Python code"],
  ['attn_logit_softcapping', 'capping the scores of attention by a tanh'],
  ['final_logit_softcapping', 'capping the logits by a tanh'],
  ['logits_soft_cap', 'capping the logits by a tanh'],
  ['query_pre_attn_scalar', 'another scale of the scores'],
  ['num_local_experts', 'experts and their routing'],
  ['num_experts', 'experts and their routing'],
  ['num_experts_per_tok', 'experts and their routing'],
  ['text_config', 'a model of more than text: only a text model by itself is read'],
  ['vision_config', 'a model of more than text: only a text model by itself is read'],
  ['is_encoder_decoder', 'an encoder beside the decoder'],
  ['architectures', 'a class that predicts tokens (…ForCausalLM), of the family that model_type names'],
  ['clip_qkv', 'cutting queries, keys and values off at a bound'],
  ['layer_types', 'a window: use_sliding_window true, and a number for sliding_window'],
  ['rope_interleaved', 'rotating neighbouring numbers as pairs'],
  ['use_parallel_residual', 'attention and feed-forward side by side'],
])

/** For messages: the computation that a family needs, if no program computes it. */
export const familyNeeds: ReadonlyMap<string, string> = new Map([
  ['gemma3', 'the norms of Gemma, norms of queries and keys, two rotations'],
  ['stablelm', 'layer norms with biases, and rotating a part of each head'],
  ['mixtral', 'experts and their routing'],
  ['qwen3_moe', 'experts and their routing'],
  ['granitemoe', 'experts and their routing'],
  ['cohere', 'layer norms, one a layer, and attention and feed-forward side by side'],
])

/** Tensors that config.json determines: frequencies of rotations, and masks. */
export const harmlessTensor = (name: string): boolean =>
  /(^|\.)rotary_emb\.(inv_freq|cos_cached|sin_cached)$|(^|\.)(attn|attention)\.(masked_bias|bias)$/.test(name)
