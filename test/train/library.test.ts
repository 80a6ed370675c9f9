import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { openNodeDevice } from '../../runtime/node.js'
import { deviceEngine } from '../../src/engine/engine.js'
import {
  evaluate,
  openBase,
  specialiseFn,
  type TrainRequest,
  type TrainWatcher,
  taskOf,
  train,
} from '../../src/index.js'
import { RunFolder } from '../../src/runs/run-folder.js'
import { withDevice } from '../support/device.js'
import { programOf } from '../support/program.js'
import { temporaryDirectory } from '../support/temporary.js'

const model = fileURLToPath(new URL('../../examples/quickstart/model', import.meta.url))

/** A recipe without a model: quick to compile. */
const recipe = `import std.data (Batch, target_loss)

/// How often each token comes, whatever stands before it.
recipe Often {
  setting epochs = 3
  setting batch = 2
  setting rate = 1.0
  state { logit: f32[V] }
  init(key) = { logit: for v: V -> 0.0 }
  loss_of(x: f32[V], batch: Batch) = target_loss(for b: B, a: A, v -> x[v], batch)
  step(s, batch, key, at) =
    let (loss, d) = value_and_grad(x -> loss_of(x, batch))(s.logit)
    ({ logit: for v -> s.logit[v] - rate * d[v] }, { loss })
  validate(s, batch) = loss_of(s.logit, batch)
  predict(s, tokens) = for t: T, v -> s.logit[v]
}
`

const silent: TrainWatcher = {
  preparing: () => undefined,
  compiled: () => undefined,
  started: () => undefined,
  step: () => undefined,
  epoch: () => undefined,
}
const never = new AbortController().signal

/** Requests for runs into folders of a new directory, by name. */
const requests = async (): Promise<(out: string, more?: Partial<TrainRequest>) => TrainRequest> => {
  const folder = await temporaryDirectory()
  const at = (...parts: readonly string[]): string => join(folder, ...parts)
  await mkdir(at('data'))
  const line = (i: number): string =>
    `${JSON.stringify({ prompt: `is ${i} odd? `, answer: i % 2 ? 'yes' : 'no' })}\n`
  await writeFile(at('data', 'train.jsonl'), [1, 2, 3, 4].map(line).join(''))
  await writeFile(at('data', 'valid.jsonl'), line(5))
  await writeFile(at('often.jola'), recipe)
  return (out, more = {}) => ({
    file: at('often.jola'),
    model,
    data: at('data'),
    out: at(out),
    set: [],
    seed: 0,
    mode: 'new',
    dropLong: false,
    saveEvery: 1e9,
    bf16: false,
    ...more,
  })
}

