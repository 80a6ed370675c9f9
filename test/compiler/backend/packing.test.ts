import { describe, expect, it } from 'vitest'
import type { Packing } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { index, prim, read } from '../../../compiler/ir/expr.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { bytesOf, packInputs } from '../../../compiler/ir/packing.js'
import { verify } from '../../../compiler/ir/verify.js'
import { DeviceTensor } from '../../../runtime/node.js'
import { withDevice } from '../../support/device.js'
import { gpu } from '../../support/traits.js'
import { randomGraph, randomNumbers } from '../ir/random-graph.js'
import { compare, runArtifact } from './agree.js'
import * as programs from './programs.js'

const packings: readonly Packing[] = ['f16', 'bf16', 'q8']

/** The graph with every f32 input packed in the same way. */
const allAs = (graph: Graph, packing: Packing): Graph => packInputs(graph, () => packing)

/** The buffers that a kernel binds, by their declared element types. */
const declared = (graph: Graph, traits: Parameters<typeof compileGraph>[1]): string =>
  compileGraph(graph, traits)
    .kernels.flatMap(k => [...k.wgsl.matchAll(/(\w+): array<(.*)>;/g)].map(m => `${m[1]}: ${m[2]}`))
    .join(', ')

withDevice('packed inputs', device => {
  for (const fuse of [true, false])
    it(`mean on the device what they mean to the interpreter, ${fuse ? 'fused' : 'one kernel a node'}`, {
      timeout: 240_000,
    }, async () => {
      for (let seed = 2000; seed < (fuse ? 2006 : 2003); seed++) {
        const { graph, inputs } = randomGraph(seed)
        const random = randomNumbers(seed)
        const mixed = packInputs(graph, () => [undefined, ...packings][Math.floor(4 * random())])
        const { error, where } = await compare(device, mixed, inputs, { fuse })
        expect(error, `seed ${seed}, ${where}`).toBeLessThan(1e-3)
      }
    })

  for (const packing of packings) {
    const shapes = [
      [1, 5, 7, 9],
      [2, 33, 8, 40],
      [3, 17, 62, 12],
      [1, 40, 64, 64],
    ] as const
    it(`${packing}: products with either operand packed, either way round`, {
      timeout: 240_000,
    }, async () => {
      for (const [b, m, k, n] of shapes) {
        const p = new programs.Program()
        const ax = { b: p.axis('b', b), m: p.axis('m', m), k: p.axis('k', k), n: p.axis('n', n) }
        const shape = { m, k, n }
        const operand = (name: string, axes: string) => {
          const letters = [...axes] as ('m' | 'k' | 'n')[]
          const node = p.input(`${name}_${axes}`, b, ...letters.map(c => shape[c]))
          return read(
            node,
            'f32',
            [ax.b, ...letters.map(c => ax[c])].map(a => index(a)),
          )
        }
        for (const left of ['mk', 'km'])
          for (const right of ['kn', 'nk']) {
            const body = prim('mul', operand(`plain_${right}`, left), operand(`packed_${left}`, right))
            p.output(`${left}${right}`, p.reduce('product', 'sum', [ax.b, ax.m, ax.n], [ax.k], body))
          }
        const graph = packInputs(p.finish(), name => (name.startsWith('packed') ? packing : undefined))
        // The largest shape is also computed by the schedules of a GPU.
        for (const traits of m === 40 ? [{}, { software: false }] : [{}]) {
          const { error, where } = await compare(device, graph, p.data, { traits })
          expect(error, `${b} × ${m}×${k}×${n}, ${where}`).toBeLessThan(1e-5)
        }
      }
    })

    it(`${packing}: a layer, rows, gathers, long sums and matrices times vectors`, {
      timeout: 240_000,
    }, async () => {
      const write: readonly ((p: programs.Program) => void)[] = [
        p => programs.layer(p, { B: 2, T: 12, H: 2, D: 8, F: 36 }, 3),
        p => programs.layer(p, { B: 1, T: 3, H: 1, D: 5, F: 7 }, 2),
        p => programs.softmax(p, 5, 67),
        p => programs.softmax(p, 19, 64),
        p => programs.crossEntropy(p, 9, 50),
        p => programs.scatter(p, 70, 12, 9),
        p => {
          const [w, x] = [p.input('w', 1028, 1024), p.input('x', 1024)]
          const [m, k] = [p.axis('m', 1028), p.axis('k', 1024)]
          p.output('y', p.reduce('y', 'sum', [m], [k], prim('mul', p.at(w, m, k), p.at(x, k))))
        },
        p => {
          for (const width of [8, 9]) {
            const [embed, tokens] = [p.input(`embed${width}`, 11, width), p.tokens(`t${width}`, 11, 6)]
            const [t, e] = [p.axis('t', 6), p.axis('e', width)]
            p.output(`x${width}`, p.map('x', [t, e], p.at(embed, p.at(tokens, t), e)))
          }
        },
      ]
      for (const [i, w] of write.entries()) {
        const p = new programs.Program()
        w(p)
        const { error, where } = await compare(device, allAs(p.finish(), packing), p.data)
        expect(error, `program ${i}, ${where}`).toBeLessThan(1e-4)
      }
    })
  }

  it('read every finite f16 exactly, four at a time and one by one', async () => {
    const words = Uint16Array.from({ length: 65536 }, (_, i) => i).filter(w => (w & 0x7c00) !== 0x7c00)
    const values = [...words].map(w => {
      const exponent = (w >> 10) & 31
      const size = exponent === 0 ? (w & 1023) * 2 ** -24 : (1 + (w & 1023) / 1024) * 2 ** (exponent - 15)
      return w & 0x8000 ? -size : size
    })
    for (const length of [values.length, values.length - 3]) {
      const b = new Builder()
      const x = b.input('x', 'f32', [length])
      const i = b.axis('i', length)
      const y = b.compute({
        dtype: 'f32',
        dims: [[i]],
        body: read(x, 'f32', [index(i)]),
        origin: { label: 'y' },
      })
      b.output('y', y)
      const artifact = compileGraph(allAs(b.finish(), 'f16'), device.traits)
      const out = await runArtifact(device, artifact, new Map([['x', values.slice(0, length)]]))
      const wrong = [...Array(length).keys()].filter(j => out.get('y')![j] !== values[j])
      expect(wrong).toEqual([])
    }
  })

  it('take what the artifact says', () => {
    for (const packing of packings)
      for (const elements of [1, 31, 32, 33, 1000])
        expect(new DeviceTensor(device, { dtype: 'f32', label: 'x', packing }, [elements]).bytes).toBe(
          bytesOf(elements, packing),
        )
  })
})

