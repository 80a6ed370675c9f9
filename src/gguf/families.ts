/**
 * The architectures of GGUF files that are read: how each names the entries and tensors of its checkpoint,
 * and what llama.cpp's converter changes of the numbers.
 */
import { UserError } from '../errors/user-error.js'
import type { GgufHeader } from './header.js'

/** Names of things in a checkpoint by their names in a GGUF file. */
export type Renames = Readonly<Record<string, string>>

/** The facts about an architecture, which its name in a file tells. */
export interface GgufFamily {
  /** Its name in `config.json`. */
  readonly modelType: string
  /**
   * Rows that a file has in another order than the checkpoint. `pairs`: those of each head of queries and
   * keys, where llama.cpp's rotation turns neighbours, and the checkpoint's the halves of a head. `fused`:
   * those of queries, keys and values in one tensor, where the checkpoint has the three of a head together.
   */
  readonly rows?: 'pairs' | 'fused'
  /** Whether matrices in layers lie as output by input, and in the checkpoint as input by output. */
  readonly transposed?: boolean
  /** What the file adds to the weights of norms. */
  readonly normShift?: number
  /** Entries of `config.json` by keys behind the architecture's name. */
  readonly entries: Renames
  /** Tensors outside of layers; what layers' names begin with; the parts of a layer. */
  readonly whole: Renames
  readonly layers: string
  readonly parts: Renames
}

const entries: Renames = {
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

const whole: Renames = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
}

const parts: Renames = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
}

const common = { entries, whole, layers: 'model.layers.', parts }

const graniteEntries: Renames = {
  'attention.scale': 'attention_multiplier',
  embedding_scale: 'embedding_multiplier',
  residual_scale: 'residual_multiplier',
  logit_scale: 'logits_scaling',
}

const windowEntry: Renames = { 'attention.sliding_window': 'sliding_window' }

const gpt2: GgufFamily = {
  modelType: 'gpt2',
  transposed: true,
  entries: {
    block_count: 'n_layer',
    embedding_length: 'n_embd',
    feed_forward_length: 'n_inner',
    'attention.head_count': 'n_head',
    'attention.layer_norm_epsilon': 'layer_norm_epsilon',
    context_length: 'n_positions',
  },
  whole: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
  },
  layers: 'transformer.h.',
  parts: {
    attn_norm: 'ln_1',
    attn_qkv: 'attn.c_attn',
    attn_output: 'attn.c_proj',
    ffn_norm: 'ln_2',
    ffn_up: 'mlp.c_fc',
    ffn_down: 'mlp.c_proj',
  },
}

const gptNeox: GgufFamily = {
  modelType: 'gpt_neox',
  rows: 'fused',
  entries: {
    block_count: 'num_hidden_layers',
    embedding_length: 'hidden_size',
    feed_forward_length: 'intermediate_size',
    'attention.head_count': 'num_attention_heads',
    'attention.layer_norm_epsilon': 'layer_norm_eps',
    'rope.freq_base': 'rope_theta',
    use_parallel_residual: 'use_parallel_residual',
    context_length: 'max_position_embeddings',
  },
  whole: {
    token_embd: 'gpt_neox.embed_in',
    output_norm: 'gpt_neox.final_layer_norm',
    output: 'embed_out',
  },
  layers: 'gpt_neox.layers.',
  parts: {
    attn_norm: 'input_layernorm',
    attn_qkv: 'attention.query_key_value',
    attn_output: 'attention.dense',
    ffn_norm: 'post_attention_layernorm',
    ffn_up: 'mlp.dense_h_to_4h',
    ffn_down: 'mlp.dense_4h_to_h',
  },
}

const normsBehind: Renames = {
  post_attention_norm: 'post_attention_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
}

const gemma: GgufFamily = { ...common, modelType: 'gemma', normShift: 1 }

const laterGemma: GgufFamily = {
  ...gemma,
  parts: { ...parts, ...normsBehind, ffn_norm: 'pre_feedforward_layernorm' },
  entries: { ...entries, ...windowEntry, final_logit_softcapping: 'final_logit_softcapping' },
}

const families: Readonly<Record<string, GgufFamily>> = {
  llama: { ...common, modelType: 'llama', rows: 'pairs' },
  qwen2: { ...common, modelType: 'qwen2' },
  qwen3: { ...common, modelType: 'qwen3' },
  smollm3: { ...common, modelType: 'smollm3', rows: 'pairs' },
  granite: { ...common, modelType: 'granite', rows: 'pairs', entries: { ...entries, ...graniteEntries } },
  olmo2: { ...common, modelType: 'olmo2', parts: { ...parts, ...normsBehind } },
  phi3: {
    ...common,
    modelType: 'phi3',
    parts: { ...parts, attn_qkv: 'self_attn.qkv_proj', ffn_up: 'mlp.gate_up_proj' },
    entries: { ...entries, ...windowEntry },
  },
  gpt2,
  gptneox: gptNeox,
  gemma,
  gemma2: {
    ...laterGemma,
    modelType: 'gemma2',
    entries: { ...laterGemma.entries, attn_logit_softcapping: 'attn_logit_softcapping' },
  },
  gemma3: {
    ...laterGemma,
    modelType: 'gemma3_text',
    entries: { ...laterGemma.entries, 'rope.freq_base_swa': 'rope_local_base_freq' },
  },
}

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
