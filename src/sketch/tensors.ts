/**
 * The tensors of a checkpoint by what their names say that they are. Only names and shapes are looked at.
 */

/** What a tensor is for. Those of a layer stand before those of the whole model. */
export type Role =
  | 'attn_norm'
  | 'mlp_norm'
  | 'q_norm'
  | 'k_norm'
  | 'q'
  | 'k'
  | 'v'
  | 'qkv'
  | 'o'
  | 'gate'
  | 'up'
  | 'gate_up'
  | 'down'
  | 'embed'
  | 'places'
  | 'norm'
  | 'head'

/** One tensor, or one in each layer. */
export interface NamedTensor {
  /** Its name, behind the layer's where it is in one, with `{}` for further numbers. */
  readonly name: string
  readonly shape: readonly number[]
}

/** A tensor whose role is known; `bias` where it is the bias that belongs to it. */
export interface KnownTensor extends NamedTensor {
  readonly role: Role
  readonly bias: boolean
}

/** What names tell of a checkpoint. */
export interface TensorTable {
  /** What stands before the names of a layer: `model.layers.{}.`. */
  readonly layerPrefix: string
  readonly layers: number
  readonly inLayer: readonly KnownTensor[]
  readonly inModel: readonly KnownTensor[]
  /** Tensors that nothing is known of, with the reason. */
  readonly unknown: readonly (NamedTensor & { readonly inLayer: boolean; readonly why: string })[]
}

const attention = /(^|[._])(self_?attn|attn|attention|self_attention|att)[._]/i
const feedForward = /(^|[._])(mlp|feed_?forward|ffn|ff)[._]/i

/** Roles in a layer, by the name without `.weight` or `.bias`; the first that fits is taken. */
const layerRoles: readonly (readonly [Role, (name: string) => boolean])[] = [
  ['q_norm', n => /(q_norm|q_layernorm|query_layernorm|q_ln)$/i.test(n)],
  ['k_norm', n => /(k_norm|k_layernorm|key_layernorm|k_ln)$/i.test(n)],
  ['attn_norm', n => /(^|\.)(input_layernorm|ln_?1|attn_norm|attention_norm|norm_?1|ln_attn)$/i.test(n)],
  [
    'mlp_norm',
    n => /(^|\.)(post_attention_layernorm|ln_?2|ffn_norm|norm_?2|ln_mlp|pre_feedforward_layernorm)$/i.test(n),
  ],
  ['gate_up', n => /gate_up_proj$/i.test(n)],
  ['gate', n => /(gate_proj|(^|\.)w1)$/i.test(n)],
  ['up', n => /(up_proj|(^|\.)w3|c_fc|fc_?1|fc_in|dense_h_to_4h)$/i.test(n)],
  ['down', n => /(down_proj|(^|\.)w2|fc_?2|fc_out|dense_4h_to_h)$/i.test(n)],
  ['down', n => feedForward.test(n) && /c_proj$/.test(n)],
  ['qkv', n => /(qkv_proj|query_key_value|c_attn|w?qkv)$/i.test(n)],
  ['q', n => /(q_proj|wq|q_lin|query)$/i.test(n)],
  ['k', n => /(k_proj|wk|k_lin|key)$/i.test(n)],
  ['v', n => /(v_proj|wv|v_lin|value)$/i.test(n)],
  ['o', n => attention.test(n) && /(o_proj|out_proj|wo|dense|c_proj|out_lin)$/i.test(n)],
]

/** Roles outside of the layers. */
const modelRoles: readonly (readonly [Role, (name: string) => boolean])[] = [
  ['embed', n => /(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings)$/i.test(n)],
  ['places', n => /(wpe|embed_positions|position_embeddings)$/i.test(n)],
  ['head', n => /(lm_head|embed_out|output)$/i.test(n)],
  ['norm', n => /(^|\.)(norm|ln_f|final_layer_?norm|norm_f|final_norm)$/i.test(n)],
]

const kindOf = (name: string): { readonly stem: string; readonly bias: boolean } | undefined => {
  const found = /^(.*)\.(weight|bias)$/.exec(name)
  return found === null ? undefined : { stem: found[1]!, bias: found[2] === 'bias' }
}

/** The prefix of layers that most tensors have: the longest common one that ends behind the first number. */
const prefixOf = (names: readonly string[]): string => {
  const counts = new Map<string, number>()
  for (const name of names) {
    const found = /^(.*?\.)\d+\./.exec(name)
    if (found !== null) counts.set(found[1]!, (counts.get(found[1]!) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? ''
}

const patternOf = (name: string): string => name.replaceAll(/(?<=^|\.)\d+(?=\.|$)/g, '{}')

/** Sorts a checkpoint's tensors. */
export const readTensors = (
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): TensorTable => {
  const prefix = prefixOf([...tensors.keys()])
  const seen = new Map<string, NamedTensor & { readonly inLayer: boolean; readonly shapes: Set<string> }>()
  const layers = new Set<number>()
  for (const [name, { shape }] of tensors) {
    const layer =
      prefix !== '' && name.startsWith(prefix) ? /^(\d+)\.(.*)$/.exec(name.slice(prefix.length)) : null
    if (layer !== null) layers.add(Number(layer[1]))
    const own = patternOf(layer === null ? name : layer[2]!)
    const key = `${layer !== null} ${own}`
    const known = seen.get(key) ?? { name: own, shape, inLayer: layer !== null, shapes: new Set<string>() }
    known.shapes.add(`${shape}`)
    seen.set(key, known)
  }
  const inLayer: KnownTensor[] = []
  const inModel: KnownTensor[] = []
  const unknown: (NamedTensor & { readonly inLayer: boolean; readonly why: string })[] = []
  for (const t of seen.values()) {
    const kind = kindOf(t.name)
    const roles = t.inLayer ? layerRoles : modelRoles
    const role = kind && roles.find(([, fits]) => fits(kind.stem))?.[0]
    const taken = t.inLayer ? inLayer : inModel
    const { name, shape } = t
    const why = t.name.includes('{}')
      ? 'there are several of them in a layer, as of experts'
      : t.shapes.size > 1
        ? 'it has other shapes in other layers'
        : role === undefined
          ? 'its name is not known'
          : taken.some(o => o.role === role && o.bias === kind!.bias)
            ? 'another tensor has this role'
            : undefined
    if (why === undefined) taken.push({ name, shape, role: role!, bias: kind!.bias })
    else unknown.push({ name, shape, inLayer: t.inLayer, why })
  }
  return { layerPrefix: `${prefix}{}.`, layers: layers.size, inLayer, inModel, unknown }
}
