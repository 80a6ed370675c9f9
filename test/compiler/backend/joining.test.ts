import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { cast, f32, i32, index, prim } from '../../../compiler/ir/expr.js'
import type { Axis, Expr } from '../../../compiler/ir/ir.js'
import type { Device } from '../../../runtime/node.js'
import { compare, compareSchedules, openTestDevice } from './agree.js'
import { Program } from './programs.js'

let device: Device
beforeAll(async () => {
  device = await openTestDevice()
})
afterAll(() => device.close())

/** The number of kernels of a program, after checking that it agrees with the interpreter. */
const kernelsOf = async (write: (p: Program) => void): Promise<number> => {
  const p = new Program()
  write(p)
  const graph = p.finish()
  const { error, where } = await compare(device, graph, p.data)
  expect(error, where).toBeLessThan(1e-5)
  return compileGraph(graph, device.traits).steps.length
}

const square = (e: Expr): Expr => prim('mul', e, e)

/** Tensors divided by 1 + the norm of them all. */
const clip = (p: Program, ...shapes: readonly (readonly number[])[]): void => {
  const parts = shapes.map((shape, i) => {
    const x = p.input(`x${i}`, ...shape)
    const axes = shape.map((n, j) => p.axis(`a${j}`, n))
    return { x, shape, norm: p.reduce(`norm${i}`, 'sum', [], axes, square(p.at(x, ...axes))) }
  })
  const total = parts.map(({ norm }) => p.at(norm)).reduce((a, b) => prim('add', a, b))
  parts.forEach(({ x, shape }, i) => {
    const axes = shape.map((n, j) => p.axis(`b${j}`, n))
    p.output(
      `y${i}`,
      p.map(`y${i}`, axes, prim('div', p.at(x, ...axes), prim('add', f32(1), prim('sqrt', total)))),
    )
  })
}

const curve = (p: Program, name: string, fn: 'sin' | 'cos', n: number): void => {
  const x = p.input(`of ${name}`, n)
  const i = p.axis('i', n)
  p.output(name, p.map(name, [i], prim(fn, p.at(x, i))))
}

