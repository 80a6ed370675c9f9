import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Artifact, DeviceTraits } from '../../../compiler/artifact.js'
import { compileText } from '../../../src/bench/compile.js'
import { withDevice } from '../../support/device.js'
import { llvmpipe } from '../../support/traits.js'
import { runArtifact, worst } from './agree.js'

type Sizes = Readonly<Record<string, number>>

/** A program, its inputs' shapes, and its value in float64. */
interface Subject {
  readonly text: string
  readonly shapes: (s: Sizes) => Readonly<Record<string, readonly number[]>>
  readonly expected: (s: Sizes, of: Readonly<Record<string, Float32Array>>) => readonly number[]
}

const range = (n: number): readonly number[] => [...Array(n).keys()]
const sum = (n: number, f: (i: number) => number): number => range(n).reduce((a, i) => a + f(i), 0)

const matrixVector: Subject = {
  text: 'fn bench(w: f32[M, K], x: f32[K], b: f32[M]) -> f32[M] = for m -> b[m] + sum k -> w[m, k] * x[k]\n',
  shapes: ({ M, K }) => ({ w: [M!, K!], x: [K!], b: [M!] }),
  expected: ({ M, K }, { w, x, b }) => range(M!).map(m => b![m]! + sum(K!, k => w![m * K! + k]! * x![k]!)),
}
const vectorMatrix: Subject = {
  text: 'fn bench(w: f32[K, M], x: f32[K]) -> f32[M] = for m -> sum k -> w[k, m] * x[k]\n',
  shapes: ({ M, K }) => ({ w: [K!, M!], x: [K!] }),
  expected: ({ M, K }, { w, x }) => range(M!).map(m => sum(K!, k => w![k * M! + m]! * x![k]!)),
}
const several: Subject = {
  text: 'fn bench(w: f32[B, M, K], x: f32[B, K]) -> f32[B, M] = for b, m -> sum k -> w[b, m, k] * x[b, k]\n',
  shapes: ({ M, K }) => ({ w: [3, M!, K!], x: [3, K!] }),
  expected: ({ M, K }, { w, x }) =>
    range(3 * M!).map(i => sum(K!, k => w![i * K! + k]! * x![Math.floor(i / M!) * K! + k]!)),
}
const norm: Subject = {
  text: `import std.nn (rms_norm)
fn bench(x: f32[M, K], w: f32[K]) -> f32[M, K] = for m -> rms_norm(x[m], w, 1e-5)
`,
  shapes: ({ M, K }) => ({ x: [M!, K!], w: [K!] }),
  expected: ({ M, K }, { x, w }) =>
    range(M! * K!).map(i => {
      const first = Math.floor(i / K!) * K!
      return (x![i]! * w![i % K!]!) / Math.sqrt(sum(K!, k => x![first + k]! ** 2) / K! + 1e-5)
    }),
}
const softmax: Subject = {
  text: `import std.nn (softmax)
fn bench(x: f32[M, K]) -> f32[M, K] = for m -> softmax(x[m])
`,
  shapes: ({ M, K }) => ({ x: [M!, K!] }),
  expected: ({ M, K }, { x }) =>
    range(M! * K!).map(i => {
      const first = Math.floor(i / K!) * K!
      return Math.exp(x![i]!) / sum(K!, k => Math.exp(x![first + k]!))
    }),
}
const best: Subject = {
  text: 'fn bench(w: f32[M, K], x: f32[K]) -> i32[M] = for m -> i32(argmax k -> w[m, k] * x[k])\n',
  shapes: ({ M, K }) => ({ w: [M!, K!], x: [K!] }),
  expected: ({ M, K }, { w, x }) =>
    range(M!).map(m =>
      range(K!).reduce((top, k) => {
        const at = (j: number): number => Math.fround(w![m * K! + j]! * x![j]!)
        return at(k) > at(top) ? k : top
      }, 0),
    ),
}

