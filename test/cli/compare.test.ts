import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary.js'
import { writeTinyLlama } from '../support/tiny-model.js'
import { jola, jolaJson } from './support.js'

describe('jola task', () => {
  it('lists the tasks by their families', async () => {
    const { code, out } = await jola('task', 'list')
    expect(code).toBe(0)
    expect(out).toMatch(/commonsense\n {2}arc-challenge +ARC-Challenge: /)
    expect(out).toContain('mmlu-pro/computer-science')
    const { json } = await jolaJson('task', 'list', '--json')
    expect(json).toContainEqual(expect.objectContaining({ name: 'trec', score: 'choice' }))
  })

  it('shows a task with examples of its data', async () => {
    const root = await temporaryDirectory()
    await mkdir(join(root, 'boolq'))
    const line = {
      instruction: 'Is it? Answer format: true/false',
      input: '',
      output: 'it is true',
      answer: 'true',
    }
    await writeFile(join(root, 'boolq', 'test.json'), JSON.stringify([line]))
    const { code, out } = await jola('task', 'show', 'boolq', '--data', root)
    expect(code).toBe(0)
    expect(out).toContain('"score": "word"')
    expect(out).toContain('test: 1 example\n')
    expect(out).toContain('### Response:\ntrue')
  })

  it('draws the same data folder for the same seed', async () => {
    const root = await temporaryDirectory()
    const draw = async (name: string, seed: string) => {
      const out = join(root, name)
      const sizes = ['--train-size', '6', '--valid-size', '4', '--test-size', '5']
      expect((await jola('task', 'draw', 'listops', '--out', out, '--seed', seed, ...sizes)).code).toBe(0)
      return Promise.all(['train', 'valid', 'test'].map(part => readFile(join(out, `${part}.jsonl`), 'utf8')))
    }
    const [a, b, c] = [await draw('a', '1'), await draw('b', '1'), await draw('c', '2')]
    expect(b).toEqual(a)
    expect(c[0]).not.toBe(a[0])
    expect(c[2]).toBe(a[2])
    const again = await jola('task', 'draw', 'listops', '--out', join(root, 'a'))
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('the folder already holds data')])
  })

  it.each([
    [['task', 'show', 'trekk'], 2, 'there is no task trekk'],
    [['task', 'draw', 'trec', '--out', 'x'], 2, '--data is missing'],
    [['task', 'draw', 'trec', '--data', '.', '--out', 'x'], 1, 'the data of the task trec is not there'],
  ])('%j is refused', async (args, code, what) => {
    const result = await jola(...args)
    expect([result.code, result.err]).toEqual([code, expect.stringContaining(what)])
  })
})

describe('jola compare', () => {
  const begin = async (...more: readonly string[]) => {
    const root = await temporaryDirectory()
    await writeTinyLlama(join(root, 'model'))
    const out = join(root, 'cmp')
    const model = ['--model', join(root, 'model'), '--task', 'listops']
    return { out, planned: await jola('compare', ...model, '--out', out, '--plan', ...more) }
  }

  it('prints the command of each cell, and how much there is to do', async () => {
    const { out, planned } = await begin('--methods', 'zero-shot,jola', '--seeds', '2', '--tries', '3')
    expect(planned.code).toBe(0)
    const lines = planned.out.trim().split('\n')
    expect(lines.map(line => line.slice(line.indexOf(' compare ')))).toEqual(
      [
        'zero-shot/200/seed-1',
        'jola/200/try-0',
        'jola/200/try-1',
        'jola/200/try-2',
        'jola/200/seed-1',
        'jola/200/seed-2',
      ].map(cell => ` compare --out ${out} --cell listops/${cell}`),
    )
    // 20 epochs of 25 steps for each of five trainings, and one cell without any.
    expect(planned.err).toContain(
      '6 cells: 1 task, 2 methods, 2 seeds, 1 size; 3 of them try settings; 2,501 steps',
    )
    // The plan is kept, and grows.
    const grown = await jola('compare', '--out', out, '--plan', '--methods', 'lora')
    expect(grown.out.trim().split('\n').length).toBe(11)
    const collected = await jola('compare', '--out', out, '--collect')
    expect([collected.code, collected.out]).toEqual([0, expect.stringContaining('compare.html')])
  })

  it.each([
    [['--methods', 'jola', '--set', 'epoch=1'], 'there is no setting epoch'],
    [['--methods', 'lora'], 'the method jola is not compared'],
    [['--train-size', '5,5'], 'A number is named twice'],
    [['--seeds', '0'], 'It must be a whole number from 1'],
  ])('%j is refused before anything is written', async (more, what) => {
    const { out, planned } = await begin(...more)
    expect([planned.code, planned.err]).toEqual([2, expect.stringContaining(what)])
    expect((await jola('compare', '--out', out, '--collect')).err).toContain('--model is missing')
  })

  it('names a cell that the plan has not', async () => {
    const { out } = await begin('--methods', 'jola')
    const { code, err } = await jola('compare', '--out', out, '--cell', 'listops/jola/200/seed-9')
    expect([code, err]).toEqual([2, expect.stringContaining('the plan has no cell listops/jola/200/seed-9')])
  })
})
