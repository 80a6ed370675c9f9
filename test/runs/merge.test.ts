import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Device } from '../../runtime/node.js'
import { familyProgram } from '../../src/folders/model-program.js'
import { readConfig } from '../../src/folders/open-model.js'
import { type MergeResult, mergeRun } from '../../src/runs/merge-run.js'
import type { MergeRequest } from '../../src/runs/merge-subject.js'
import { openBase, openRun } from '../../src/runs/open-run.js'
import { writeAdapter } from '../support/adapters.js'
import { withDevice } from '../support/device.js'
import { familyFixture, writeFamily } from '../support/families.js'
import { itWithPython } from '../support/python.js'
import { writeLetters } from '../support/tiny-model.js'
import { userError } from '../support/user-error.js'

const rows = [[3], [2, 5, 4, 7, 3, 2, 6], [4, 4, 6, 1, 9]]

/** A family, a recipe with settings, the tensors that its edits change, and entries that config.json gets. */
const cases: readonly (readonly [string, string, readonly string[], readonly string[], object])[] = [
  ['llama-tied', 'jola', [], ['wo', 'bo'], { attention_bias: true }],
  [
    'llama',
    'lora',
    ['k=true', 'o=true', 'gate=true', 'up=true', 'down=true', 'R=3'],
    ['wq', 'wk', 'wv', 'wo', 'gate', 'up', 'down'],
    {},
  ],
  ['granite', 'red', [], ['down', 'down_bias'], { mlp_bias: true }],
  ['qwen3', 'lofit', [], ['wo', 'bo'], { attention_bias: true }],
  [
    'mistral',
    'ablations',
    ['place=everywhere'],
    ['wo', 'bo', 'down', 'down_bias'],
    { model_type: 'llama', architectures: ['LlamaForCausalLM'], attention_bias: true, mlp_bias: true },
  ],
  [
    'qwen2',
    'post_block',
    ['form=fixed_vector', 'joint=true'],
    ['wq', 'wv', 'down_bias'],
    {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      attention_bias: true,
      mlp_bias: true,
      max_window_layers: null,
    },
  ],
  ['gpt2', 'jola', [], ['wo', 'bo'], {}],
  ['gpt-neox', 'lofit', [], ['wo', 'bo'], {}],
  ['phi3', 'lora', ['R=3'], ['qkv'], {}],
  ['olmo2', 'jola', [], ['wo', 'bo'], { attention_bias: true }],
  ['gemma2', 'lora', ['R=3'], ['wq', 'wv'], {}],
]

withDevice('a merged model', device => {
  let folder: string
  const made = new Map<string, { readonly logits: readonly Float32Array[]; readonly result: MergeResult }>()
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jola-merge-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const prepare = async (family: string, recipe: string, set: readonly string[] = []): Promise<string> => {
    const model = join(folder, family)
    if (!existsSync(model)) {
      await writeFamily(familyFixture(family), model)
      await writeLetters(model, 'abcdefgh?')
    }
    const run = join(folder, `${family}-${recipe}-${set.length}`)
    const modelProgram = await programOf(model)
    await writeAdapter(run, { program: `std.recipes.${recipe}`, model, modelProgram, set, seed: 3 })
    return run
  }
  const merge = (run: string, more: Partial<MergeRequest> = {}): Promise<MergeResult> =>
    mergeRun(device, { adapters: run, out: `${run}-merged`, ...more })

  it.each(cases)(
    '%s: %s %j computes what the edited model does',
    async (family, recipe, set, tensors, entries) => {
      const run = await prepare(family, recipe, set)
      const result = await merge(run)
      expect(result.changed).toEqual(tensors.map(t => `layers.${t}`))
      expect(result.entries).toEqual(entries)
      const wanted = await logitsOf(device, run, 'run')
      expect(furthest(wanted, await logitsOf(device, `${run}-merged`, 'model'))).toBeLessThan(2e-5)
      made.set(`${run}-merged`, { logits: wanted, result })
    },
  )

  itWithPython('is loaded by transformers with the same logits', ['torch', 'transformers'], async python => {
    const found = (await python('torch/logits.py', { folders: [...made.keys()], rows })) as number[][][]
    expect(found).toHaveLength(cases.length)
    for (const [i, { logits }] of [...made.values()].entries())
      expect(furthest(logits, found[i]!), [...made.keys()][i]).toBeLessThan(1e-4)
  })

  it('has the tokenizer, and its weights in the type that is asked for', async () => {
    const run = join(folder, 'granite-red-0')
    const { difference } = await merge(run, { out: join(folder, 'small'), dtype: 'bf16' })
    expect(difference).toBeGreaterThan(0)
    expect(difference).toBeLessThan(0.05)
    const config = JSON.parse(await readFile(join(folder, 'small', 'config.json'), 'utf8')) as object
    expect(config).toMatchObject({ torch_dtype: 'bfloat16', mlp_bias: true, model_type: 'granite' })
    expect(existsSync(join(folder, 'small', 'tokenizer.json'))).toBe(true)
  })

  it.each([
    ['loreft', [], 'differs from token to token'],
    ['post_block', ['form=rank_one_map'], 'only a fixed vector can be added'],
  ] as const)('refuses %s by its reason, and writes nothing', async (recipe, set, why) => {
    const run = await prepare('llama', recipe, set)
    const error = await userError(merge(run))
    expect(error.what).toBe('the edits cannot be merged into the weights')
    expect(error.why).toContain(why)
    expect(existsSync(`${run}-merged`)).toBe(false)
  })

  it('refuses biases for which a family has no place, or leaves them out', async () => {
    const run = await prepare('mistral-window', 'jola')
    const error = await userError(merge(run))
    expect(error.why).toContain('`layers.bo` would not be 0, and the family mistral has no tensor for that')
    const { leftOut, difference } = await merge(run, { withoutBiases: true })
    expect(leftOut).toEqual(['layers.bo'])
    expect(difference).toBeGreaterThan(0.01)
  })

  it('refuses a folder that is there, and replaces only what a model has', async () => {
    const run = join(folder, 'granite-red-0')
    const error = await userError(merge(run))
    expect(error.what).toBe('the folder is there already')
    await merge(run, { force: true })
    expect(existsSync(`${run}-merged/config.json`)).toBe(true)
  })
})

/** The module that computes the model in a folder. */
const programOf = async (model: string): Promise<string> =>
  familyProgram(await readConfig(model), model) as string

const logitsOf = async (device: Device, path: string, kind: 'run' | 'model') => {
  const { sequence, close } =
    kind === 'run' ? await openRun(device, path) : await openBase(device, path, await programOf(path))
  const found = await sequence.next(rows)
  await close()
  return found
}

const furthest = (a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number =>
  Math.max(...a.map((row, r) => Math.max(...Array.from(row, (x, i) => Math.abs(x - b[r]![i]!)))))
