import { beforeAll, describe, expect, it } from 'vitest'
import { evaluateSize } from '../../compiler/core/size.js'
import { specialiseFn } from '../../compiler/pipeline.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import { deviceEngine, type Engine, type HostTensor } from '../../src/engine/engine.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { withDevice } from '../support/device.js'
import {
  fixture,
  flat,
  type Nested,
  onBoth,
  onStories,
  programOf,
  tensor,
  withStories,
  worstDifference,
} from './support.js'

const program = programOf(`
import std.gates
import std.edits.jola as edits
import std.models.llama
size V, T, B

fn draws(k: key) -> (f32[100000], f32[100000]) =
  let u = for i: 100000 -> uniform(k, i)
  (u, for i -> gates.sample(0.0, u[i]))

fn settled(phi: f32[N]) -> f32[N] = for i -> gates.settled(phi[i])

fn plain(w: llama.Model, tokens: idx[V][B, T]) -> f32[B, T, V] = for b -> llama.logits(w, tokens[b])

fn edited(e: edits.Edits, w: llama.Model, tokens: idx[V][B, T]) -> f32[B, T, V] =
  for b -> edits.settled_logits(e, w, tokens[b])

fn merged(e: edits.Edits, w: llama.Model, tokens: idx[V][B, T]) -> f32[B, T, V] =
  let m = merged_outputs(e, w)
  for b -> llama.logits(m, tokens[b])

fn merged_outputs(e: edits.Edits, w: llama.Model) -> llama.Model =
  llama.merge(w, edits.sites(e, edits.settled(e)))
`)

const torch = fixture<{
  readonly tokens: readonly (readonly number[])[]
  readonly edits: Readonly<Record<string, Nested>>
  readonly settled: {
    readonly scale: Nested
    readonly offset: Nested
    readonly last_logits: Nested
    readonly merged_wo_layer0_rows: Nested
    readonly merged_bo: Nested
  }
}>('torch/jola-stories260k.json')

const runFn = async (engine: Engine, name: string, inputs: ReadonlyMap<string, HostTensor>, sizes = {}) => {
  const graph = specialiseFn(program, program.fns.get(`main.${name}`)!, {
    sizes: new Map(Object.entries(sizes)),
  })
  return engine.run(graph, inputs)
}

const bits = (t: HostTensor): Uint32Array => new Uint32Array(Float32Array.from(t.data).buffer)

describe('100000 draws of a gate at φ = 0', () => {
  const keys = new Map([['k', tensor([7, 11], 'u32')]])
  onBoth(engine => {
    it('are open with chance 0.688', async () => {
      const out = await runFn(engine, 'draws', keys)
      const gates = Array.from(out.get('1')!.data)
      expect(Math.abs(gates.filter(g => g > 0).length / gates.length - 0.688)).toBeLessThan(0.01)
      expect(gates.every(g => g >= 0 && g <= 1)).toBe(true)
      // And whole with the same chance that they are shut: the stretched interval lies symmetrically.
      expect(Math.abs(gates.filter(g => g === 1).length / gates.length - 0.312)).toBeLessThan(0.01)
    })
  })

  withDevice('on both', device => {
    it('come from the same uniform bits', async () => {
      const exact = (await runFn(interpreterEngine, 'draws', keys)).get('0')!
      const ours = (await runFn(deviceEngine(device), 'draws', keys)).get('0')!
      expect(Buffer.from(bits(ours).buffer).equals(Buffer.from(bits(exact).buffer))).toBe(true)
      expect(new Set(bits(ours)).size).toBeGreaterThan(99_000)
    })
  })
})

