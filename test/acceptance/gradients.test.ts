import { beforeAll, expect, it } from 'vitest'
import { elementsOf, shapeOf } from '../../compiler/ir/graph.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { simplified, specialiseGrad } from '../../compiler/pipeline.js'
import { checkGradient } from '../../src/cli/grad-check.js'
import { deviceEngine, type HostTensor } from '../../src/engine/engine.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { withDevice } from '../support/device.js'
import {
  fixture,
  flat,
  type Nested,
  type OnStories,
  onStories,
  tensor,
  withStories,
  worstRelative,
} from './support.js'

const torch = fixture<{
  readonly tokens: Nested
  readonly targets: readonly (readonly number[])[]
  readonly weights: readonly (readonly number[])[]
  readonly lambda: number
  readonly edits: Readonly<Record<string, Nested>>
  readonly u: Readonly<Record<string, Nested>>
  readonly paper: { readonly loss: number; readonly gradients: Readonly<Record<string, Nested>> }
}>('torch/jola-stories260k.json')
const fields = Object.keys(torch.edits)

/** Gates are sampled from margin + (1 − 2 margin) u; the fixture's formula has no margin. */
const margin = 1e-6
const beforeMargin = (u: Nested): HostTensor => {
  const t = tensor(u)
  return { ...t, data: Float64Array.from(t.data, v => (v - margin) / (1 - 2 * margin)) }
}

/**
 * The fixture's batch, which has a weight at every position, with those alone that count, and with all of
 * them.
 */
const batches = {
  answers: torch.weights.map(row => row.flatMap((w, t) => (w === 0 ? [] : [t]))),
  everywhere: torch.weights.map(row => [...row.keys()]),
}

const batchOf = (positions: readonly (readonly number[])[]): ReadonlyMap<string, HostTensor> => {
  const A = Math.max(...positions.map(row => row.length))
  const padded = (of: (b: number, t: number) => number): Nested =>
    positions.map((row, b) => Array.from({ length: A }, (_, a) => (a < row.length ? of(b, row[a]!) : 0)))
  return new Map([
    ['batch.tokens', tensor(torch.tokens, 'i32')],
    [
      'batch.position',
      tensor(
        padded((_, t) => t),
        'i32',
      ),
    ],
    [
      'batch.target',
      tensor(
        padded((b, t) => torch.targets[b]![t]!),
        'i32',
      ),
    ],
    ['batch.weight', tensor(padded((b, t) => torch.weights[b]![t]!))],
  ])
}

const inputsOn = (
  weights: ReadonlyMap<string, HostTensor>,
  positions: readonly (readonly number[])[],
): ReadonlyMap<string, HostTensor> =>
  new Map([
    ...weights,
    ...Object.entries(torch.edits).map(([k, x]) => [`edits.${k}`, tensor(x)] as const),
    ...Object.entries(torch.u).map(([k, x]) => [`u.${k}`, beforeMargin(x)] as const),
    ...batchOf(positions),
    ['penalty', tensor(torch.lambda)],
  ])

/** Loss and gradients against PyTorch's: relative errors by name. */
const errorsOf = (outputs: ReadonlyMap<string, HostTensor>): Readonly<Record<string, number>> => ({
  loss: worstRelative(outputs.get('value')!.data, [torch.paper.loss]),
  ...Object.fromEntries(
    fields.map(f => [
      f,
      worstRelative(outputs.get(`grad.edits.${f}`)!.data, flat(torch.paper.gradients[f]!)),
    ]),
  ),
})

const weightShapes = (weights: ReadonlyMap<string, HostTensor>): ReadonlySet<string> =>
  new Set([...weights.values()].map(t => t.shape.join()).filter(s => s.includes(',')))

/** Computed nodes that have the shape of a weight matrix: of all layers, or of one layer within a loop. */
const weightLike = (graph: Graph, weights: ReadonlyMap<string, HostTensor>): readonly string[] => {
  const shapes = weightShapes(weights)
  return graph.nodes.flatMap(n =>
    n.kind !== 'input' && shapes.has(shapeOf(n).join()) ? [`${n.origin.label} ${shapeOf(n)}`] : [],
  )
}

