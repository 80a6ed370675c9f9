import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { random32 } from '../../src/data/random.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import type { TensorData } from '../../src/safetensors/encode.js'
import { writeLetters } from './tiny-model.js'

/** Writes a Llama of random sizes with random weights, and a tokenizer of letters. */
export const writeRandomLlama = async (directory: string, seed: number): Promise<void> => {
  const pick = (i: number, from: readonly number[]): number => from[random32(seed, 77, i) % from.length]!
  const [L, K, G, D] = [pick(0, [1, 2, 3]), pick(1, [1, 2]), pick(2, [1, 2, 3]), pick(3, [4, 6])]
  const [E, F] = [pick(4, [12, 16, 20]), pick(5, [9, 24, 31])]
  const [H, V] = [K * G, 11]
  const shapes: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [V, E],
    'model.norm.weight': [E],
    'lm_head.weight': [V, E],
  }
  for (let l = 0; l < L; l++)
    Object.assign(shapes, {
      [`model.layers.${l}.input_layernorm.weight`]: [E],
      [`model.layers.${l}.post_attention_layernorm.weight`]: [E],
      [`model.layers.${l}.self_attn.q_proj.weight`]: [H * D, E],
      [`model.layers.${l}.self_attn.k_proj.weight`]: [K * D, E],
      [`model.layers.${l}.self_attn.v_proj.weight`]: [K * D, E],
      [`model.layers.${l}.self_attn.o_proj.weight`]: [E, H * D],
      [`model.layers.${l}.mlp.gate_proj.weight`]: [F, E],
      [`model.layers.${l}.mlp.up_proj.weight`]: [F, E],
      [`model.layers.${l}.mlp.down_proj.weight`]: [E, F],
    })
  const tensors = new Map(
    Object.entries(shapes).map(([name, shape], n): [string, TensorData] => {
      const count = shape.reduce((a, b) => a * b, 1)
      const uniform = (i: number): number => 2 * (random32(seed, n, i) / 2 ** 32) - 1
      const spread = shape.length === 1 ? 0.3 : 1.7 / Math.sqrt(shape[1]!)
      const middle = shape.length === 1 ? 1 : 0
      const data = Float32Array.from({ length: count }, (_, i) => middle + spread * uniform(i))
      return [name, { dtype: 'F32', shape, data }]
    }),
  )
  await mkdir(directory, { recursive: true })
  await writeSafetensors(join(directory, 'model.safetensors'), tensors)
  const config = {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    vocab_size: V,
    hidden_size: E,
    intermediate_size: F,
    num_hidden_layers: L,
    num_attention_heads: H,
    num_key_value_heads: K,
    head_dim: D,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    max_position_embeddings: 64,
    tie_word_embeddings: false,
  }
  await writeFile(join(directory, 'config.json'), JSON.stringify(config))
  await writeLetters(directory, 'abcdefgh?')
}
