import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'
import { RunFolder } from '../../src/runs/run-folder.js'
import { examplesIn } from '../docs/examples.js'
import { withDevice } from '../support/device.js'
import { writeLetters, writeTinyLlama } from '../support/tiny-model.js'
import { folderWith, jola } from './support.js'

const lines = (examples: readonly object[]): string => examples.map(e => `${JSON.stringify(e)}\n`).join('')
const questions = lines(['ab?', 'ba?', 'cd?', 'dc?'].map((prompt, i) => ({ prompt, answer: 'ef'[i % 2] })))
const splits = (text: string) => ({ 'train.jsonl': text, 'valid.jsonl': text, 'test.jsonl': text })

/** A recipe of one number, without derivatives: its kernels are soon compiled. */
const scaled = (start: string): string => `import std.models.llama
recipe Scaled(model: llama.Model) {
  setting epochs = 1
  setting batch = 2
  state { x: f32 }
  init(key) = { x: ${start} }
  step(s, batch, key, at) = ({ x: 0.9 * s.x }, { loss: s.x })
  validate(s, batch) = s.x
  predict(s, tokens) = llama.logits(model with { norm: for i -> model.norm[i] * s.x }, tokens)
}
`

/** A folder with data of questions and the recipe above. */
const scaledFolder = () => folderWith({ 'scaled.jola': scaled('1.0'), ...splits(questions) })