describe('small work', () => {
  it('shares a kernel: reductions of any tensors to numbers, and the values computed from them', async () => {
    expect(await kernelsOf(p => clip(p, [3, 4], [5], [7, 2, 3], [1]))).toBe(1)
  })

  it('shares a kernel over one index space, though it reads different tensors', async () => {
    const two = (a: number, b: number) => (p: Program) => {
      curve(p, 'sine', 'sin', a)
      curve(p, 'cosine', 'cos', b)
    }
    expect(await kernelsOf(two(24, 24))).toBe(1)
    expect(await kernelsOf(two(24, 25))).toBe(2)
  })

  it('shares a kernel where index spaces differ only by axes of extent 1', async () => {
    const kernels = await kernelsOf(p => {
      const x = p.input('x', 6, 9)
      const [i, one, j, k, l] = [6, 1, 9, 6, 9].map((n, axis) => p.axis(`a${axis}`, n))
      const sine = p.map(
        'sine',
        [i!, one!, j!],
        prim('add', prim('sin', p.at(x, i!, j!)), cast('f32', index(one!))),
      )
      p.output('sine', sine)
      p.output('square', p.map('square', [k!, l!], square(p.at(sine, k!, i32(0), l!))))
    })
    expect(kernels).toBe(1)
  })

  it('stays apart where it is large', async () => {
    expect(await kernelsOf(p => clip(p, [5], [100, 100]))).toBe(2)
    const n = 2 ** 16
    expect(
      await kernelsOf(p => {
        curve(p, 'sine', 'sin', n)
        curve(p, 'cosine', 'cos', n)
      }),
    ).toBe(2)
  })

  it('stays apart where another kernel comes between', async () => {
    const kernels = await kernelsOf(p => {
      const x = p.input('x', 6, 9)
      const [a, b, i, j, k] = [6, 9, 6, 9, 6].map((n, axis) => p.axis(`a${axis}`, n))
      const sum = p.reduce('sum', 'sum', [], [a!, b!], square(p.at(x, a!, b!)))
      p.output('sum', sum)
      const rows = p.reduce('rows', 'max', [i!], [j!], prim('mul', p.at(x, i!, j!), p.at(sum)))
      p.output('last', p.reduce('last', 'sum', [], [k!], square(p.at(rows, k!))))
    })
    expect(kernels).toBe(3)
  })

  it('stays apart where a row reads another row', async () => {
    const kernels = await kernelsOf(p => {
      const x = p.input('x', 6, 9)
      const [i, j, k] = [6, 9, 6].map((n, axis) => p.axis(`a${axis}`, n))
      const rows = p.reduce('rows', 'sum', [i!], [j!], square(p.at(x, i!, j!)))
      p.output('rows', rows)
      p.output('last', p.map('last', [k!], prim('sin', p.at(rows, prim('sub', i32(5), index(k!))))))
    })
    expect(kernels).toBe(2)
  })

  it('stays apart from work that reads a large tensor', async () => {
    const few = (rows: number) => (p: Program) => {
      const [i, j, k] = [rows, 2, 8].map((n, axis) => p.axis(`a${axis}`, n))
      const big = p.reduce('big', 'sum', [i!], [j!], square(p.at(p.input('x', rows, 2), i!, j!)))
      p.output('big', big)
      p.output('some', p.map('some', [k!], prim('sin', p.at(big, index(k!)))))
      curve(p, 'curve', 'cos', 8)
    }
    expect(await kernelsOf(few(2 ** 10))).toBe(2)
    expect(await kernelsOf(few(2 ** 17))).toBe(3)
  })

  it('binds no more buffers than a stage allows', async () => {
    const curves = (p: Program): void => {
      for (let i = 0; i < 12; i++) curve(p, `curve ${i}`, i % 2 === 0 ? 'sin' : 'cos', 24)
    }
    const p = new Program()
    curves(p)
    const kernels = [8, 10, 24].map(storageBuffersPerStage => {
      const a = compileGraph(p.finish(), { ...device.traits, storageBuffersPerStage })
      expect(a.requires.storageBuffersPerStage).toBeLessThanOrEqual(storageBuffersPerStage)
      return a.steps.length
    })
    expect(kernels).toEqual([3, 3, 1])
    await kernelsOf(curves)
  })
})

type Reader = 'alone' | 'beside another' | 'of other rows'

/** Rows of `v` weighted by a softmax, and a matrix times a normalised row of them. */
const weighted = (p: Program, H: number, S: number, D: number, reader: Reader = 'alone'): void => {
  const [x, v] = [p.input('x', H, S), p.input('v', H, S, D)]
  const [h, s, d] = [p.axis('h', H), p.axis('s', S), p.axis('d', D)]
  const top = p.reduce('top', 'max', [h], [s], p.at(x, h, s))
  const [i, j] = [p.axis('i', H), p.axis('j', S)]
  const e = prim('exp', prim('sub', p.at(x, i, j), p.at(top, i)))
  const total = p.reduce('total', 'sum', [i], [j], e)
  const [k, l] = [p.axis('k', H), p.axis('l', S)]
  const soft = prim('div', prim('exp', prim('sub', p.at(x, k, l), p.at(top, k))), p.at(total, k))
  const weights = p.map('weights', [k, l], soft)
  const [a, b, c] = [p.axis('a', H), p.axis('b', S), p.axis('c', D)]
  const row = reader === 'of other rows' ? prim('sub', i32(H - 1), index(a)) : index(a)
  const mean = p.reduce('mean', 'sum', [a, c], [b], prim('mul', p.at(weights, row, b), p.at(v, a, b, c)))
  p.output('mean', mean)
  if (reader === 'beside another')
    p.output(
      'other',
      p.reduce('other', 'max', [d], [h, s], prim('mul', p.at(weights, h, s), p.at(v, h, s, d))),
    )
}

const normed = (p: Program, E: number, D: number): void => {
  const [x, w, m] = [p.input('x', E), p.input('w', E), p.input('m', D, E)]
  const [i, j, e, d] = [p.axis('i', E), p.axis('j', E), p.axis('e', E), p.axis('d', D)]
  const scale = p.reduce('scale', 'sum', [], [i], square(p.at(x, i)))
  const n = prim('mul', prim('mul', p.at(x, j), prim('rsqrt', prim('add', p.at(scale), f32(1)))), p.at(w, j))
  const row = p.map('row', [j], n)
  p.output('y', p.reduce('y', 'sum', [d], [e], prim('mul', p.at(row, e), p.at(m, d, e))))
}

