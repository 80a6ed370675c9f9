import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, describe as group, it } from 'vitest'
import { describe } from '../../src/cli/eval.js'
import { renderUserError, UserError } from '../../src/errors/user-error.js'
import { RunFolder, runsAt } from '../../src/runs/run-folder.js'
import { checkAdapted, unfinishedAt } from '../../src/runs/unfinished.js'
import { taskOf } from '../../src/score/evaluate.js'
import type { Evaluation } from '../../src/score/evaluation.js'
import { temporaryDirectory } from '../support/temporary.js'
import { jola } from './support.js'

const example = (answer: string, line: number) => ({ prompt: `${line}?`, answer, file: 'x.jsonl', line })

const evaluation = (more: Partial<Evaluation>): Evaluation => ({
  scoring: 'choice',
  accuracy: { correct: 33, total: 50, accuracy: 0.66 },
  majority: 0.52,
  predictions: [],
  ...more,
})

/** A run as `jola train` leaves it at its start, and its state after a step. */
const begunRun = async (path: string, position?: { readonly step: number; readonly done: boolean }) => {
  await mkdir(path, { recursive: true })
  const folder = new RunFolder(path)
  await folder.describe({
    format: 'jola-run-1',
    program: 'p',
    recipe: 'r',
    programHash: 'h',
    model: 'm',
    data: 'd',
    dataDigest: 'g',
    seed: 0,
    settings: {},
    sizes: {},
    device: 'x',
    trainable: 1,
  })
  if (position !== undefined)
    await folder.save(
      new Map([['a', { shape: [1], data: Float32Array.of(1) }]]),
      { ...position, steps: 30 },
      {
        steps: [],
        epochs: [],
      },
    )
}

const refusal = async (path: string): Promise<string> => {
  const error: unknown = await checkAdapted(path).then(
    () => undefined,
    (e: unknown) => e,
  )
  return error instanceof UserError ? renderUserError(error) : `no refusal: ${error}`
}

group('jola eval', () => {
  it('knows its ways of scoring and its parts of the data', async () => {
    for (const args of [
      ['--score', 'choise'],
      ['--split', 'dev'],
    ]) {
      const { code, err } = await jola('eval', 'nowhere', ...args)
      expect({ code, known: err.includes('Allowed choices') }).toEqual({ code: 2, known: true })
    }
  })

  it('finds metric, answers and majority from the whole split', () => {
    const split = Array.from({ length: 100 }, (_, i) => example(i % 4 === 0 ? 'yes' : 'no', i + 1))
    const task = taskOf(split, split)
    expect(task).toEqual({ scoring: 'choice', options: ['no', 'yes'], majority: 0.75 })
    expect(taskOf(split.slice(0, 2), split).scoring).toBe('text')
  })

  it('says which score it prints', () => {
    expect(describe(evaluation({ answers: 2 }))).toBe(
      '66.0 % right among the 2 answers (33 of 50; always the most frequent answer: 52.0 %)',
    )
    for (const [scoring, words] of [
      ['word', 'by the first option word generated'],
      ['letter', 'by the first letter generated'],
      ['text', 'by the text generated'],
    ] as const)
      expect(describe(evaluation({ scoring }))).toContain(words)
  })

  it('tells an unfinished run, one with a model of its own, and a folder without a run apart', async () => {
    const at = await temporaryDirectory()
    expect(await refusal(at)).toContain('not the folder of a run')
    const run = join(at, 'run')
    await begunRun(run)
    expect(await refusal(run)).toContain('the run is not finished: 0 steps')
    await begunRun(run, { step: 12, done: false })
    expect(await refusal(run)).toMatch(/not finished: 12 of 30 steps\n.*\n.*--resume/)
    await begunRun(run, { step: 30, done: true })
    expect(await unfinishedAt(run)).toContain('30 of 30')
    await mkdir(join(run, 'model'))
    expect(await refusal(run)).toContain(`--model ${join(run, 'model')}`)
    await writeFile(join(run, 'adapter_config.json'), '{}')
    expect(await unfinishedAt(run)).toBeUndefined()
    await checkAdapted(run)
  })

  it('takes the folder of several seeds for all of them, in their order', async () => {
    const at = await temporaryDirectory()
    const seeds = ['seed-2', 'seed-10'].map(s => join(at, s))
    for (const seed of [...seeds].reverse()) await begunRun(seed)
    await mkdir(join(at, 'seed-3'))
    expect(await runsAt(at)).toEqual(seeds)
    expect(await refusal(at)).toMatch(/several seeds[\s\S]*seed-2/)
    expect(await runsAt(seeds[0]!)).toEqual([seeds[0]])
    expect(await runsAt(join(at, 'seed-3'))).toEqual([join(at, 'seed-3')])
  })
})
