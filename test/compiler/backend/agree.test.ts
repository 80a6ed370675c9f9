import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cast, constant, i32, index, prim, read } from '../../../compiler/ir/expr.js'
import type { Device } from '../../../runtime/node.js'
import { randomGraph } from '../ir/random-graph.js'
import { compare, openTestDevice } from './agree.js'
import * as programs from './programs.js'

let device: Device
beforeAll(async () => {
  device = await openTestDevice()
})
afterAll(() => device.close())

describe('a device gives what the interpreter gives', () => {
  for (const fuse of [false, true])
    it(`on random graphs, ${fuse ? 'fused' : 'one kernel a node'}`, { timeout: 240_000 }, async () => {
      for (let seed = 1000; seed < 1012; seed++) {
        const { graph, inputs } = randomGraph(seed)
        const { error, where } = await compare(device, graph, inputs, { fuse })
        expect(error, `seed ${seed}, ${where}`).toBeLessThan(1e-3)
      }
    })

  const cases: readonly [string, (p: programs.Program) => void, number][] = [
    ['softmax', p => programs.softmax(p, 19, 64), 1],
    ['softmax of odd width', p => programs.softmax(p, 5, 7), 1],
    ['cross-entropy', p => programs.crossEntropy(p, 20, 300), 2],
    ['the gradient of an embedding', p => programs.scatter(p, 50, 24, 30), 1],
    ['layers in a loop', p => programs.layer(p, { B: 2, T: 12, H: 2, D: 8, F: 36 }, 3), 11],
  ]
  for (const [name, write, kernels] of cases)
    it.each([
      ['', {}],
      [' with the kernels of a GPU', { software: false }],
    ])(`${name}%s`, { timeout: 240_000 }, async (_, traits) => {
      const p = new programs.Program()
      write(p)
      const { error, where, artifact } = await compare(device, p.finish(), p.data, { traits })
      expect(error, where).toBeLessThan(1e-4)
      expect(artifact.kernels.length, artifact.kernels.map(k => k.name).join(', ')).toBe(kernels)
    })
})

it('multiplies several matrices by one vector in one kernel, with what is made of the products', async () => {
  const p = new programs.Program()
  const [x, a, b] = [p.input('x', 40), p.input('a', 24, 40), p.input('b', 24, 40)]
  const [i, j] = [p.axis('i', 24), p.axis('j', 40)]
  const times = (m: number) => p.reduce('times', 'sum', [i], [j], prim('mul', p.at(m, i, j), p.at(x, j)))
  const [ax, bx] = [times(a), times(b)]
  p.b.output('gated', p.map('gated', [i], prim('mul', prim('sigmoid', p.at(ax, i)), p.at(bx, i))))
  const { error, where, artifact } = await compare(device, p.finish(), p.data)
  expect(error, where).toBeLessThan(1e-4)
  expect(artifact.kernels.length).toBe(1)
})

describe('contractions', () => {
  const shapes = [
    [1, 5, 7, 9],
    [2, 33, 8, 40],
    [3, 17, 64, 12],
    [1, 40, 4, 64],
  ] as const
  for (const [b, m, k, n] of shapes)
    for (const lanes of [undefined, 0])
      it(`${b} × ${m}×${k}×${n}${lanes === 0 ? ' without subgroups' : ''}`, {
        timeout: 240_000,
      }, async () => {
        const p = new programs.Program()
        const ax = { b: p.axis('b', b), m: p.axis('m', m), k: p.axis('k', k), n: p.axis('n', n) }
        const shape = { m, k, n }
        for (const left of ['mk', 'km'])
          for (const right of ['kn', 'nk']) {
            const operand = (name: string, axes: string) => {
              const letters = [...axes] as ('m' | 'k' | 'n')[]
              const node = p.input(`${name}_${axes}`, b, ...letters.map(c => shape[c]))
              return read(
                node,
                'f32',
                [ax.b, ...letters.map(c => ax[c])].map(a => index(a)),
              )
            }
            const body = prim('mul', operand(`a_${right}`, left), operand(`b_${left}`, right))
            p.output(`${left}${right}`, p.reduce('product', 'sum', [ax.b, ax.m, ax.n], [ax.k], body))
          }
        const traits = lanes === undefined ? {} : { traits: { subgroupSize: lanes } }
        const { error, where, artifact } = await compare(device, p.finish(), p.data, traits)
        expect(error, where).toBeLessThan(1e-5)
        expect(artifact.kernels.every(x => x.schedule.startsWith('contract'))).toBe(true)
      })
})

describe('whole numbers', () => {
  const ops = ['idiv', 'mod', 'add', 'sub', 'mul', 'pow', 'min', 'max', 'neg', 'abs', 'sign'] as const
  for (const dtype of ['i32', 'u32'] as const)
    it(`${dtype} by ${dtype}, negative, 0 and literal ones among them`, { timeout: 240_000 }, async () => {
      const p = new programs.Program()
      const n = 1024
      const given = (name: string, value: (i: number) => number) => {
        p.data.set(
          name,
          Int32Array.from({ length: n }, (_, i) => value(i)),
        )
        return p.b.input(name, dtype, [n])
      }
      const least = dtype === 'i32' ? -9 : 0
      const a = given('a', i => (dtype === 'i32' ? i - 500 : i * 7))
      const b = given('b', i => least + (i % 17))
      // Not a multiple of 4 either.
      for (const extent of [n, n - 3]) {
        const i = p.axis('i', extent)
        const own = dtype === 'i32' ? index(i) : cast('u32', index(i))
        for (const op of ops) {
          const unary = op === 'neg' || op === 'abs' || op === 'sign'
          const cases = unary
            ? { data: prim(op, p.at(a, i)), index: prim(op, own) }
            : {
                data: prim(op, p.at(a, i), p.at(b, i)),
                index: prim(op, own, p.at(b, i)),
                ...Object.fromEntries(
                  (dtype === 'i32' ? [-4, -3, 0, 3, 8] : [0, 3, 8]).map(c => [
                    `by ${c}`,
                    prim('add', prim(op, p.at(a, i), constant(dtype, c)), prim(op, own, constant(dtype, c))),
                  ]),
                ),
              }
          for (const [name, body] of Object.entries(cases))
            p.output(`${op} ${name} ${extent}`, p.map(`${op} ${name}`, [i], body))
        }
      }
      const { error, where } = await compare(device, p.finish(), p.data)
      expect(error, where).toBe(0)
    })

  for (const op of ['sum', 'prod', 'max', 'min'] as const)
    it(`a long ${op} of a length without divisors`, { timeout: 240_000 }, async () => {
      const p = new programs.Program()
      const x = p.tokens('x', 50_000, 20_011)
      const i = p.axis('i', 20_011)
      p.output('out', p.reduce('out', op, [], [i], prim('sub', i32(op === 'max' ? -7 : 60_007), p.at(x, i))))
      const { error, where } = await compare(device, p.finish(), p.data)
      expect(error, where).toBe(0)
    })
})