/** Rows of `v` weighted by the product of two softmaxes. */
const twiceWeighted = (p: Program, S: number, D: number): void => {
  const [s, d] = [p.axis('s', S), p.axis('d', D)]
  const weights = ['x', 'y'].map(name => {
    const x = p.input(name, S)
    const [i, j, k] = [p.axis('i', S), p.axis('j', S), p.axis('k', S)]
    const top = p.reduce(`top ${name}`, 'max', [], [i], p.at(x, i))
    const e = (a: Axis): Expr => prim('exp', prim('sub', p.at(x, a), p.at(top)))
    const total = p.reduce(`total ${name}`, 'sum', [], [j], e(j))
    return p.at(p.map(name, [k], prim('div', e(k), p.at(total))), s)
  })
  const all = [...weights, p.at(p.input('v', S, D), s, d)].reduce((a, b) => prim('mul', a, b))
  p.output('mean', p.reduce('mean', 'sum', [d], [s], all))
}

describe('a coarse row', () => {
  it('is reduced again in finer rows, if only they read it', { timeout: 240_000 }, async () => {
    expect(await kernelsOf(p => weighted(p, 6, 128, 48))).toBe(1)
    expect(await kernelsOf(p => normed(p, 288, 288))).toBe(1)
    const size = fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 1, max: 70 }))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), size, size, fc.boolean(), async (H, S, D, norm) => {
        const p = new Program()
        if (norm) normed(p, S, D)
        else weighted(p, H, S, D)
        const { error, where } = await compareSchedules(device, p.finish(), p.data)
        expect(error, where).toBeLessThan(1e-4)
      }),
      {
        numRuns: 8,
        examples: [
          [6, 128, 48, false],
          [1, 288, 288, true],
          [3, 33, 1, false],
          [6, 8, 0, false],
          [1, 8, 0, true],
        ],
      },
    )
  })

  it('stays apart if others read it, if rows read other rows, and if repeating it takes long', async () => {
    expect(await kernelsOf(p => weighted(p, 6, 64, 12, 'beside another'))).toBe(3)
    expect(await kernelsOf(p => weighted(p, 6, 64, 12, 'of other rows'))).toBe(2)
    expect(await kernelsOf(p => weighted(p, 6, 512, 96))).toBe(2)
  })

  it('stays apart if the kernel already repeats as much for others', async () => {
    expect(await kernelsOf(p => twiceWeighted(p, 6000, 2))).toBe(1)
    expect(await kernelsOf(p => twiceWeighted(p, 6000, 8))).toBe(2)
    expect(await kernelsOf(p => twiceWeighted(p, 6000, 30))).toBe(3)
  })

  it('stays apart on a GPU', () => {
    const p = new Program()
    weighted(p, 6, 128, 48)
    expect(compileGraph(p.finish(), { ...device.traits, software: false }).kernels.length).toBe(2)
  })
})

/** A matrix times a vector that is divided by its norm, read at `at` of the sum's axis. */
const shifted = (p: Program, E: number, D: number, at: (e: Axis) => Expr): void => {
  const [x, m] = [p.input('x', E), p.input('m', D, E)]
  const [i, j, e, d] = [p.axis('i', E), p.axis('j', E), p.axis('e', E), p.axis('d', D)]
  const norm = p.reduce('norm', 'sum', [], [i], square(p.at(x, i)))
  const row = p.map('row', [j], prim('mul', prim('sin', p.at(x, j)), prim('rsqrt', p.at(norm))))
  p.output('y', p.reduce('y', 'sum', [d], [e], prim('mul', p.at(row, at(e)), p.at(m, d, e))))
}

