import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { random32 } from '../../src/data/random.js'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import { parseAdapters } from '../../src/predict/adapter-sum.js'
import { planSlots } from '../../src/predict/edit-slots.js'
import { openAdapters } from '../../src/runs/open-adapters.js'
import { openRun } from '../../src/runs/open-run.js'
import type { TensorData } from '../../src/safetensors/encode.js'
import { writeAdapter } from '../support/adapters.js'
import { withDevice } from '../support/device.js'
import { writeRandomLlama } from '../support/random-llama.js'
import { userError } from '../support/user-error.js'

describe('a sum of adapters', () => {
  it('is read with its strengths, and paths in quotes', () => {
    expect(parseAdapters('runs/a')).toEqual([{ adapter: 'runs/a', strength: 1 }])
    expect(parseAdapters("runs/a + 0.5 * runs/b + -1 * 'my + runs/c'")).toEqual([
      { adapter: 'runs/a', strength: 1 },
      { adapter: 'runs/b', strength: 0.5 },
      { adapter: 'my + runs/c', strength: -1 },
    ])
  })

  it.each([
    ['', 'no adapter is named'],
    ['a +', 'an adapter is missing after +'],
    ['a b', "'b' stands where + or the end is expected"],
    ['half * a', "'half' before * is not a number"],
  ])('is refused where it is %j', async (text, why) => {
    expect((await userError(() => parseAdapters(text))).why).toBe(why)
  })

  it('takes as few slots as its order allows', () => {
    const kinds: Readonly<Record<string, string>> = { a: 'x', b: 'x', c: 'y' }
    const { slots, valuesOf } = planSlots(['a', 'b', 'a + c', 'c + 0.5 * b'], name => kinds[name]!)
    expect(slots.map(s => s.adapters)).toEqual([['a', 'b'], ['c'], ['b']])
    expect(Object.fromEntries(valuesOf({ adapter: 'c + 0.5 * b', strength: 2 }))).toEqual({
      ...{ 'adapter.0': 0, 'strength.0': 0, 'adapter.1': 0, 'strength.1': 2 },
      ...{ 'adapter.2': 0, 'strength.2': 1 },
    })
  })
})

/** Recipes with settings that the rows of one batch have. */
const methods: readonly (readonly [string, readonly string[]])[] = [
  ['red', []],
  ['jola', []],
  ['lora', ['R=3', 'k=true', 'up=true']],
  ['loreft', ['first=1', 'last=2']],
  ['jola', []],
  ['post_block', []],
]

const random = (seed: number, row: number): readonly number[] =>
  Array.from({ length: 1 + (random32(seed, row, 0) % 9) }, (_, i) => random32(seed, row, i + 1) % 11)

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)

withDevice('adapters together', device => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jola-adapters-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const made = async (seed: number, some: typeof methods): Promise<readonly string[]> => {
    const model = join(folder, `model-${seed}`)
    await writeRandomLlama(model, seed)
    const runs = some.map((_, i) => join(folder, `${seed}-${i}`))
    for (const [i, [recipe, set]] of some.entries())
      await writeAdapter(runs[i]!, { program: `std.recipes.${recipe}`, model, set, seed: seed + i })
    return runs
  }

  it.each([
    [1, methods.slice(1, 4)],
    [2, methods.slice(4)],
  ])(
    'give each row of a batch what its own adapter gives alone (%i)',
    async (seed, some) => {
      const runs = await made(seed, some)
      const together = await openAdapters(device, runs)
      const rows = Array.from({ length: 2 * runs.length }, (_, r) => ({
        tokens: random(seed, r),
        run: runs[(3 * r) % runs.length]!,
      }))
      const prompts = rows.map(r => r.tokens)
      const adapters = rows.map(r => ({ adapter: r.run }))
      const logits = await together.sequence.next(prompts, { adapters })
      const texts = await together.sequence.greedy(prompts, 4, { stops: [] }, { adapters })
      await together.close()
      for (const run of runs) {
        const { sequence, close } = await openRun(device, run)
        const own = [...rows.keys()].filter(r => rows[r]!.run === run)
        const alone = await sequence.next(own.map(r => prompts[r]!))
        const written = await sequence.greedy(
          own.map(r => prompts[r]!),
          4,
          { stops: [] },
        )
        for (const [i, r] of own.entries()) {
          expect(furthest(alone[i]!, logits[r]!)).toBeLessThan(1e-4)
          expect(written[i]).toEqual(texts[r])
        }
        await close()
      }
    },
    240_000,
  )

  /** RED whose numbers are a function of those of two others. */
  const combine = async (
    runs: readonly string[],
    made: (a: readonly [number, number], b: readonly [number, number]) => readonly [number, number],
  ): Promise<string> => {
    const files = await Promise.all(runs.map(run => openCheckpoint(join(run, 'adapter_model.safetensors'))))
    const [[s, o], [t, p]] = (await Promise.all(
      files.map(async f => [await f.readF32('edits.scale'), await f.readF32('edits.offset')] as const),
    )) as [[Float32Array, Float32Array], [Float32Array, Float32Array]]
    const { shape } = files[0]!.tensors.get('edits.scale')!
    await Promise.all(files.map(f => f.close()))
    const both = Array.from(s, (_, i) => made([s[i]!, o[i]!], [t[i]!, p[i]!]))
    const tensor = (k: 0 | 1): TensorData => ({
      dtype: 'F32',
      shape,
      data: Float32Array.from(both, x => x[k]),
    })
    const out = join(folder, 'combined')
    await writeAdapter(out, { program: 'std.recipes.red', model: join(folder, 'model-3'), seed: 0 })
    const stored = new Map([['edits.scale', tensor(0)] as const, ['edits.offset', tensor(1)] as const])
    await writeSafetensors(join(out, 'adapter_model.safetensors'), stored)
    return out
  }

  it('act one after the other, each as strong as is asked for', async () => {
    const [a, b] = await made(3, [methods[0]!, methods[0]!])
    const sum = `${a} + 0.5 * ${b}`
    const { sequence, close } = await openAdapters(device, [sum])
    const [found, half, none] = await sequence.next(
      [
        [2, 4, 6],
        [2, 4, 6],
        [2, 4, 6],
      ],
      {
        adapters: [{ adapter: sum }, { adapter: sum, strength: 0.5 }, {}],
      },
    )
    await close()
    const part = ([s, o]: readonly [number, number], k: number) => [1 + k * (s - 1), k * o] as const
    const after = (x: readonly [number, number], y: readonly [number, number]) =>
      [y[0] * x[0], y[0] * x[1] + y[1]] as const
    for (const [wanted, k] of [
      [found, 1],
      [half, 0.5],
      [none, 0],
    ] as const) {
      const one = await openRun(device, await combine([a!, b!], (x, y) => after(part(x, k), part(y, k / 2))))
      const [alone] = await one.sequence.next([[2, 4, 6]])
      await one.close()
      expect(furthest(alone!, wanted!)).toBeLessThan(1e-4)
    }
  }, 240_000)

  it('are refused by name where they are of different models, or not opened', async () => {
    const [a] = await made(4, [methods[0]!])
    const [b] = await made(5, [methods[0]!])
    const error = await userError(openAdapters(device, [`${a} + ${b}`]))
    expect(error.what).toMatch(/the adapter was trained on another model/)
    expect(error.where).toBe(b)
    const { sequence, close } = await openAdapters(device, [a!])
    const other = await userError(sequence.next([[1]], { adapters: [{ adapter: b! }] }))
    expect(other.what).toBe(`the adapter ${b} was not opened`)
    await close()
  })
})
