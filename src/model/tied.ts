import type { JsonObject } from '../json/json-values.js'
import { blockOf, type Checkpoint } from '../safetensors/checkpoint.js'
import { elementCount } from '../safetensors/header.js'

/** Bytes compared at a time. */
const pieceBytes = 4 << 20

/** The names that families have for their output matrix. */
export const headNames = ['lm_head.weight', 'embed_out.weight'] as const

/** And for their embedding. */
export const embeddingNames = [
  'model.embed_tokens.weight',
  'transformer.wte.weight',
  'wte.weight',
  'gpt_neox.embed_in.weight',
] as const

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * Whether a checkpoint stores its embedding a second time as its head, with the same type, shape and bytes.
 * False if the configuration says that they are not tied.
 */
export const storesEmbeddingAsHead = async (checkpoint: Checkpoint, config: JsonObject): Promise<boolean> => {
  const headName = headNames.find(n => checkpoint.tensors.has(n))
  const embeddingName = embeddingNames.find(n => checkpoint.tensors.has(n))
  if (config.tie_word_embeddings === false || headName === undefined || embeddingName === undefined)
    return false
  const head = checkpoint.tensors.get(headName)!
  const embedding = checkpoint.tensors.get(embeddingName)!
  if (head.dtype !== embedding.dtype || `${head.shape}` !== `${embedding.shape}`) return false
  const { elements, bytes: width } = blockOf(head)
  const count = elementCount(head.shape) / elements
  const step = Math.floor(pieceBytes / width)
  for (let first = 0; first < count; first += step) {
    const bytes = Math.min(step, count - first) * width
    const [a, b] = [new Uint8Array(bytes), new Uint8Array(bytes)]
    await checkpoint.readElements(headName, first * elements, a)
    await checkpoint.readElements(embeddingName, first * elements, b)
    if (!sameBytes(a, b)) return false
  }
  return true
}
