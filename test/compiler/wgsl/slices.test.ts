import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { affineAxis } from '../../../compiler/affine/affine.js'
import { affineAdd } from '../../../compiler/affine/affine-of.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { prim } from '../../../compiler/ir/expr.js'
import type { Graph, Region } from '../../../compiler/ir/ir.js'
import { packInputs } from '../../../compiler/ir/packing.js'
import type { Access } from '../../../compiler/wgsl/accesses.js'
import { bindingBaseOf, slicesOf } from '../../../compiler/wgsl/slices.js'
import type { Device } from '../../../runtime/node.js'
import { compare, openTestDevice } from '../backend/agree.js'
import { Program } from '../backend/programs.js'

const traits = (bindingAlignment: number) => ({ bindingAlignment, bindingBytes: 2 ** 27 })

const storage = (elements: number) => ({ id: 0, name: 'x', dtype: 'f32', elements }) as const

describe('a slice', () => {
  const loop = (id: number, extent: number): Region => ({
    id,
    axis: { id, name: `l${id}`, extent },
    direction: 'up',
  })

  it('contains every address of every iteration, counted from its start', () => {
    const count = fc.integer({ min: 1, max: 5 })
    fc.assert(
      fc.property(
        count,
        count,
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 3 })), {
          minLength: 1,
          maxLength: 3,
        }),
        (outer, inner, width, accesses) => {
          const loops = [loop(1, outer), loop(2, inner)]
          const slot = 64 * Math.ceil(width / 64)
          // One slot more than iterations, as in a carry. An access may be to the next slot, and some
          // elements further.
          const s = storage((outer + 1) * inner * slot)
          const moves = affineAdd(affineAxis(loops[0]!.axis, inner * slot), affineAxis(loops[1]!.axis, slot))
          const addresses = accesses.map(([next, more]): Access => {
            const low = next * slot + Math.min(more, slot - width)
            return { storage: 0, moves, low, high: low + width - 1 }
          })
          const base = bindingBaseOf(s, addresses, loops, traits(256))
          if (base === undefined) return
          const slice = slicesOf(s, base, loops)[0]!
          for (let l = 0; l < outer; l++)
            for (let m = 0; m < inner; m++) {
              const begin = slice.offset + slice.strides[0]! * l + slice.strides[1]! * m
              expect(begin % 256).toBe(0)
              for (const [next, more] of accesses)
                for (const at of [0, width - 1]) {
                  const address = 4 * ((l * inner + m + next) * slot + Math.min(more, slot - width) + at)
                  expect(address).toBeGreaterThanOrEqual(begin)
                  expect(address).toBeLessThan(begin + slice.size)
                }
            }
        },
      ),
    )
  })

  it('is not bound where accesses move differently, offsets are not aligned, or scales lie behind', () => {
    const l = loop(1, 4)
    const at = (step: number, low = 0): Access => ({
      storage: 0,
      moves: affineAxis(l.axis, step),
      low,
      high: low + 31,
    })
    expect(bindingBaseOf(storage(1024), [at(64), at(128)], [l], traits(256))).toBeUndefined()
    expect(bindingBaseOf(storage(1024), [at(36)], [l], traits(256))).toBeUndefined()
    expect(bindingBaseOf(storage(1024), [at(36)], [l], traits(16))).toBeDefined()
    expect(bindingBaseOf({ ...storage(1024), packing: 'q8' }, [at(64)], [l], traits(16))).toBeUndefined()
  })

  it('begins inside its buffer in every iteration', () => {
    const l = loop(1, 4)
    const at = (low: number): Access => ({ storage: 0, moves: affineAxis(l.axis, 64), low, high: low + 63 })
    const begins = (low: number) => bindingBaseOf(storage(256), [at(low)], [l], traits(256))?.before.constant
    expect(begins(0)).toBe(0)
    expect(begins(64)).toBe(0)
    expect(begins(-64)).toBeUndefined()
    expect(bindingBaseOf(storage(192), [at(0)], [l], traits(256))).toBeUndefined()
  })
})

/** A program that is compiled but not run. */
class Planned extends Program {
  override input(name: string, ...shape: readonly number[]): number {
    return this.b.input(name, 'f32', shape)
  }
}

describe('layers', () => {
  let device: Device
  beforeAll(async () => {
    device = await openTestDevice()
  })
  afterAll(() => device.close())

  /** x ← tanh(w[l] x) for each layer, `width` numbers wide. */
  const layers = (count: number, width: number, p = new Program()): Program => {
    const [l, i, j] = [p.axis('l', count), p.axis('i', width), p.axis('j', width)]
    const w = p.input('w', count, width, width)
    const init = p.map('init', [i], p.at(p.input('x', width), i))
    const region = p.b.region(l, 'up').id
    const x = p.b.openCarry({
      dtype: 'f32',
      shape: [count + 1, width],
      region,
      init,
      origin: { label: 'x' },
    })
    const product = p.reduce(
      'product',
      'sum',
      [l, i],
      [j],
      prim('mul', p.at(w, l, i, j), p.at(x, l, j)),
      region,
    )
    p.b.closeCarry(x, p.map('next', [l, i], prim('tanh', p.at(product, l, i)), region))
    const s = p.axis('s', count + 1)
    p.output('all', p.map('all', [s, i], p.at(x, s, i)))
    return p
  }

  it('bind only their own weights, so all layers together may be larger than a binding', () => {
    const p = layers(8, 64)
    const { requires } = compileGraph(p.finish(), { ...device.traits, bindingBytes: 4 * 64 * 64 })
    expect(requires.bindingBytes).toBe(4 * 64 * 64)
  })

  it('are refused where a kernel cannot count the elements that it binds', () => {
    const most = 2 ** 31 - 1
    const vector = (n: number): Graph => {
      const p = new Planned()
      const i = p.axis('i', n)
      p.output('y', p.reduce('y', 'sum', [], [i], p.at(p.input('x', n), i)))
      return p.finish()
    }
    const found = (graph: Graph) => compileGraph(graph, device.traits).requires.unaddressable
    expect(found(vector(most))).toEqual([])
    expect(found(vector(most + 1))).toEqual([{ tensor: 'x', elements: most + 1, most }])
    // 32 layers of 2^26 elements, bound one at a time, except with q8, whose scales lie behind all layers.
    const graph = layers(32, 2 ** 13, new Planned()).finish()
    expect(found(graph)).toEqual([])
    expect(found(packInputs(graph, name => (name === 'w' ? 'f16' : undefined)))).toEqual([])
    expect(found(packInputs(graph, name => (name === 'w' ? 'q8' : undefined)))).toEqual([
      { tensor: 'w', elements: most + 1, most, packing: 'q8' },
    ])
  })

  it('give what the interpreter gives, aligned or not', { timeout: 120_000 }, async () => {
    for (const width of [64, 36, 5])
      for (const count of [1, 2, 5]) {
        const p = layers(count, width)
        const { error, where } = await compare(device, p.finish(), p.data)
        expect(error, where).toBeLessThan(1e-5)
      }
  })
})
