import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { readConfig } from '../../src/folders/open-model.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { type FamilyFixture, familyFixture, familyLogits, writeFamily } from '../support/families.js'
import { temporaryDirectory, temporaryFile } from '../support/temporary.js'
import { userError } from '../support/user-error.js'
import { ggufBytes, type Typed, type WrittenTensor } from './support.js'
import { familyAsGguf } from './write-family.js'

const files = async (
  fixture: FamilyFixture,
  more: Readonly<Record<string, Typed>> = {},
): Promise<{ readonly directory: string; readonly model: string }> => {
  const directory = join(await temporaryDirectory(), fixture.name)
  await writeFamily(fixture, directory)
  const model = join(directory, 'whole.gguf')
  await writeFile(model, familyAsGguf(fixture, more))
  return { directory, model }
}

const worst = (a: ArrayLike<number>, b: Float32Array): number =>
  Math.max(...Array.from(b, (y, i) => (Number.isNaN(a[i]!) ? Number.POSITIVE_INFINITY : Math.abs(a[i]! - y))))

const converted = [
  ...['llama', 'llama-biases', 'llama-head-dim', 'llama-one-key', 'llama-tied'],
  ...['llama-linear', 'llama-yarn', 'llama-llama3', 'mistral', 'mistral-window'],
  ...['qwen2', 'qwen3', 'granite', 'smollm3', 'olmo2', 'olmo2-yarn', 'phi3', 'phi3-window', 'phi3-partial'],
]

describe('a family as a GGUF file', () => {
  it.each(converted)('%s has the logits of transformers', async name => {
    const fixture = familyFixture(name)
    const { directory, model } = await files(fixture)
    const logits = await familyLogits(interpreterEngine, directory, [], { model })
    expect(logits.length).toBe(fixture.logits.length)
    expect(worst(logits, fixture.logits)).toBeLessThan(1e-4)
  })

  it('has the tensors of the folder, from any place on', async () => {
    const fixture = familyFixture('llama-head-dim')
    const { directory, model } = await files(fixture)
    const [ours, theirs] = [await openCheckpoint(model), await openCheckpoint(directory)]
    expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort())
    for (const [name, { shape }] of ours.tensors) {
      expect(shape).toEqual(theirs.tensors.get(name)!.shape)
      const whole = await theirs.readF32(name)
      expect(await ours.readF32(name)).toEqual(whole)
      const [from, part] = [whole.length >> 2, new Float32Array(whole.length >> 1)]
      await ours.readFloats(name, from, part)
      expect(part).toEqual(whole.subarray(from, from + part.length))
    }
    await Promise.all([ours.close(), theirs.close()])
  })
})

describe('a GGUF file is refused', () => {
  const refused = async (more: Readonly<Record<string, Typed>>) => {
    const { directory, model } = await files(familyFixture('llama'), more)
    const { what, where, why } = await userError(familyLogits(interpreterEngine, directory, [], { model }))
    return `${what}\n${where}\n${why}`
  }

  it('of an architecture that is not computed, in parts, or of no model', async () => {
    expect(await refused({ 'general.architecture': { text: 'gemma2' } })).toContain(
      "the architecture 'gemma2'",
    )
    expect(await refused({ 'general.architecture': { text: 'constructor' } })).toContain('is not computed')
    expect(await refused({ 'split.count': { u16: 3 } })).toContain('split into 3 GGUF files')
    expect(await refused({ 'general.type': { text: 'adapter' } })).toContain('holds no model')
  })

  it('by the entries that no program computes', async () => {
    expect(await refused({ 'llama.expert_count': { u32: 8 } })).toContain('{"expert_count":8}')
    expect(await refused({ 'llama.rope.dimension_count': { u32: 2 } })).toContain('partial_rotary_factor')
    expect(
      await refused({
        'llama.rope.scaling.type': { text: 'longrope' },
        'llama.rope.scaling.factor': { f32: 2 },
      }),
    ).toContain('longrope')
    expect(await refused({ 'llama.attention.layer_norm_rms_epsilon': { text: 'x' } })).toContain(
      'rms_norm_eps',
    )
    const lists = { 'llama.feed_forward_length': { list: [{ u32: 20 }, { u32: 16 }, { u32: 20 }] } }
    expect(await refused(lists)).toContain('intermediate_size')
  })

  it('by the tensors that nothing asks for', async () => {
    const fixture = familyFixture('llama')
    const tensors = new Map([
      ...fixture.tensors,
      ['model.layers.0.self_attn.q_norm.weight', { shape: [4], data: new Float32Array(4) }] as const,
    ])
    const { directory, model } = await files({ ...fixture, tensors })
    const { why } = await userError(familyLogits(interpreterEngine, directory, [], { model }))
    expect(why).toContain('self_attn.q_norm.weight')
  })

  it('whose rows are not those of heads', async () => {
    const tensor: WrittenTensor = {
      name: 'blk.0.attn_q.weight',
      extents: [4, 6],
      type: 0,
      bytes: new Uint8Array(96),
    }
    const bytes = ggufBytes({
      metadata: { 'general.architecture': { text: 'llama' }, 'llama.attention.head_count': { u32: 4 } },
      tensors: [tensor],
    })
    const path = await temporaryFile('odd.gguf', bytes)
    expect((await userError(openCheckpoint(path))).what).toContain('which are not those of whole heads')
  })
})

describe('the configuration of a GGUF file', () => {
  it('takes lists of one number a layer, where all are the same', async () => {
    const { model } = await files(familyFixture('llama'), {
      'llama.attention.head_count_kv': { list: [{ u32: 2 }, { u32: 2 }, { u32: 2 }] },
    })
    expect((await readConfig(model)).num_key_value_heads).toBe(2)
  })

  it('is found by what a file begins with, whatever its name', async () => {
    const path = await temporaryFile('sha256-0123', familyAsGguf(familyFixture('qwen2')))
    const config = await readConfig(path)
    expect(config).toMatchObject({ model_type: 'qwen2', vocab_size: 41, tie_word_embeddings: false })
  })
})
