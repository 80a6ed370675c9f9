import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import type { Device } from '../../runtime/device.js'
import { UserError } from '../../src/errors/user-error.js'
import { type TrainRequest, train } from '../../src/runs/train-run.js'
import type { TrainWatcher } from '../../src/train/train.js'
import { stories } from './support.js'

const work = mkdtempSync(join(tmpdir(), 'jola-interrupted-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))
/** A path in a folder that is removed after the tests. */
export const at = (...parts: readonly string[]): string => join(work, ...parts)

/** Four prompts, one for each example. */
export const questions = [
  'Who saw the ball?',
  'Where did Lily play?',
  'What is a big dog?',
  'How many cats are there?',
]
/** A folder of four training examples, whose prompts are given, and one to validate on. */
export const dataFolder = (name: string, prompt: (i: number) => string): string => {
  mkdirSync(at(name))
  const line = (i: number): string => `${JSON.stringify({ prompt: prompt(i), answer: 'ABCD'[i % 4] })}\n`
  writeFileSync(at(name, 'train.jsonl'), [0, 1, 2, 3].map(line).join(''))
  writeFileSync(at(name, 'valid.jsonl'), line(0))
  return at(name)
}
/** The data of most runs. */
export const data = dataFolder('data', i => `${questions[i]} `)

/** A run of JoLA on the small model, with some of it changed. */
export const request = (more: Partial<TrainRequest>): TrainRequest => ({
  file: 'std.recipes.jola',
  model: stories!,
  data,
  out: at('run'),
  set: ['batch=4', 'epochs=6', 'patience=99', 'warmup=2'],
  seed: 0,
  mode: 'new',
  dropLong: false,
  saveEvery: 1e9,
  bf16: false,
  ...more,
})
/** A watcher that prints nothing. */
export const silent: TrainWatcher = {
  preparing: () => undefined,
  compiled: () => undefined,
  started: () => undefined,
  step: () => undefined,
  epoch: () => undefined,
}
/** A watcher that stops training before its first step. */
export const atFirst = (stop: AbortController, watcher: TrainWatcher = silent): TrainWatcher => ({
  ...watcher,
  started: info => {
    watcher.started(info)
    stop.abort()
  },
})
/** The signal of a run that nobody stops. */
export const never: Parameters<typeof train>[3] = new AbortController().signal

/** The error that a request is refused by. */
export const refusalOn =
  (device: Device) =>
  (more: Partial<TrainRequest>): Promise<UserError> =>
    train(device, request(more), silent, never).then(
      () => expect.unreachable(),
      (error: unknown) => {
        expect(error).toBeInstanceOf(UserError)
        return error as UserError
      },
    )
