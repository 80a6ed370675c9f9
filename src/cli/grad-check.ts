import { compileInterpreter } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { simplified } from '../../compiler/pipeline.js'
import { random32 } from '../data/random.js'
import type { HostTensor } from '../engine/engine.js'
import { streamOf } from './call/invent.js'

/** One tensor's derivative compared with central differences. */
export interface TensorCheck {
  readonly name: string
  readonly shape: readonly number[]
  readonly checked: number
  readonly elements: number
  /** The element with the largest relative error; absent for an empty tensor. */
  readonly worst?: ElementCheck
}

export interface ElementCheck {
  readonly flat: number
  readonly derivative: number
  readonly difference: number
  /**
   * |a − b| / max(|a|, |b|, a thousandth of the tensor's largest derivative), beyond what rounding of the
   * differences explains.
   */
  readonly error: number
}

/**
 * The elements to check: all of a small tensor, else a sample without repetition that only name and size
 * decide.
 */
export const sampleOf = (name: string, elements: number, most: number): readonly number[] => {
  if (elements <= most) return Array.from({ length: elements }, (_, i) => i)
  const chosen = new Set<number>()
  for (let i = 0; chosen.size < most; i++) chosen.add(random32(1, streamOf(name), i) % elements)
  return [...chosen].sort((a, b) => a - b)
}

/**
 * Steps relative to max(1, |x|): the first suits smooth functions; the smaller ones escape a kink close by.
 */
const steps = [1e-4, 1e-5, 1e-6] as const

/**
 * Compares derivatives with central differences (f(x + h) − f(x − h)) / 2h of the graph's output `value`, in
 * float64 on the interpreter. Where a step's error exceeds a tenth of the tolerance, smaller steps are tried
 * and the best one counts: a kink (relu, clamp) within h is no mistake of the derivative, and a mistake stays
 * at every step.
 */
export const checkGradient = (
  graph: Graph,
  inputs: ReadonlyMap<string, HostTensor>,
  derivatives: ReadonlyMap<string, HostTensor>,
  options: { readonly tolerance: number; readonly sample: number },
): readonly TensorCheck[] => {
  const value = compileInterpreter(
    simplified({ ...graph, outputs: graph.outputs.filter(o => o.name === 'value') }),
  )
  const data = new Map([...inputs].map(([n, t]) => [n, Float64Array.from(t.data)]))
  const at = (): number => value(data).get('value')![0]!
  // f(x ± h) are rounded to about 2⁻⁵² of their size, more than once; the largest step suffers least.
  const noise = (16 * Number.EPSILON * Math.abs(at())) / (2 * steps[0])
  const differenceAt = (x: Float64Array, i: number, step: number): number => {
    const kept = x[i]!
    const h = step * Math.max(1, Math.abs(kept))
    const [above, below] = [kept + h, kept - h]
    x[i] = above
    const after = at()
    x[i] = below
    const before = at()
    x[i] = kept
    // The step that was really taken, since x ± h rounds.
    return (after - before) / (above - below)
  }
  return [...derivatives].map(([name, d]) => {
    const x = data.get(name)!
    const largest = Array.from(d.data, Math.abs).reduce((m, g) => (g > m ? g : m), 0)
    const scale = Math.max(1e-12, 1e-3 * largest)
    const sample = sampleOf(name, x.length, options.sample)
    let worst: ElementCheck | undefined
    for (const flat of sample) {
      const derivative = d.data[flat]!
      let best: ElementCheck | undefined
      for (const step of steps) {
        const difference = differenceAt(x, flat, step)
        const gap = Math.max(0, Math.abs(derivative - difference) - noise)
        const error = gap / Math.max(Math.abs(derivative), Math.abs(difference), scale)
        // A NaN counts as the largest error.
        const judged = { flat, derivative, difference, error: Number.isNaN(error) ? Infinity : error }
        if (best === undefined || judged.error < best.error) best = judged
        if (best.error <= options.tolerance / 10) break
      }
      if (best !== undefined && (worst === undefined || best.error > worst.error)) worst = best
    }
    return {
      name,
      shape: d.shape,
      checked: sample.length,
      elements: x.length,
      ...(worst === undefined ? {} : { worst }),
    }
  })
}
