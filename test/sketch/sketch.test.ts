import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { newProgram } from '../../src/cli/new.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { sketchOf } from '../../src/sketch/sketch.js'
import { writeSketch } from '../../src/sketch/write.js'
import { familyFixture, familyLogits, writeFamily } from '../support/families.js'
import { temporaryDirectory } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

/** A program written for a fixture's folder, and the remarks about it. */
const written = async (name: string) => {
  const fixture = familyFixture(name)
  const directory = join(await temporaryDirectory(), name)
  await writeFamily(fixture, directory)
  const program = join(directory, 'mine.jola')
  const { notes } = await newProgram(directory, program)
  return { fixture, directory, program, notes, text: readFileSync(program, 'utf8') }
}

const unreadEntry = (note: string): readonly string[] => /^config\.json, (\S+):/.exec(note)?.slice(1) ?? []

const worst = (a: ArrayLike<number>, b: Float32Array): number =>
  Math.max(...Array.from(b, (y, i) => (Number.isNaN(a[i]!) ? Number.POSITIVE_INFINITY : Math.abs(a[i]! - y))))

describe('a program written for a checkpoint of an unknown family', () => {
  it.each([
    ['new-starcoder2', ['use_bias']],
    ['new-falcon', ['bias', 'multi_query', 'new_decoder_architecture', 'num_kv_heads']],
    ['new-stablelm', ['partial_rotary_factor', 'use_qkv_bias']],
  ])('%s has the logits of transformers, once its remarks are allowed', async (name, entries) => {
    const { fixture, directory, program, notes } = await written(name)
    expect(notes.flatMap(unreadEntry)).toEqual(entries)
    const refused = await userError(familyLogits(interpreterEngine, directory, [], { program }))
    for (const entry of entries) expect(refused.where).toContain(`"${entry}"`)
    const logits = await familyLogits(interpreterEngine, directory, entries, { program })
    expect(worst(logits, fixture.logits)).toBeLessThan(1e-4)
  })

  it('serves the recipes', async () => {
    const { program } = await written('new-falcon')
    const recipes = ['std.recipes.jola', 'std.recipes.lora', 'std.recipes.bitfit', 'std.recipes.finetune']
    expect(loadProgram(recipes, { model: program }).modules).toEqual(recipes)
  })

  it('names what it could not understand, in the file and beside it, and computes nothing then', async () => {
    const { program, notes, text } = await written('refused-mixtral')
    const experts = 'model.layers.{}.mlp.experts.down_proj [8, 16, 20]: its name is not known'
    expect(notes).toContain(experts)
    expect(text).toContain(`// - ${experts}`)
    expect(text).toContain('// mlp_experts_down_proj: f32[8, 16, 20] from "mlp.experts.down_proj"')
    expect(text).toContain('wk: f32[K, D, E] from "self_attn.k_proj.weight" as [K * D, E]')
    expect(notes.some(n => n.includes('num_local_experts'))).toBe(true)
    expect([...loadProgram([program]).program.fns.keys()].filter(f => f.startsWith('mine.'))).toEqual([])
  })
})

describe('what is odd in a checkpoint', () => {
  const config = {
    model_type: 'odd-one',
    hidden_size: 8,
    num_attention_heads: 2,
    num_hidden_layers: 2,
    vocab_size: 9,
    hidden_act: 'silu',
  }
  const layer: Readonly<Record<string, readonly number[]>> = {
    'attn.qkv.weight': [24, 8],
    'attn.out_proj.weight': [8, 8],
    'mlp.fc1.weight': [12, 8],
    'mlp.fc2.weight': [8, 12],
    'norm1.weight': [8],
    'norm2.weight': [8],
  }
  const tensors = (change: Readonly<Record<string, readonly number[] | undefined>> = {}) =>
    new Map(
      [
        ['embed_tokens.weight', [9, 8]] as const,
        ['norm.weight', [8]] as const,
        ...[0, 1].flatMap(l =>
          Object.entries({ ...layer, ...change }).flatMap(([n, s]) =>
            s === undefined ? [] : [[`blocks.${l}.${n}`, s] as const],
          ),
        ),
      ].map(([n, shape]) => [n, { shape }]),
    )
  const notesOf = (change: Readonly<Record<string, readonly number[] | undefined>>, more = {}) =>
    writeSketch(sketchOf(tensors(change), { ...config, ...more })).notes.join('\n')

  it.each([
    [{}, {}, 'assumed: queries, keys and values stand behind one another'],
    [{ 'attn.out_proj.weight': undefined }, {}, 'the projection out of attention, so no block is written'],
    [{ 'norm2.weight': undefined }, {}, 'assumed: one norm serves both sublayers'],
    [{ 'attn.qkv.weight': [25, 8] }, {}, 'the shapes of queries and keys do not fit 2 heads of 4 numbers'],
    [{ 'mlp.fc2.weight': [8, 13] }, {}, 'blocks.{}.mlp.fc2.weight [8, 13]: its shape is not [8, 12]'],
    [{ 'mlp.gate.1.weight': [3] }, {}, 'blocks.{}.mlp.gate.{}.weight [3]: there are several of them'],
    [{}, { hidden_act: 'xielu' }, 'the activation "xielu" is not in std.nn'],
    [{}, { hidden_size: undefined }, 'config.json has no entry for the width of the model'],
    [{}, {}, 'say nothing of positions'],
  ] as const)('%j with %j is told: %s', (change, more, told) => {
    expect(notesOf(change, more)).toContain(told)
  })
})
