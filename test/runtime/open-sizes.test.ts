import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lower, openGraph } from '../../compiler/index.js'
import { specialiseFn } from '../../compiler/pipeline.js'
import { spreadWorkgroups } from '../../compiler/wgsl/kernel.js'
import { artifactFromJson, artifactToJson, download, load, upload } from '../../runtime/index.js'
import { countAt, gridFor, openSizesAt } from '../../runtime/open-sizes.js'
import { withDevice } from '../support/device.js'
import { programOf } from '../support/program.js'

describe('a grid for some of its workgroups', () => {
  it('has all of them under the numbers that they have in the whole grid, and few more', () => {
    const given = fc.record({ limit: fc.integer({ min: 1, max: 9 }), most: fc.integer({ min: 1, max: 700 }) })
    fc.assert(
      fc.property(given, fc.nat({ max: 700 }), ({ limit, most }, n) => {
        fc.pre(most <= limit ** 3 && n <= most)
        const whole = spreadWorkgroups(most, limit)
        const [x, y, z] = gridFor(whole, n)
        const numbers = new Set<number>()
        for (let k = 0; k < z; k++)
          for (let j = 0; j < y; j++)
            for (let i = 0; i < x; i++) numbers.add(i + whole[0] * (j + whole[1] * k))
        for (let g = 0; g < n; g++) expect(numbers.has(g)).toBe(true)
        expect(x <= whole[0] && y <= whole[1] && z <= whole[2]).toBe(true)
        expect(numbers.size).toBeLessThanOrEqual(n + whole[0] * (whole[2] > 1 ? whole[1] : 1))
      }),
    )
  })
})

describe('a number that open sizes decide', () => {
  it('is the product of its parts in parts', () => {
    const extent = { size: 1, scale: 2, shift: 1, per: 4, step: 1 }
    expect(countAt(7, [])).toBe(7)
    expect(countAt({ most: 9, per: 3, parts: [5, extent] }, [0, 6])).toBe(Math.ceil((5 * 4) / 3))
    expect(countAt({ most: 9, per: 1, parts: [{ ...extent, shift: -30 }] }, [0, 6])).toBe(0)
  })
})

const text = 'fn f(x: f32[T, 3]) -> f32[3] = for i -> sum t -> x[t, i]'

const artifactOf = (traits: Parameters<typeof lower>[1], step: number) => {
  const program = programOf(text)
  const fn = program.fns.get('main.f')!
  const graph = openGraph(
    sizes => specialiseFn(program, fn, { sizes, sizesAsInputs: true }),
    [{ name: 'T', most: 40, step }],
  )
  return lower(graph!, traits, { name: 'f' })
}

withDevice('an artifact with an open size', device => {
  it('says what it is not given', async () => {
    const artifact = artifactOf(device.traits, 4)
    expect(() => openSizesAt(artifact, {})).toThrow('It lacks T.')
    expect(() => openSizesAt(artifact, { T: 8, U: 1 })).toThrow('It has no open size U.')
    expect(() => openSizesAt(artifact, { T: 6 })).toThrow('T is 6, and must be a multiple of 4 from 0 to 40.')
    expect(() => openSizesAt(artifact, { T: 44 })).toThrow('from 0 to 40')
    expect(() => openSizesAt(artifactOf(device.traits, 1), { T: 1.5 })).toThrow('a whole number from 0 to 40')
    const { sizes: _, ...closed } = artifact
    expect(() => openSizesAt(closed, { T: 8 })).toThrow('leave out `sizes`')
  })

  it('is plain JSON, and checked like any other', async () => {
    const artifact = artifactOf(device.traits, 1)
    const executable = await load(device, artifactFromJson(artifactToJson(artifact)))
    const x = upload(device, 'f32', [40, 3], new Float32Array(120).fill(1))
    const { result } = executable.run({ x }, { sizes: { T: 7 } })
    expect([...(await download(device, [result!]))[0]!]).toEqual([7, 7, 7])
    result!.destroy()
    x.destroy()
    executable.destroy()
    const damaged = (change: (a: { sizes: { step: number }[] }) => void): unknown => {
      const copy = JSON.parse(JSON.stringify(artifact)) as { sizes: { step: number }[] }
      change(copy)
      return copy
    }
    await expect(load(device, damaged(a => (a.sizes[0]!.step = 0)) as typeof artifact)).rejects.toThrow(
      'damaged',
    )
  })

  it('runs without any position', async () => {
    const executable = await load(device, artifactOf(device.traits, 1))
    const x = upload(device, 'f32', [40, 3], new Float32Array(120).fill(Number.NaN))
    const { result } = executable.run({ x }, { sizes: { T: 0 } })
    expect([...(await download(device, [result!]))[0]!]).toEqual([0, 0, 0])
    result!.destroy()
    x.destroy()
    executable.destroy()
  })
})

withDevice('an artifact with two open sizes', device => {
  it('computes what each pair of numbers asks for', async () => {
    const program = programOf(
      'fn f(x: f32[T, A], w: f32[A]) -> f32[T] = for t -> (sum a -> x[t, a] * w[a]) + f32(10 * T + A)',
    )
    const fn = program.fns.get('main.f')!
    const sizes = [
      { name: 'T', most: 40, step: 8 },
      { name: 'A', most: 24, step: 1 },
    ]
    const graph = openGraph(at => specialiseFn(program, fn, { sizes: at, sizesAsInputs: true }), sizes)
    const executable = await load(device, lower(graph!, device.traits, { name: 'f' }))
    const shapeOf = (name: string) => executable.artifact.inputs.find(i => i.name === name)!.shape
    const [shape, width] = [shapeOf('x'), shapeOf('w')]
    const x = upload(device, 'f32', shape, new Float32Array(shape[0]! * shape[1]!).fill(2))
    const w = upload(device, 'f32', width, new Float32Array(width[0]!).fill(1))
    for (const [T, A] of [
      [8, 1],
      [40, 24],
      [24, 0],
      [16, 7],
    ] as const) {
      const { result } = executable.run({ x, w }, { sizes: { T, A } })
      const [values] = await download(device, [result!])
      expect([...values!.slice(0, T)]).toEqual(new Array(T).fill(2 * A + 10 * T + A))
      result!.destroy()
    }
    for (const t of [x, w]) t.destroy()
    executable.destroy()
  })
})

describe('a program that depends on a size in another way than by loops over it', () => {
  it('has no open graph', () => {
    for (const other of [
      'fn f(x: f32[T]) -> f32 = fold s = 0.0 for t: T -> s * 0.5 + x[t]',
      'fn f(x: f32[2, T]) -> f32[2 * T] = for (i, t) -> 2 * x[i, t]',
    ]) {
      const program = programOf(other)
      const at = (sizes: ReadonlyMap<string, number>) =>
        specialiseFn(program, program.fns.get('main.f')!, { sizes, sizesAsInputs: true })
      expect(openGraph(at, [{ name: 'T', most: 12, step: 1 }])).toBeUndefined()
    }
  })
})