withDevice('jola train', () => {
  it('trains the recipe of the documentation as it stands there', async () => {
    const text = examplesIn('language.md').find(e => e.text.includes('recipe Bigram'))!.text
    const folder = await folderWith({
      'bigram.jola': text,
      ...splits(lines(Array(64).fill({ text: 'abcdabcdabcd' }))),
    })
    await writeLetters(join(folder, 'model'), 'abcd')
    const config = { model_type: 'llama', vocab_size: 6, max_position_embeddings: 32 }
    await writeFile(join(folder, 'model', 'config.json'), JSON.stringify(config))
    const run = join(folder, 'run')
    const { code, err } = await jola(
      ...['train', join(folder, 'bigram.jola'), '--model', join(folder, 'model')],
      ...['--data', folder, '--out', run],
    )
    expect({ code, err }).toMatchObject({ code: 0 })
    const { steps, epochs } = (await new RunFolder(run).load())!.history
    expect(steps[0]!.loss).toBeCloseTo(Math.log(6), 1)
    expect(steps.at(-1)!.loss).toBeLessThan(1.2)
    expect(epochs.at(-1)!.loss).toBeLessThan(epochs[0]!.loss)
  })

  it('goes on without what --allow names, and what is made of the run later needs no such word', async () => {
    const folder = await scaledFolder()
    const model = join(folder, 'model')
    await writeTinyLlama(model, { logits_soft_cap: 30 })
    const run = join(folder, 'run')
    const train = ['train', join(folder, 'scaled.jola'), '--model', model, '--data', folder, '--out', run]
    const refused = await jola(...train)
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.err).toContain('--allow logits_soft_cap')
    expect(existsSync(join(run, 'run.json'))).toBe(false)
    expect(await jola(...train, '--allow', 'logits_soft_cap')).toMatchObject({ code: 0 })
    for (const command of [
      ['eval', run],
      ['generate', run, '--prompt', 'ab?', '--tokens', '2'],
      ['report', run],
      [...train, '--resume'],
    ]) {
      const { code, err } = await jola(...command)
      expect({ code, err, command }).toMatchObject({ code: 0 })
    }
    // The model by itself is refused as before.
    expect(await jola('eval', '--model', model, '--data', folder)).toMatchObject({ code: 1 })
  })

  it('says the tokens and the padding of an epoch, in the terminal, as JSON and in the report', async () => {
    const folder = await scaledFolder()
    await writeTinyLlama(join(folder, 'model'))
    const run = join(folder, 'run')
    const file = join(folder, 'scaled.jola')
    expect((await jola('train', file, '--settings')).out).toMatch(
      /batches = alike .*\(alike \| any \| one_length\)/,
    )
    const { code, out, err } = await jola(
      ...['train', file, '--model', join(folder, 'model'), '--data', folder, '--out', run],
      ...['--set', 'batch=3', '--json'],
    )
    expect({ code, err }).toMatchObject({ code: 0 })
    expect(err).toContain(
      'an epoch reads 12 tokens and 36 positions of padding (25.0 % and 75.0 %) in 2 batches, ' +
        'where 2 empty rows fill the last',
    )
    const [{ epoch }] = JSON.parse(out) as [{ epoch: object }]
    expect(epoch).toEqual({
      batches: 2,
      positions: 48,
      tokens: 12,
      token_share: 0.25,
      padding: 36,
      padding_share: 0.75,
      empty_rows: 2,
    })
    expect(await jola('report', run)).toMatchObject({ code: 0 })
    const page = await readFile(join(run, 'report.html'), 'utf8')
    expect(page).toMatch(/Tokens in an epoch<\/th><td class="wide">12 \(25\.0 %\)/)
    expect(page).toMatch(/Padding in an epoch<\/th><td class="wide">36 \(75\.0 %\)/)
    expect(page).toContain('--set batches=alike')
    // A run of an earlier version: what it did not know is not shown, and it is made again as it was.
    const about = join(run, 'run.json')
    const {
      epoch: _,
      settings,
      ...begun
    } = JSON.parse(await readFile(about, 'utf8')) as {
      epoch: object
      settings: object
    }
    await writeFile(about, JSON.stringify({ ...begun, settings: { ...settings, batches: undefined } }))
    expect(await jola('report', run)).toMatchObject({ code: 0 })
    const old = await readFile(join(run, 'report.html'), 'utf8')
    expect(old).toContain('--set batches=one_length')
    expect(old).not.toContain('in an epoch')
  })

  it('makes a report of a run whose program has changed with --force alone, and says so', async () => {
    const folder = await scaledFolder()
    await writeTinyLlama(join(folder, 'model'))
    const run = join(folder, 'run')
    const { code, err } = await jola(
      ...['train', join(folder, 'scaled.jola'), '--model', join(folder, 'model')],
      ...['--data', folder, '--out', run],
    )
    expect({ code, err }).toMatchObject({ code: 0 })
    await writeFile(join(folder, 'scaled.jola'), scaled('2.0'))
    const refused = await jola('report', run)
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.err).toContain('another program')
    expect(existsSync(join(run, 'report.html'))).toBe(false)
    const forced = await jola('report', run, '--force')
    expect(forced).toMatchObject({ code: 0 })
    expect(forced.err).toContain('going on all the same (--force):')
    expect(existsSync(join(run, 'report.html'))).toBe(true)
  })

  it('trains a recipe of the standard library on a model that a file of the user computes', async () => {
    const llama = await readFile(join(stdlibFolder, 'models', 'llama.jola'), 'utf8')
    const own = llama.replace('/ logit_divisor)', '/ (2 * logit_divisor))')
    expect(own).not.toBe(llama)
    const folder = await folderWith({ 'own.jola': own, ...splits(questions) })
    const model = join(folder, 'model')
    await writeTinyLlama(model)
    const run = join(folder, 'run')
    const train = ['train', 'std.recipes.jola', '--model', model, '--data', folder, '--out', run]
    const small = ['--set', 'epochs=2', '--set', 'batch=2']
    const program = join(folder, 'own.jola')
    const { code, err } = await jola(...train, ...small, '--program', program)
    expect({ code, err }).toMatchObject({ code: 0 })
    expect((await new RunFolder(run).description()).modelProgram).toBe(program)
    for (const command of [
      ['eval', run],
      ['eval', run, '--base'],
      [...train, '--resume'],
    ]) {
      const { code, err } = await jola(...command)
      expect({ code, err, command }).toMatchObject({ code: 0 })
    }
    await writeFile(program, llama)
    const changed = await jola('eval', run)
    expect(changed).toMatchObject({ code: 1 })
    expect(changed.err).toContain('another program')
  })
})