describe('a single row', () => {
  const textOf = (write: (p: Program) => void, software = true): readonly string[] => {
    const p = new Program()
    write(p)
    return compileGraph(p.finish(), { ...device.traits, software }).kernels.map(k => k.wgsl)
  }

  it('is computed once by each workgroup, before its rows', async () => {
    const many = (p: Program): void => normed(p, 288, 3000)
    expect(await kernelsOf(many)).toBe(1)
    const [text] = textOf(many)
    expect(text).toContain('var own')
    expect(text!.indexOf('inverseSqrt')).toBeLessThan(text!.indexOf('for (var step'))
    expect(await kernelsOf(p => twiceWeighted(p, 3000, 60))).toBe(1)
  })

  it('is right with every schedule', { timeout: 240_000 }, async () => {
    for (const [E, D] of [
      [32, 1],
      [33, 7],
      [36, 100],
      [288, 1000],
    ] as const) {
      const p = new Program()
      normed(p, E, D)
      const { error, where } = await compareSchedules(device, p.finish(), p.data)
      expect(error, `${E}, ${D}: ${where}`).toBeLessThan(1e-4)
    }
  })

  it('stays apart if a lane would read what another has computed, if it is long, and on a GPU', async () => {
    const [same, turned] = [index, (e: Axis) => prim('sub', i32(287), index(e))]
    expect(await kernelsOf(p => shifted(p, 288, 3000, same))).toBe(1)
    expect(await kernelsOf(p => shifted(p, 288, 3000, turned))).toBe(2)
    expect(await kernelsOf(p => normed(p, 5000, 700))).toBe(2)
    expect(textOf(p => normed(p, 288, 3000), false).length).toBe(2)
  })
})

/** Sums of a vector's products with several matrices, their largest products, and the largest of each sum. */
const several = (p: Program, M: number, K: number, ops: readonly ('sum' | 'max')[]): void => {
  const x = p.input('x', K)
  ops.forEach((op, n) => {
    const [m, k] = [p.axis('m', M), p.axis('k', K)]
    const a = p.input(`a${n}`, M, K)
    p.output(`y${n}`, p.reduce(`y${n}`, op, [m], [k], prim('mul', p.at(a, m, k), p.at(x, k))))
  })
}

describe('reductions over the same axes', () => {
  const loopsIn = (write: (p: Program) => void): number => {
    const p = new Program()
    write(p)
    const { kernels } = compileGraph(p.finish(), device.traits)
    expect(kernels.length).toBe(1)
    return kernels[0]!.wgsl.match(/for \(var j/g)!.length
  }

  it('run in one loop if they read something in common and not too much', { timeout: 240_000 }, async () => {
    expect(loopsIn(p => several(p, 100, 64, ['sum', 'sum', 'sum']))).toBe(1)
    expect(loopsIn(p => several(p, 100, 64, ['sum', 'max', 'sum', 'sum']))).toBe(1)
    expect(loopsIn(p => several(p, 100, 64, ['sum', 'sum', 'sum', 'sum', 'sum', 'sum']))).toBe(2)
    for (const [M, K] of [
      [3, 5],
      [100, 64],
      [33, 130],
    ] as const) {
      const p = new Program()
      several(p, M, K, ['sum', 'max', 'sum'])
      const { error, where } = await compareSchedules(device, p.finish(), p.data)
      expect(error, `${M}, ${K}: ${where}`).toBeLessThan(1e-4)
    }
  })

  it('run one after another if one needs the other', async () => {
    const softmax = (p: Program): void => {
      const x = p.input('x', 50, 64)
      const [i, j, k, l] = [p.axis('i', 50), p.axis('j', 64), p.axis('k', 50), p.axis('l', 64)]
      const top = p.reduce('top', 'max', [i], [j], p.at(x, i, j))
      const e = prim('exp', prim('sub', p.at(x, k, l), p.at(top, k)))
      p.output('total', p.reduce('total', 'sum', [k], [l], e))
    }
    expect(loopsIn(softmax)).toBe(2)
    expect(await kernelsOf(softmax)).toBe(1)
  })

  it('share a kernel, as a maximum and its position', async () => {
    const best = (p: Program): void => {
      const x = p.input('x', 3, 500)
      for (const op of ['argmax', 'max'] as const) {
        const [i, j] = [p.axis('i', 3), p.axis('j', 500)]
        p.output(op, p.reduce(op, op, [i], [j], p.at(x, i, j)))
      }
    }
    expect(await kernelsOf(best)).toBe(1)
  })
})
