/**
 * The checkpoint's names of tensors by a GGUF file's: `blk.3.attn_q.weight` is
 * `model.layers.3.self_attn.q_proj.weight`.
 */
const whole: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
}

const inLayers: Readonly<Record<string, string>> = {
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

/**
 * The checkpoint's name of a tensor; its own where none is known, under which nothing asks for it. `own` are
 * names in layers that a family has beside or instead of the common ones.
 */
export const checkpointName = (name: string, own: Readonly<Record<string, string>> = {}): string => {
  if (Object.hasOwn(whole, name)) return whole[name]!
  const [, layer, part, kind] = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? []
  if (part === undefined) return name
  const known = Object.hasOwn(own, part)
    ? own[part]
    : Object.hasOwn(inLayers, part)
      ? inLayers[part]
      : undefined
  return known === undefined ? name : `model.layers.${layer}.${known}.${kind}`
}

/**
 * Whether a tensor holds rows of queries or of keys, head by head, which a permuted file has in another
 * order.
 */
export const rotatedPart = (name: string): 'queries' | 'keys' | undefined => {
  const [, part] = /^blk\.\d+\.attn_([qk])\.(?:weight|bias)$/.exec(name) ?? []
  return part === 'q' ? 'queries' : part === 'k' ? 'keys' : undefined
}
