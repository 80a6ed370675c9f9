import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { interpret } from '../../compiler/ir/interpret.js'
import { specialiseMethod } from '../../compiler/specialise/specialise.js'
import type { Tensors } from '../../runtime/index.js'
import { download, openNodeDevice } from '../../runtime/node.js'
import { llamaConfig } from '../../src/bench/random-model.js'
import { fullShape, type OpenStep, openStep, type StepPlan } from '../../src/bench/recipe-step.js'
import { withDevice } from '../support/device.js'

const model = llamaConfig({
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 16,
  max_position_embeddings: 32,
})

const steps = 6
type State = ReadonlyMap<string, Float64Array>

interface Trained {
  readonly losses: readonly number[]
  readonly first: State
  readonly buffers: number
  readonly opened: OpenStep
  /** What every step reads, by name; the state among it is that after the last. */
  readonly inputs: State
}

/**
 * Trains on one batch on a device with so many storage buffers a stage: the loss of every step, and the state
 * before the first.
 */
const train = async (recipe: StepPlan['recipe'], storageBuffersPerStage: number): Promise<Trained> => {
  const device = await openNodeDevice({ limits: { storageBuffersPerStage } })
  const byName = async (tensors: Tensors): Promise<State> => {
    const values = await download(device, Object.values(tensors))
    return new Map(Object.keys(tensors).map((name, i) => [name, Float64Array.from(values[i]!)]))
  }
  try {
    expect(device.traits.storageBuffersPerStage).toBeLessThanOrEqual(storageBuffersPerStage)
    const step = await openStep(device, { name: 'limits', recipe, model, shape: fullShape(2, 6) })
    try {
      const first = await byName(step.session.state)
      const losses: number[] = []
      for (let i = 0; i < steps; i++) {
        step.step()
        const [loss] = await download(device, [step.session.metricTensors.loss!])
        losses.push(loss![0]!)
      }
      return {
        losses,
        first,
        opened: step,
        inputs: await byName(step.session.compiledStep.inputs),
        buffers: step.session.compiledStep.executable.artifact.requires.storageBuffersPerStage,
      }
    } finally {
      await step.close()
    }
  } finally {
    device.close()
  }
}

/** The losses of the same steps by the interpreter. */
const interpreted = ({ opened, first, inputs }: Trained): readonly number[] => {
  const { loaded, recipe, settings, session } = opened
  const graph = specialiseMethod(loaded.program, recipe, 'step', { sizes: session.sizes, settings })
  let state = first
  return Array.from({ length: steps }, () => {
    const results = interpret(
      graph,
      new Map([...inputs, ...[...state].map(([n, x]) => [`s.${n}`, x] as const)]),
    )
    state = new Map([...state.keys()].map(n => [n, Float64Array.from(results.get(`0.${n}`)!)]))
    return results.get('1.loss')![0]!
  })
}

const worstOf = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!) / Math.max(1, Math.abs(b[i]!))))

const work = mkdtempSync(join(tmpdir(), 'jola-limits-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const weights = Array.from({ length: 40 }, (_, i) => `w${i}`)
const terms = weights.map((w, k) => `(sum i: 5 -> p.${w}[i] * x[b, t, i] ^ ${1 + (k % 3)})`)
const forty = join(work, 'forty.jola')
writeFileSync(
  forty,
  `import std.data (Batch)
import std.optim

size V from "vocab_size"

record Forty {
${weights.map(w => `  ${w}: f32[5]`).join('\n')}
}

fn loss(p: Forty, batch: Batch) -> f32 =
  let x = for b, t, i: 5 -> sin(f32(i32(batch.tokens[b, t])) + f32(i))
  mean b, t -> (${terms.join('\n    + ')} - 30) ^ 2

recipe Many {
  state {
    p: Forty
    moments: optim.Moments(P = Forty)
  }
  init(key) =
    let n = for k: 40, i: 5 -> 0.1 * normal(key, (k, i))
    let p = Forty {
${weights.map((w, k) => `      ${w}: n[${k}]`).join(',\n')}
    }
    { p, moments: optim.moments(p) }
  step(s, batch, key, at) =
    let (value, d) = value_and_grad(p -> loss(p, batch))(s.p)
    let (p, moments) = optim.adamw(s.p, optim.clip_norm(d, 0.5), s.moments, 0.05)
    ({ p, moments }, { loss: value })
  validate(s, batch) = loss(s.p, batch)
  predict(s, tokens) = for t, v: V -> s.p.w0[0]
}
`,
)

const recipes = [
  { file: 'std.recipes.jola', set: ['warmup=0'] },
  { file: 'std.recipes.pretrain', set: ['warmup=0'] },
  { file: forty, set: [] },
]

withDevice('training on devices that bind few buffers', () => {
  it.each(recipes)('has the losses of one that binds 16: $file', { timeout: 300_000 }, async recipe => {
    const wide = await train(recipe, 16)
    expect(wide.losses.at(-1)).toBeLessThan(wide.losses[0]!)
    for (const n of [8, 10]) {
      const few = await train(recipe, n)
      expect(few.buffers).toBeLessThanOrEqual(n)
      expect(few.losses).toHaveLength(steps)
      expect(worstOf(few.losses, wide.losses), `${few.losses} and ${wide.losses}`).toBeLessThan(1e-5)
      // The stock recipes' derivatives are held against the interpreter elsewhere. It computes in 64 bits.
      if (recipe.file === forty) expect(worstOf(few.losses, interpreted(few))).toBeLessThan(1e-4)
    }
  })
})
