import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { folderFilesOfGguf } from '../../src/folders/gguf-model.js'
import { readConfig } from '../../src/folders/open-model.js'
import { openTokenizer } from '../../src/folders/open-tokenizer.js'
import type { WeightFormat } from '../../src/model/weight-format.js'
import { openBase } from '../../src/runs/open-run.js'
import { randomNumbers } from '../compiler/ir/random-graph.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory, temporaryFile } from '../support/temporary.js'
import { userError } from '../support/user-error.js'
import { ggufBytes, type Typed, type WrittenTensor } from './support.js'

const sizes = { layers: 3, width: 64, heads: 4, keys: 2, head: 16, hidden: 96 }
const tokens = ['<unk>', '<s>', '</s>', '▁', ...'abcdefghijklmnop', ...'ab cd ef ▁a ▁c'.split(' ')]

/** Types of 32 elements a block: ggml's number, bytes, and the bits of an f16 scale that weights may have. */
const stored = {
  Q4_0: { type: 2, bytes: 18, scale: 0x2a00 },
  Q5_0: { type: 6, bytes: 22, scale: 0x2600 },
  Q8_0: { type: 8, bytes: 34, scale: 0x1a00 },
} as const

const random = randomNumbers(3)

const matrix = (name: string, rows: number, width: number, kind: keyof typeof stored): WrittenTensor => {
  const { type, bytes, scale } = stored[kind]
  const data = Buffer.from(
    Array.from({ length: ((rows * width) / 32) * bytes }, () => Math.floor(random() * 256)),
  )
  for (let at = 0; at < data.length; at += bytes) data.writeUInt16LE(scale + Math.floor(random() * 64), at)
  return { name, extents: [width, rows], type, bytes: data }
}

const ones = (name: string, length: number): WrittenTensor => ({
  ...{ name, extents: [length], type: 0 },
  bytes: new Uint8Array(new Float32Array(length).fill(1).buffer),
})

const layer = (l: number): readonly WrittenTensor[] => {
  const { width, heads, keys, head, hidden } = sizes
  const kinds = ['Q4_0', 'Q8_0', 'Q5_0'] as const
  const of = (name: string, rows: number, columns: number, i: number): WrittenTensor =>
    matrix(`blk.${l}.${name}.weight`, rows, columns, kinds[(l + i) % 3]!)
  return [
    ones(`blk.${l}.attn_norm.weight`, width),
    ones(`blk.${l}.ffn_norm.weight`, width),
    of('attn_q', heads * head, width, 0),
    of('attn_k', keys * head, width, 0),
    of('attn_v', keys * head, width, 1),
    of('attn_output', width, heads * head, 0),
    of('ffn_gate', hidden, width, 0),
    of('ffn_up', hidden, width, 0),
    of('ffn_down', width, hidden, l === 0 ? 1 : 2),
  ]
}

const u32 = (n: number): Typed => ({ u32: n })

const file = (change: (tensors: WrittenTensor[]) => void = () => undefined): Buffer => {
  const tensors = [
    matrix('token_embd.weight', tokens.length, sizes.width, 'Q8_0'),
    ones('output_norm.weight', sizes.width),
    ...Array.from({ length: sizes.layers }, (_, l) => layer(l)).flat(),
  ]
  change(tensors)
  return ggufBytes({
    metadata: {
      'general.architecture': { text: 'llama' },
      'llama.block_count': u32(sizes.layers),
      'llama.context_length': u32(64),
      'llama.embedding_length': u32(sizes.width),
      'llama.feed_forward_length': u32(sizes.hidden),
      'llama.attention.head_count': u32(sizes.heads),
      'llama.attention.head_count_kv': u32(sizes.keys),
      'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
      'tokenizer.ggml.model': { text: 'llama' },
      'tokenizer.ggml.tokens': { list: tokens.map(text => ({ text })) },
      'tokenizer.ggml.scores': { list: tokens.map((_, i) => ({ f32: -i })) },
      'tokenizer.ggml.token_type': { list: tokens.map((_, i) => ({ i32: i === 0 ? 2 : i < 3 ? 3 : 1 })) },
      'tokenizer.ggml.bos_token_id': u32(1),
      'tokenizer.ggml.eos_token_id': u32(2),
      'tokenizer.ggml.unknown_token_id': u32(0),
    },
    tensors,
  })
}

withDevice('a quantised model', device => {
  it('computes with packed weights what it computes with decoded ones', { timeout: 240_000 }, async () => {
    const path = await temporaryFile('small.gguf', file())
    const results = []
    for (const weights of ['auto', 'f32'] as readonly WeightFormat[]) {
      const { sequence, tokenizer, close } = await openBase(device, path, 'std.models.llama', { weights })
      const prompt = tokenizer.encode('abc de')
      const logits = await sequence.next([prompt, prompt.slice(0, 3)])
      results.push({ logits, words: await sequence.greedy([prompt], 12, { stops: [] }) })
      await close()
    }
    const [packed, decoded] = results as [(typeof results)[0], (typeof results)[0]]
    for (const [r, row] of decoded.logits.entries())
      for (const [v, x] of row.entries()) expect(Math.abs(packed.logits[r]![v]! - x)).toBeLessThan(1e-4)
    expect(Math.max(...decoded.logits[0]!.map(Math.abs))).toBeGreaterThan(0.5)
    expect(packed.words).toEqual(decoded.words)
  })

  it('is refused where a scale is no number', async () => {
    const path = await temporaryFile(
      'odd.gguf',
      file(tensors => {
        const at = tensors.findIndex(t => t.name === 'blk.1.ffn_up.weight')
        const bytes = Buffer.from(tensors[at]!.bytes)
        bytes.writeUInt16LE(0x7c00, 0)
        tensors[at] = { ...tensors[at]!, bytes }
      }),
    )
    const { sequence, close } = await openBase(device, path, 'std.models.llama', { weights: 'auto' })
    const error = await userError(sequence.next([[1, 4]]))
    expect(error.what).toContain('model.layers.1.mlp.up_proj.weight')
    await close()
  })
})

it('a GGUF file has the files of a folder beside its weights', async () => {
  const path = await temporaryFile('small.gguf', file())
  const folder = await temporaryDirectory()
  for (const [name, value] of await folderFilesOfGguf(path))
    await writeFile(join(folder, name), JSON.stringify(value))
  const [ours, theirs] = [await openTokenizer(path), await openTokenizer(folder)]
  expect(theirs.encode('abcd ef')).toEqual(ours.encode('abcd ef'))
  expect(theirs.stops).toEqual(ours.stops)
  expect(await readConfig(folder)).toMatchObject({ ...(await readConfig(path)) })
})