/** The program by each schedule of each of its kernels. */
const artifacts = ({ text }: Subject, sizes: Sizes, traits: DeviceTraits): readonly Artifact[] => {
  const own = text.includes('[B') ? { B: 3, ...sizes } : sizes
  const first = compileText({ text, sizes: own, name: 'rows' }, traits)
  const choices = first.kernels.map(k => k.chosen!)
  return range(Math.max(1, ...choices.map(c => c.candidates.length))).map(i =>
    compileText({ text, sizes: own, name: 'rows' }, traits, {
      tuning: new Map(choices.map(c => [c.signature, c.candidates[i % c.candidates.length]!])),
    }),
  )
}

withDevice('every schedule of a kernel over rows', device => {
  const check = async (subject: Subject, sizes: Sizes, traits: DeviceTraits): Promise<void> => {
    const shapes = Object.entries(subject.shapes(sizes))
    const inputs = Object.fromEntries(
      shapes.map(([name, shape], j) => {
        const length = shape.reduce((a, b) => a * b, 1)
        return [name, Float32Array.from({ length }, (_, i) => (((i + j) * 7919) % 127) / 127 - 0.5)]
      }),
    )
    const wanted = new Map([['result', subject.expected(sizes, inputs)]])
    for (const a of artifacts(subject, sizes, traits)) {
      const got = await runArtifact(device, a, new Map(Object.entries(inputs)))
      const { error, where } = worst(got, wanted)
      const schedules = a.kernels.map(k => k.schedule).join('; ')
      expect(error, `${JSON.stringify(sizes)}, ${schedules}: ${where}`).toBeLessThan(1e-4)
    }
  }
  const subjects = { matrixVector, vectorMatrix, several, norm, softmax, best }
  const gpu: DeviceTraits = { ...device.traits, software: false }
  for (const [name, subject] of Object.entries(subjects)) {
    it(`computes the same: ${name}`, { timeout: 240_000 }, async () => {
      await check(subject, { M: 1, K: 1 }, device.traits)
      await check(subject, { M: 7, K: 40 }, device.traits)
      await check(subject, { M: 66, K: 33 }, device.traits)
      await check(subject, { M: 264, K: 128 }, gpu)
    })
  }
  it('on shapes at random', { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.values(subjects)),
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 90 }),
        fc.constantFrom(1, 4),
        (subject, M, K, by) => check(subject, { M: M * by, K: K * by }, device.traits),
      ),
      { numRuns: 8 },
    )
  })
})

describe('the cost model', () => {
  const scheduleOf = (subject: Subject, M: number, K: number): string =>
    compileText({ text: subject.text, sizes: { M, K }, name: 'rows' }, llvmpipe).kernels[0]!.schedule

  it('computes several rows at once only where they share an operand', () => {
    expect(scheduleOf(matrixVector, 4096, 4096)).toMatch(/^rows, one subgroup of 8 five rows/)
    expect(scheduleOf(matrixVector, 288, 288)).toMatch(/(two|four|five) rows/)
    expect(scheduleOf(softmax, 512, 768)).toBe('rows, one thread a row, workgroups of 8')
  })

  it('reads rows in main memory by subgroups, not one row a lane', () => {
    expect(scheduleOf(matrixVector, 4096, 512)).toMatch(/^rows, one thread (four|five) rows/)
    expect(scheduleOf(matrixVector, 32000, 288)).toMatch(/^rows, one subgroup of 8 five rows, \d+ times/)
  })

  it('does not read rows side by side that evict one another from the cache', () => {
    expect(scheduleOf(softmax, 512, 1024)).toMatch(/^rows, one subgroup of 8 a row/)
    for (const K of [1016, 1032]) expect(scheduleOf(softmax, 512, K)).toMatch(/^rows, one thread a row/)
  })

  it('reads a matrix by columns four at a time, a line of the cache for each thread', () => {
    expect(scheduleOf(vectorMatrix, 4096, 4096)).toMatch(/four times four rows/)
  })
})
