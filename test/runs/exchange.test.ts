import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { exportAdapter, importAdapter } from '../../src/runs/foreign-adapter.js'
import { openRun } from '../../src/runs/open-run.js'
import { writeAdapter } from '../support/adapters.js'
import { withDevice } from '../support/device.js'
import { itWithPython } from '../support/python.js'
import { writeRandomLlama } from '../support/random-llama.js'
import { userError } from '../support/user-error.js'

const rows = [[3], [2, 5, 4, 7, 3, 2, 6]]

let folder: string
const at = (name: string): string => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'jola-exchange-'))
  const model = at('model')
  await writeRandomLlama(model, 8)
  const set = ['R=3', 'k=true', 'down=true', 'q=false', 'alpha=5']
  await writeAdapter(at('lora'), { program: 'std.recipes.lora', model, set, seed: 1 })
  await writeAdapter(at('jola'), { program: 'std.recipes.jola', model, seed: 2 })
  await exportAdapter(at('lora'), 'peft', { out: at('peft') })
  await exportAdapter(at('jola'), 'reference', { out: at('reference') })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The numbers of a safetensors file. */
const numbersIn = async (path: string): Promise<Readonly<Record<string, readonly number[]>>> => {
  const file = await openCheckpoint(join(path, 'adapter_model.safetensors'))
  const names = [...file.tensors.keys()].sort()
  const all = await Promise.all(names.map(async n => [n, Array.from(await file.readF32(n))] as const))
  await file.close()
  return Object.fromEntries(all)
}

it('writes the parameters of JoLA under the names of its released code', async () => {
  const found = await numbersIn(at('reference'))
  const own = await numbersIn(at('jola'))
  const shape = found['model.layers.0.self_attn.attn_A.0']!.length
  expect(found['model.layers.0.self_attn.attn_A.0']).toEqual(own['edits.scale']!.slice(0, shape))
  expect(found['model.layers.0.self_attn.attn_v.0']).toEqual(own['edits.offset']!.slice(0, shape))
  // `log_g1` opens the offsets there, and `log_g2` the scalings.
  const heads = found['model.layers.0.self_attn.log_g1']!.length
  expect(found['model.layers.0.self_attn.log_g1']).toEqual(own['edits.offset_gate']!.slice(0, heads))
  expect(found['model.layers.0.self_attn.log_g2']).toEqual(own['edits.scale_gate']!.slice(0, heads))
})

it.each([
  [
    'peft',
    'lora',
    ['edits.down.down', 'edits.down.up', 'edits.k.down', 'edits.k.up', 'edits.v.down', 'edits.v.up'],
  ],
  ['reference', 'jola', ['edits.offset', 'edits.offset_gate', 'edits.scale', 'edits.scale_gate']],
])('reads %s back to the numbers that were written', async (name, run, tensors) => {
  const out = at(`${name}-back`)
  await importAdapter({ path: at(name), model: at('model') }, { out })
  const found = await numbersIn(out)
  const own = await numbersIn(at(run))
  expect(found).toEqual(Object.fromEntries(tensors.map(t => [t, own[t]])))
  const config = JSON.parse(await readFile(join(out, 'adapter_config.json'), 'utf8')) as object
  expect(config).toMatchObject(
    name === 'peft' ? { settings: { R: 3, alpha: 5, q: false, k: true, down: true } } : { recipe: 'Jola' },
  )
})

it('refuses a format for another recipe, and what is not plain LoRA', async () => {
  const error = await userError(exportAdapter(at('jola'), 'peft', { out: at('none') }))
  expect(error.why).toBe(
    'it was trained by std.recipes.jola, and the format holds adapters of std.recipes.lora',
  )
  const file = join(at('peft'), 'adapter_config.json')
  const config = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...config, use_dora: true }))
  const other = await userError(importAdapter({ path: at('peft'), model: at('model') }, { out: at('none') }))
  expect(other.where).toBe(`${file}, "use_dora"`)
  await writeFile(file, JSON.stringify(config))
})

withDevice('an exported adapter', device => {
  itWithPython('computes in PEFT what it computes here', ['torch', 'transformers', 'peft'], async python => {
    const folders = [[at('model'), at('peft')]]
    const [found] = (await python('torch/logits.py', { folders, rows })) as number[][][]
    const { sequence, close } = await openRun(device, at('lora'))
    const own = await sequence.next(rows)
    await close()
    own.forEach((row, r) => {
      const far = Array.from(row, (x, i) => Math.abs(x - found![r]![i]!))
      expect(Math.max(...far)).toBeLessThan(1e-4)
    })
  })
})
