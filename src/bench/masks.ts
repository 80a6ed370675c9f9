import { type Device, upload } from '../../runtime/index.js'
import { alternately, prepare, type Timed } from '../measure/measure.js'
import { pairedRatios, type Spread, spreadOf } from '../measure/statistics.js'
import { compileText } from './compile.js'
import { uniform } from './random-model.js'

/** Attention of heads over T tokens with a mask: its value, and its gradient by all that it reads. */
export interface MaskPlan {
  readonly name: string
  /** When the token at t sees the one at s, as source. */
  readonly sees: string
  readonly sizes: { readonly H: number; readonly T: number; readonly D: number }
}

/** A mask's time, alone and compared with the same attention without a mask, in the same rounds. */
export interface MaskResult {
  readonly name: string
  readonly milliseconds: Spread
  /** The share of pairs of tokens that the mask lets see each other. */
  readonly kept: number
  readonly toUnmasked: Spread
}

const sizes = { H: 8, T: 512, D: 64 }

/** The masks that are measured. The first is none: the others are divided by it. */
export const maskPlans: readonly MaskPlan[] = [
  { name: 'no mask', sees: 'true', sizes },
  { name: 'causal', sees: 's <= t', sizes },
  { name: 'causal, a window of 128', sees: 's <= t and t - s < 128', sizes },
]

const programOf = (sees: string): string => `
import std.nn (softmax, dot)
record Heads { q: f32[H, T, D], k: f32[H, T, D], v: f32[H, T, D] }
fn attend(q: f32[T, D], k: f32[T, D], v: f32[T, D]) -> f32[T, D] =
  for t ->
    let p = softmax(for s -> if ${sees} then dot(q[t], k[s]) / sqrt(D) else -inf)
    for d -> sum s -> p[s] * v[s, d]
fn loss(x: Heads, w: f32[H, T, D]) -> f32 =
  sum h, t, d -> w[h, t, d] * attend(x.q[h], x.k[h], x.v[h])[t, d]
fn bench(x: Heads, w: f32[H, T, D]) -> (f32, Heads) = (loss(x, w), grad(y -> loss(y, w))(x))`

const keptBy = (sees: string, T: number): number => {
  const window = Number(/< (\d+)/.exec(sees)?.[1] ?? T)
  if (sees === 'true') return 1
  return [...Array(T).keys()].reduce((n, t) => n + Math.min(t + 1, window), 0) / T ** 2
}

/**
 * Measures attention with masks. Each is compared with attention without one,
 * which is measured too if it is not among the plans.
 */
export const measureMasks = async (
  device: Device,
  plans: readonly MaskPlan[],
  { runs, progress }: { readonly runs: number; readonly progress?: (line: string) => void },
): Promise<readonly MaskResult[]> => {
  const [unmasked] = maskPlans
  const all = plans[0]?.name === unmasked!.name ? plans : [unmasked!, ...plans]
  const timed: Timed[] = []
  const close: (() => void)[] = []
  try {
    for (const { name, sees, sizes } of all) {
      progress?.(`attention, ${name}`)
      const artifact = compileText({ text: programOf(sees), sizes, name }, device.traits)
      const inputs = Object.fromEntries(
        artifact.inputs.map(({ name, shape }, i) => {
          const data = uniform(
            shape.reduce((a, b) => a * b, 1),
            i,
          )
          const tensor = upload(device, { dtype: 'f32', label: name }, shape, data)
          close.push(() => tensor.destroy())
          return [name, tensor]
        }),
      )
      const work = await prepare(device, artifact, inputs)
      close.push(() => work.close())
      timed.push(work)
    }
    const times = await alternately(timed, runs)
    return all.map(({ name, sees, sizes }, i) => ({
      name,
      milliseconds: spreadOf(times[i]!),
      kept: keptBy(sees, sizes.T),
      toUnmasked: pairedRatios(times[i]!, times[0]!),
    }))
  } finally {
    for (const f of close.reverse()) f()
  }
}
