import type { GgufFamily } from './families.js'

const nameIn = (names: Readonly<Record<string, string>>, own: string): string | undefined =>
  Object.hasOwn(names, own) ? names[own] : undefined

/** The parts of a GGUF file's name of a tensor in a layer: `blk.3.attn_q.weight`. */
const inLayer = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/

/**
 * The checkpoint's name of a tensor: that of `blk.3.attn_q.weight` is
 * `model.layers.3.self_attn.q_proj.weight`. A name that the family does not have stays as it is, and nothing
 * asks for it.
 */
export const checkpointName = (name: string, { whole, layers, parts }: GgufFamily): string => {
  const [, layer, part, ofLayer] = inLayer.exec(name) ?? []
  if (part !== undefined) {
    const known = nameIn(parts, part)
    return known === undefined ? name : `${layers}${layer}.${known}.${ofLayer}`
  }
  const [, own = '', kind] = /^(\w+)\.(weight|bias)$/.exec(name) ?? []
  const known = nameIn(whole, own)
  return known === undefined ? name : `${known}.${kind}`
}

/** Whose rows a tensor in a layer has, where a file may have them in another order than the checkpoint. */
export const rowsOf = (name: string): 'queries' | 'keys' | 'fused' | undefined => {
  const [, , part] = inLayer.exec(name) ?? []
  return part === 'attn_q'
    ? 'queries'
    : part === 'attn_k'
      ? 'keys'
      : part === 'attn_qkv'
        ? 'fused'
        : undefined
}

/** Whether a tensor holds the weights of a norm. */
export const isNorm = (name: string): boolean => name.endsWith('norm.weight')

/** Whether a tensor is the matrix of a projection in a layer. */
export const isLayerMatrix = (name: string): boolean => inLayer.exec(name)?.[3] === 'weight' && !isNorm(name)