withDevice('training', device => {
  it('gives the same bits beside another run as alone', async () => {
    const request = await requests()
    const other = { set: ['rate=0.5'], seed: 7 }
    const alone = [
      await train(device, request('a'), silent, never),
      await train(device, request('b', other), silent, never),
    ]
    const beside = await Promise.all([
      train(device, request('c'), silent, never),
      train(device, request('d', other), silent, never),
    ])
    expect(beside.map(r => r.history)).toEqual(alone.map(r => r.history))
    expect(alone[0]!.history).not.toEqual(alone[1]!.history)
    const states = await Promise.all(
      ['a', 'b', 'c', 'd'].map(name => new RunFolder(request(name).out).load()),
    )
    expect(states.slice(2)).toEqual(states.slice(0, 2))
    expect(device.residentBytes).toBe(0)
  })

  it('ends with what its watcher throws, and keeps what was saved', async () => {
    const request = await requests()
    const whole = await train(device, request('whole'), silent, never)
    const fail = (): never => {
      throw new Error('the watcher is tired')
    }
    for (const moment of ['read', 'preparing', 'started', 'step'] as const) {
      const run = train(device, request(moment), { ...silent, [moment]: fail }, never)
      await expect(run, moment).rejects.toThrow('the watcher is tired')
      expect(device.residentBytes).toBe(0)
    }
    const second = ({ epoch }: { readonly epoch: number }) => (epoch === 2 ? fail() : undefined)
    const run = train(device, request('epoch'), { ...silent, epoch: second }, never)
    await expect(run).rejects.toThrow('the watcher is tired')
    expect((await new RunFolder(request('epoch').out).load())!.position.step).toBe(4)
    const resumed = await train(device, request('epoch', { mode: 'resume' }), silent, never)
    expect(resumed.history).toEqual(whole.history)
    expect(device.residentBytes).toBe(0)
  })

  it('is ended by its signal while it compiles, and gives everything back', async () => {
    const request = await requests()
    const own = await openNodeDevice()
    onTestFinished(() => own.close())
    const stop = new AbortController()
    const preparing = () => setTimeout(() => stop.abort(new Error('enough')), 20)
    const run = train(own, request('run'), { ...silent, preparing }, stop.signal)
    await expect(run).rejects.toThrow('enough')
    await own.idle()
    expect(own.residentBytes).toBe(0)
  })

  it('ends when its device is lost, and goes on from what was saved on another', async () => {
    const request = await requests()
    const own = await openNodeDevice()
    onTestFinished(() => own.close())
    const step = ({ step }: { readonly step: number }) => step === 3 && own.gpu.destroy()
    const run = train(own, request('run'), { ...silent, step } as TrainWatcher, never)
    await expect(run).rejects.toMatchObject({ kind: 'lost' })
    const resumed = await train(device, request('run', { mode: 'resume' }), silent, never)
    const whole = await train(device, request('whole'), silent, never)
    expect(resumed.history).toEqual(whole.history)
  })
})

withDevice('evaluating', device => {
  it('is ended by its signal, before and between examples', async () => {
    const { sequence, tokenizer, close } = await openBase(device, model, 'std.models.llama')
    const examples = Array.from({ length: 20 }, (_, i) => ({
      prompt: `is ${i} odd? `,
      answer: i % 2 ? 'yes' : 'no',
      file: 'made up',
      line: i + 1,
    }))
    const task = taskOf(examples, [])
    const before = AbortSignal.abort(new Error('before'))
    await expect(evaluate(sequence, tokenizer, examples, { ...task, signal: before })).rejects.toThrow(
      'before',
    )
    const stop = new AbortController()
    const told: number[] = []
    const progress = (done: number): void => {
      told.push(done)
      stop.abort(new Error('enough'))
    }
    const scored = evaluate(sequence, tokenizer, examples, { ...task, signal: stop.signal, progress })
    await expect(scored).rejects.toThrow('enough')
    expect(told.length).toBe(1)
    const failing = evaluate(sequence, tokenizer, examples, {
      ...task,
      progress: () => {
        throw new Error('the watcher is tired')
      },
    })
    await expect(failing).rejects.toThrow('the watcher is tired')
    expect((await evaluate(sequence, tokenizer, examples, task)).predictions.length).toBe(20)
    await close()
    expect(device.residentBytes).toBe(0)
  })
})

withDevice('a device that is lost from outside', () => {
  it('rejects all runs under way, with what to do', async () => {
    const program = programOf('size N\nfn twice(x: f32[N]) -> f32[N] = for i -> 2.0 * x[i]\n')
    const own = await openNodeDevice()
    onTestFinished(() => own.close())
    const runs = [4, 5, 6].map(N => {
      const graph = specialiseFn(program, program.fns.get('main.twice')!, { sizes: new Map([['N', N]]) })
      return deviceEngine(own).run(graph, new Map([['x', { dtype: 'f32', data: new Float32Array(N) }]]))
    })
    own.gpu.destroy()
    for (const { reason } of (await Promise.allSettled(runs)) as PromiseRejectedResult[])
      expect(reason).toMatchObject({ name: 'DeviceError', kind: 'lost', hint: expect.any(String) })
    await expect(own.idle()).rejects.toMatchObject({ kind: 'lost' })
    expect(own.residentBytes).toBe(0)
  })
})
