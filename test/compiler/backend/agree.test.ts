import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { index, prim, read } from '../../../compiler/ir/expr.js'
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
    ['layers in a loop', p => programs.layer(p, { B: 2, T: 12, H: 2, D: 8, F: 36 }, 3), 12],
  ]
  for (const [name, write, kernels] of cases)
    it(name, { timeout: 240_000 }, async () => {
      const p = new programs.Program()
      write(p)
      const { error, where, artifact } = await compare(device, p.finish(), p.data)
      expect(error, where).toBeLessThan(1e-4)
      expect(artifact.kernels.length, artifact.kernels.map(k => k.name).join(', ')).toBe(kernels)
    })
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