describe('text of packed kernels', () => {
  const doubled = (size: number): Graph => {
    const p = new programs.Program()
    const x = p.input('x', size)
    const i = p.axis('i', size)
    p.output('y', p.map('y', [i], prim('add', p.at(x, i), p.at(x, i))))
    return p.finish()
  }

  it('loads four neighbours at once, with one scale for them', () => {
    const text = (packing: Packing): string =>
      /x_v\d+ = (.*);/.exec(compileGraph(allAs(doubled(512), packing), gpu).kernels[0]!.wgsl)![1]!
    expect(text('f16')).toBe('f16x4(x[i])')
    expect(text('bf16')).toBe('bf16x4(x[i])')
    expect(text('q8')).toBe('q8x4(x[i], x[128 + (i >> 3u)])')
    expect(declared(allAs(doubled(512), 'f16'), gpu)).toBe('x: vec2<u32>, y: vec4<f32>')
    expect(declared(allAs(doubled(511), 'f16'), gpu)).toBe('x: u32, y: f32')
  })

  it('counts the bytes that are stored', () => {
    const bytes = (graph: Graph) => {
      const { kernels, buffers } = compileGraph(graph, gpu)
      return { kernel: kernels[0]!.bytes, input: buffers.find(b => b.role === 'input')!.bytes }
    }
    expect(bytes(doubled(512))).toEqual({ kernel: 4096, input: 2048 })
    expect(bytes(allAs(doubled(512), 'bf16'))).toEqual({ kernel: 3072, input: 1024 })
    expect(bytes(allAs(doubled(512), 'q8'))).toEqual({ kernel: 2624, input: 576 })
  })

  it('packs f32 only', () => {
    const b = new Builder()
    const x = b.input('x', 'i32', [4])
    const i = b.axis('i', 4)
    b.output(
      'y',
      b.compute({ dtype: 'i32', dims: [[i]], body: read(x, 'i32', [index(i)]), origin: { label: 'y' } }),
    )
    const graph = b.finish()
    expect(allAs(graph, 'f16')).toEqual(graph)
    const nodes = graph.nodes.map(n => (n.kind === 'input' ? { ...n, packing: 'f16' as const } : n))
    expect(verify({ ...graph, nodes })).toEqual(['%0 (x): is i32, and only f32 is packed as f16'])
  })
})
