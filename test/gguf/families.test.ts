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
  ...['gpt2', 'gpt2-untied', 'gpt-neox', 'gpt-neox-sequential', 'gpt-neox-linear'],
  ...['gemma', 'gemma-old', 'gemma2-old', 'gemma3-old', 'gemma3-listed'],
]

describe('a family as a GGUF file', () => {
  it.each(converted)('%s has the logits of transformers', async name => {
    const fixture = familyFixture(name)
    const { directory, model } = await files(fixture)
    const logits = await familyLogits(interpreterEngine, directory, [], { model })
    expect(logits.length).toBe(fixture.logits.length)
    expect(worst(logits, fixture.logits)).toBeLessThan(1e-4)
  })

  it.each(['llama-head-dim', 'gpt2', 'gpt-neox', 'gemma2-old'])(
    '%s has the tensors of the folder, from any place on',
    async name => {
      const { directory, model } = await files(familyFixture(name))
      const [ours, theirs] = [await openCheckpoint(model), await openCheckpoint(directory)]
      expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort())
      for (const [name, { shape, begin, end }] of ours.tensors) {
        expect(shape).toEqual(theirs.tensors.get(name)!.shape)
        const whole = await theirs.readF32(name)
        const read = await ours.readF32(name)
        // 1 + w is rounded to f32 in the file.
        expect(worst(read, whole)).toBeLessThan(name.includes('norm') ? 1e-7 : 1e-30)
        const [from, part] = [whole.length >> 2, new Float32Array(whole.length >> 1)]
        await ours.readFloats(name, from, part)
        expect(part).toEqual(read.subarray(from, from + part.length))
        expect(end - begin).toBe(4 * whole.length)
        expect(new Float32Array((await ours.readRaw(name)).buffer)).toEqual(read)
      }
      await Promise.all([ours.close(), theirs.close()])
    },
  )

  it('keeps the layers with a window that a file does not list', async () => {
    const fixture = familyFixture('gemma3')
    const { layer_types: types, ...unlisted } = fixture.config
    const sized = { ...unlisted, query_pre_attn_scalar: 6 }
    const model = await temporaryFile('plain.gguf', familyAsGguf({ ...fixture, config: sized }))
    const directory = join(await temporaryDirectory(), 'listed')
    const config = { ...sized, layer_types: types }
    await writeFamily({ ...fixture, config, configText: JSON.stringify(config) }, directory)
    const ours = await familyLogits(interpreterEngine, directory, [], { model })
    const theirs = await familyLogits(interpreterEngine, directory)
    expect(worst(ours, Float32Array.from(theirs))).toBeLessThan(1e-5)
  })

  it('has no windows where a file names none', async () => {
    const fixture = familyFixture('gemma3')
    const { layer_types: _, sliding_window: __, ...rest } = fixture.config
    const model = await temporaryFile('wide.gguf', familyAsGguf({ ...fixture, config: rest }))
    expect((await readConfig(model)).layer_types).toEqual(Array.from({ length: 7 }, () => 'full_attention'))
  })

  it('divides scores as llama.cpp does, which files do not say', async () => {
    const scalar = async (name: string, layers: number): Promise<unknown> => {
      const fixture = familyFixture(name)
      const config = { ...fixture.config, num_hidden_layers: layers, hidden_size: 20 }
      const model = await temporaryFile('scalar.gguf', familyAsGguf({ ...fixture, config }))
      return (await readConfig(model)).query_pre_attn_scalar
    }
    expect(await scalar('gemma2', 42)).toBe(6)
    expect(await scalar('gemma2', 46)).toBe(5)
    expect(await scalar('gemma3', 46)).toBe(6)
    expect(await scalar('gemma3', 62)).toBe(5)
  })
})

describe('a matrix that a file has the other way round', () => {
  const opened = async (type: number, bytes: Uint8Array) => {
    const tensors = [{ name: 'blk.0.ffn_up.weight', extents: [32, 2], type, bytes }]
    const metadata = { 'general.architecture': { text: 'gpt2' } } as const
    return openCheckpoint(await temporaryFile('turned.gguf', ggufBytes({ metadata, tensors })))
  }
  const name = 'transformer.h.0.mlp.c_fc.weight'
  const expected = Float32Array.from({ length: 64 }, (_, i) => (i % 2) * 32 + (i >> 1))

  it('keeps its type where each number stands alone', async () => {
    // Whole numbers up to 63 as BF16: the upper half of f32.
    const floats = Float32Array.from({ length: 64 }, (_, i) => i)
    const halves = Uint16Array.from(new Uint32Array(floats.buffer), x => x >>> 16)
    const checkpoint = await opened(30, new Uint8Array(halves.buffer))
    expect(checkpoint.tensors.get(name)).toMatchObject({ dtype: 'BF16', shape: [32, 2] })
    expect(await checkpoint.readF32(name)).toEqual(expected)
    await checkpoint.close()
  })

  it('is decoded where numbers share scales', async () => {
    // Q8_0: a scale of 1 as f16, and 32 bytes, for each row.
    const row = (first: number): number[] => [0x00, 0x3c, ...Array.from({ length: 32 }, (_, i) => first + i)]
    const checkpoint = await opened(8, Uint8Array.from([...row(0), ...row(32)]))
    expect(checkpoint.tensors.get(name)).toMatchObject({ dtype: 'F32', shape: [32, 2] })
    expect(await checkpoint.readF32(name)).toEqual(expected)
    await checkpoint.close()
  })
})

describe('a GGUF file is refused', () => {
  const refused = async (more: Readonly<Record<string, Typed>>) => {
    const { directory, model } = await files(familyFixture('llama'), more)
    const { what, where, why } = await userError(familyLogits(interpreterEngine, directory, [], { model }))
    return `${what}\n${where}\n${why}`
  }

  it('of an architecture that is not computed, in parts, or of no model', async () => {
    for (const text of ['mamba', 'bert', 'gemma3n', 'qwen2moe']) {
      const said = await refused({ 'general.architecture': { text } })
      expect(said).toContain(`the architecture '${text}' is not computed`)
      expect(said).toContain(
        'llama, qwen2, qwen3, smollm3, granite, olmo2, phi3, gpt2, gptneox, gemma, gemma2, gemma3',
      )
    }
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