withStories("JoLA's loss on stories260K", () => {
  let on: OnStories
  let graph: Graph
  let inputs: ReadonlyMap<string, HostTensor>
  let exact: ReadonlyMap<string, HostTensor>
  beforeAll(async () => {
    const { program } = loadProgram(['std.edits.jola'])
    on = await onStories(program, 'std.edits.jola.loss', { B: 2, T: 12, A: 4 })
    graph = specialiseGrad(program, on.fn, 'edits', on.bindings)
    inputs = inputsOn(on.weights, batches.answers)
    exact = await interpreterEngine.run(graph, inputs)
  })

  it('has the value and all four gradients of PyTorch to 1e-4', () => {
    const errors = errorsOf(exact)
    expect(Math.max(...Object.values(errors)), JSON.stringify(errors)).toBeLessThan(1e-4)
  })

  it('has them too where every position is asked, told by data or known beforehand', async () => {
    const sizes = new Map([...on.bindings.sizes, ['A', 12] as const])
    const known = new Map([...(on.bindings.absent ?? []), ['batch.position', 'last index'] as const])
    for (const bindings of [
      { ...on.bindings, sizes },
      { ...on.bindings, sizes, absent: known },
    ]) {
      const whole = specialiseGrad(on.program, on.fn, 'edits', bindings)
      const all = inputsOn(on.weights, batches.everywhere)
      const given = new Map([...all].filter(([name]) => !(bindings.absent?.has(name) ?? false)))
      const errors = errorsOf(await interpreterEngine.run(whole, given))
      expect(Math.max(...Object.values(errors)), JSON.stringify(errors)).toBeLessThan(1e-4)
    }
  })

  it('computes logits of what is to be learned alone, and scatters nothing where that is everything', () => {
    const [B, T, A, V] = [2, 12, 4, on.bindings.sizes.get('V')!]
    const computed = (g: Graph): readonly number[] =>
      simplified(g).nodes.flatMap(n =>
        n.kind === 'compute' && shapeOf(n).includes(V) ? [elementsOf(n)] : [],
      )
    const byData = (g: Graph): boolean =>
      simplified(g).nodes.some(n => n.kind === 'input' && n.name === 'batch.position')
    expect(Math.max(...computed(graph))).toBe(B * A * V)
    expect(byData(graph)).toBe(true)
    const sizes = new Map([...on.bindings.sizes, ['A', T] as const])
    const absent = new Map([...(on.bindings.absent ?? []), ['batch.position', 'last index'] as const])
    const whole = specialiseGrad(on.program, on.fn, 'edits', { ...on.bindings, sizes, absent })
    expect(Math.max(...computed(whole))).toBe(B * T * V)
    expect(byData(whole)).toBe(false)
  })

  it('has the gradients of central differences in float64 to 1e-3', () => {
    const derivatives = new Map(fields.map(f => [`edits.${f}`, exact.get(`grad.edits.${f}`)!]))
    const checks = checkGradient(graph, inputs, derivatives, { tolerance: 1e-3, sample: 6 })
    expect(checks.map(c => c.name)).toEqual(fields.map(f => `edits.${f}`))
    const worst = checks.map(c => c.worst!.error)
    expect(Math.max(...worst), JSON.stringify(checks)).toBeLessThan(1e-3)
  })

  it('builds no gradient of a frozen weight', () => {
    const all = specialiseGrad(on.program, on.fn, 'w', { ...on.bindings, absent: new Map() })
    // What the whole gradient has, the edits' gradient must not have: else this test finds nothing anywhere.
    expect(weightLike(simplified(all), on.weights).length).toBeGreaterThanOrEqual(9)
    expect(weightLike(graph, on.weights)).toEqual([])
    expect(weightLike(simplified(graph), on.weights)).toEqual([])
  })

  withDevice('on the device', device => {
    it.each([
      ['its own kernels', device.traits],
      ['those that a GPU gets', { ...device.traits, software: false }],
    ])(
      'agrees with PyTorch to 1e-4 of the loss, and with the interpreter to 1e-3, by %s',
      async (_, traits) => {
        const outputs = await deviceEngine(device, traits).run(graph, inputs)
        const errors = errorsOf(outputs)
        expect(errors.loss).toBeLessThan(1e-4)
        expect(Math.max(...Object.values(errors)), JSON.stringify(errors)).toBeLessThan(1e-3)
        const apart = [...exact].map(([name, t]) => worstRelative(outputs.get(name)!.data, t.data))
        expect(Math.max(...apart), JSON.stringify(apart)).toBeLessThan(1e-3)
      },
    )
  })
})
