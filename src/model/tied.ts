import type { JsonObject } from '../json/json-values.js'
import { blockOf, type Checkpoint } from '../safetensors/checkpoint.js'
import { elementCount } from '../safetensors/header.js'

/** Bytes compared at a time. */
const pieceBytes = 4 << 20

const [headName, embeddingName] = ['lm_head.weight', 'model.embed_tokens.weight'] as const

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * Whether a checkpoint stores its embedding a second time as its head, with the same type, shape and bytes.
 * False if the configuration says that they are not tied.
 */
export const storesEmbeddingAsHead = async (checkpoint: Checkpoint, config: JsonObject): Promise<boolean> => {
  const head = checkpoint.tensors.get(headName)
  const embedding = checkpoint.tensors.get(embeddingName)
  if (config.tie_word_embeddings === false || head === undefined || embedding === undefined) return false
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