describe('a settled gate', () => {
  onBoth(engine => {
    it('is exactly 0 at -2.398, exactly 1 at 2.398, and a half at 0', async () => {
      const phi = [-100, -5, -2.398, -2.39, 0, 2.39, 2.398, 5, 100]
      const g = (await runFn(engine, 'settled', new Map([['phi', tensor(phi)]]), { N: phi.length })).get(
        'result',
      )!
      expect(Array.from(g.data).map(x => (x === 0 || x === 1 ? x : 'between'))).toEqual([
        0,
        0,
        0,
        'between',
        'between',
        'between',
        1,
        1,
        1,
      ])
      expect(g.data[4]).toBeCloseTo(0.5, 6)
    })
  })
})

withStories('edits of stories260K', () => {
  const B = torch.tokens.length
  const T = torch.tokens[0]!.length
  const open = new Map(Object.entries(torch.edits).map(([k, x]) => [`e.${k}`, tensor(x)] as const))
  /** The same scalings and offsets behind closed gates. */
  const shut = new Map(
    [...open].map(
      ([k, t]) => [k, k.endsWith('_gate') ? { ...t, data: t.data.map(() => -2.398) } : t] as const,
    ),
  )
  const on = async (engine: Engine, name: string, edits: ReadonlyMap<string, HostTensor>) => {
    const { fn, bindings, weights } = await onStories(
      program,
      `main.${name}`,
      name === 'merged_outputs' ? {} : { B, T },
    )
    const inputs = new Map([...weights, ...edits])
    if (name !== 'merged_outputs') inputs.set('tokens', tensor(torch.tokens, 'i32'))
    return engine.run(specialiseFn(program, fn, bindings), inputs)
  }
  const logits = async (engine: Engine, name: string, edits: ReadonlyMap<string, HostTensor> = new Map()) =>
    (await on(engine, name, edits)).get('result')!

  it('train exactly L·H·(2D+2) = 720 numbers', async () => {
    const { fn, bindings } = await onStories(program, 'main.edited', { B, T })
    const param = fn.params.find(p => p.name === 'e')!
    const counts = inputsOf('e', param.type).map(s =>
      s.dims.reduce((n, d) => n * evaluateSize(d, bindings.sizes), 1),
    )
    expect(counts.reduce((a, b) => a + b, 0)).toBe(5 * 8 * (2 * 8 + 2))
    expect(counts.reduce((a, b) => a + b, 0)).toBe(720)
  })

  onBoth(engine => {
    let plain: HostTensor
    let edited: HostTensor
    beforeAll(async () => {
      plain = await logits(engine, 'plain')
      edited = await logits(engine, 'edited', open)
    })

    it('change nothing, bit for bit, while both gates are 0', async () => {
      const closed = await logits(engine, 'edited', shut)
      expect(bits(closed)).toEqual(bits(plain))
    })

    it('give the logits of PyTorch under settled gates', () => {
      const last = torch.tokens.flatMap((_, b) => {
        const at = (b * T + T - 1) * 512
        return Array.from(edited.data.slice(at, at + 512))
      })
      expect(worstDifference(last, flat(torch.settled.last_logits))).toBeLessThan(1e-4)
      expect(worstDifference(edited.data, plain.data)).toBeGreaterThan(0.1)
    })

    it('merge into the output projections: the same logits to 1e-5', async () => {
      const merged = await logits(engine, 'merged', open)
      // f32 has 2⁻²⁴ of the logit's own size, so on the device 1e-5 is meant relative to the largest.
      const size = engine.device === undefined ? 1 : Math.max(...edited.data.map(Math.abs))
      expect(worstDifference(merged.data, edited.data) / size).toBeLessThan(1e-5)
    })
  })

  it("merge into PyTorch's W_o and b_o", async () => {
    const out = await on(interpreterEngine, 'merged_outputs', open)
    const wo = Array.from(out.get('layers.wo')!.data)
    const rows = flat(torch.settled.merged_wo_layer0_rows)
    expect(worstDifference(wo.slice(0, rows.length), rows)).toBeLessThan(1e-6)
    expect(worstDifference(out.get('layers.bo')!.data, flat(torch.settled.merged_bo))).toBeLessThan(1e-6)
  })
})
