import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Device, download, upload } from '../../../runtime/index.js'
import type { JsonObject } from '../../json/json-values.js'
import { prepare, type Timed } from '../../measure/measure.js'
import { positions } from '../../measure/verify.js'
import { SequenceModel } from '../../predict/sequence-model.js'
import { productCase } from '../cases.js'
import { compileText } from '../compile.js'
import { openRandomPredictor } from '../decoding.js'
import type { ProductShape } from '../handwritten/product.js'
import { type LlamaSizes, llamaConfig, stories15M, uniform, writeModel } from '../random-model.js'
import { fullShape, jola, openStep, type StepPlan, storiesStep } from '../recipe-step.js'
import { removeFolder, temporaryFolder } from '../temporary.js'
import type { Expected } from './agree.js'
import { scanPlan } from './recurrence-work.js'
import { editNames, writeStep } from './step-files.js'

/** A work for Jola and its peers: ours is ready for timing, and its result is known. */
export interface Work {
  /** The name that the peers' scripts have for this kind of work. */
  readonly kind: 'product' | 'forward' | 'training' | 'decoding' | 'scan'
  /** The request to the peers. */
  readonly request: JsonObject
  readonly expected: Expected
  readonly ours: Pick<Timed, 'time'>
  /** GFLOP of one run, or tokens. */
  readonly amount: { readonly unit: 'GFLOP' | 'tokens'; readonly value: number }
}

/**
 * Registers a cleanup for the end of a work, or for a failure of its preparation; the last registered runs
 * first.
 */
export type Afterwards = (close: () => void | Promise<void>) => void

/** A kind of work and how to prepare it. */
export interface WorkPlan {
  readonly name: string
  prepare(device: Device, afterwards: Afterwards): Promise<Work>
}

const folderUntil = (afterwards: Afterwards): string => {
  const folder = temporaryFolder()
  afterwards(() => removeFolder(folder))
  return folder
}

/** A matrix product; single ones only. */
export const productPlan = (name: string, p: ProductShape): WorkPlan => ({
  name,
  prepare: async (device, afterwards) => {
    const { m, n, k } = p
    const folder = folderUntil(afterwards)
    const c = productCase(name, p, 0)
    const values = Object.fromEntries(
      c.inputs.map(({ name, shape: [rows, columns] }, i) => [name, uniform(rows! * columns!, i)]),
    )
    const files = Object.fromEntries(Object.keys(values).map(side => [side, join(folder, side)]))
    for (const [side, data] of Object.entries(values)) await writeFile(files[side]!, data)
    const tensors = Object.fromEntries(
      c.inputs.map(({ name, shape }) => [
        name,
        upload(device, { dtype: 'f32', label: name }, shape, values[name]!),
      ]),
    )
    afterwards(() => {
      for (const t of Object.values(tensors)) t.destroy()
    })
    const timed = await prepare(
      device,
      compileText({ text: c.program, sizes: c.sizes, name }, device.traits),
      tensors,
    )
    afterwards(() => timed.close())
    const looked = positions(m * n)
    return {
      kind: 'product',
      request: { m, n, k, ...files, transposedRight: p.right === 'nk', positions: looked },
      expected: { each: looked.map(at => c.expected(values, at)) },
      ours: timed,
      amount: { unit: 'GFLOP', value: c.flops / 1e9 },
    }
  },
})

/** A step with random weights, and the sizes of its model. */
interface SharedStep {
  readonly step: StepPlan & { readonly model: JsonObject }
  readonly sizes: LlamaSizes
}

const stories: SharedStep = { step: storiesStep, sizes: stories15M }

/** A model with heads of width 8, and long rows: attention takes most of the time. */
const narrowSizes: LlamaSizes = {
  hidden_size: 64,
  intermediate_size: 172,
  num_hidden_layers: 5,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  vocab_size: 512,
  max_position_embeddings: 512,
}
const narrow: SharedStep = {
  step: {
    name: 'heads of width 8, 8×296 tokens',
    recipe: jola,
    model: llamaConfig(narrowSizes),
    shape: fullShape(8, 296),
  },
  sizes: narrowSizes,
}

/**
 * JoLA's step on a folder with random weights, which the peers read too, and the files that tell them of the
 * step.
 */
const openShared = async (device: Device, { step, sizes }: SharedStep, afterwards: Afterwards) => {
  const folder = folderUntil(afterwards)
  const opened = await openStep(device, step)
  afterwards(() => opened.close())
  await writeModel(folder, step.model, opened.model.checkpoint!)
  await writeStep(device, folder, opened)
  const { B, T } = step.shape
  return { folder, opened, gflop: (2 * B * T * productsOf(sizes)) / 1e9 }
}

/** Multiplications of the model's matrices for one token. */
const productsOf = (c: LlamaSizes): number =>
  c.num_hidden_layers * (4 * c.hidden_size ** 2 + 3 * c.hidden_size * c.intermediate_size) +
  c.hidden_size * c.vocab_size

const timing = (run: () => Promise<unknown>): Pick<Timed, 'time'> => ({
  time: async () => {
    const start = performance.now()
    await run()
    return performance.now() - start
  },
})

const forward = (of: SharedStep): WorkPlan => ({
  name: `forward, ${of.step.name}`,
  prepare: async (device, afterwards) => {
    const { folder, opened, gflop } = await openShared(device, of, afterwards)
    const once = async (): Promise<number> => {
      const [loss] = await download(device, Object.values(opened.session.validate(opened.batch)))
      return loss![0]!
    }
    return {
      kind: 'forward',
      request: { folder },
      expected: { each: [await once()] },
      ours: timing(once),
      amount: { unit: 'GFLOP', value: gflop },
    }
  },
})

/** The number of steps that are compared before timing. */
const checked = 3

/** All of JoLA's step; the loss of each is read before the next begins, as the peers do. */
const training = (of: SharedStep): WorkPlan => ({
  name: `training step, ${of.step.name}`,
  prepare: async (device, afterwards) => {
    const { folder, opened, gflop } = await openShared(device, of, afterwards)
    const once = async (): Promise<number> => {
      opened.step()
      const [loss] = await download(device, [opened.session.metricTensors.loss!])
      return loss![0]!
    }
    const edits = () =>
      download(
        device,
        editNames.map(n => opened.session.state[`edits.${n}`]!),
      )
    const before = await edits()
    const losses: number[] = []
    for (let i = 0; i < checked; i++) losses.push(await once())
    const after = await edits()
    return {
      kind: 'training',
      request: { folder, checked },
      expected: {
        each: losses,
        learned: editNames.map((name, i) => ({ name, before: before[i]!, after: after[i]! })),
      },
      ours: timing(once),
      amount: { unit: 'GFLOP', value: 2 * gflop },
    }
  },
})

/** So many tokens after this prompt. */
const decoded = { prompt: [1], tokens: 64 } as const

/** One sequence, greedily, token by token; keys and values are kept. */
const decoding: WorkPlan = {
  name: `decoding ${decoded.tokens} tokens, stories15M`,
  prepare: async (device, afterwards) => {
    const folder = folderUntil(afterwards)
    const model = openRandomPredictor(device, storiesStep.model)
    afterwards(() => model.close())
    await writeModel(folder, storiesStep.model, model.checkpoint)
    const sequence = new SequenceModel(model.source)
    afterwards(() => sequence.close())
    const once = async () => (await sequence.greedy([decoded.prompt], decoded.tokens, { stops: [] }))[0]!
    return {
      kind: 'decoding',
      request: { folder, ...decoded },
      expected: { each: await once() },
      ours: timing(once),
      amount: { unit: 'tokens', value: decoded.tokens },
    }
  },
}

const plain = { batch: 1, left: 'mk', right: 'kn' } as const

/** The works to compare. */
export const works: readonly WorkPlan[] = [
  productPlan('product 512³', { ...plain, m: 512, n: 512, k: 512 }),
  productPlan('product 1024³', { ...plain, m: 1024, n: 1024, k: 1024 }),
  productPlan('product 256×768×2048', { ...plain, m: 256, k: 768, n: 2048 }),
  productPlan('product A·Bᵀ 512×288×32000', { ...plain, m: 512, k: 288, n: 32000, right: 'nk' }),
  productPlan('vector-matrix 4096²', { ...plain, m: 1, k: 4096, n: 4096 }),
  forward(stories),
  training(stories),
  training(narrow),
  decoding,
  scanPlan({ T: 1024, E: 64, N: 16 }),
]
