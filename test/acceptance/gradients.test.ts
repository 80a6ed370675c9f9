import { beforeAll, expect, it } from 'vitest'
import { shapeOf } from '../../compiler/ir/graph.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { simplified, specialiseGrad } from '../../compiler/pipeline.js'
import { checkGradient } from '../../src/cli/grad-check.js'
import { deviceEngine, type HostTensor, interpreterEngine } from '../../src/engine.js'
import { loadProgram } from '../../src/program.js'
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
  readonly targets: Nested
  readonly weights: Nested
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

const inputsOn = (weights: ReadonlyMap<string, HostTensor>): ReadonlyMap<string, HostTensor> =>
  new Map([
    ...weights,
    ...Object.entries(torch.edits).map(([k, x]) => [`edits.${k}`, tensor(x)] as const),
    ...Object.entries(torch.u).map(([k, x]) => [`u.${k}`, beforeMargin(x)] as const),
    ['batch.tokens', tensor(torch.tokens, 'i32')],
    ['batch.targets', tensor(torch.targets, 'i32')],
    ['batch.weight', tensor(torch.weights)],
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
    on = await onStories(program, 'std.edits.jola.loss', { B: 2, T: 12 })
    graph = specialiseGrad(program, on.fn, 'edits', on.bindings)
    inputs = inputsOn(on.weights)
    exact = await interpreterEngine.run(graph, inputs)
  })

  it('has the value and all four gradients of PyTorch to 1e-4', () => {
    const errors = errorsOf(exact)
    expect(Math.max(...Object.values(errors)), JSON.stringify(errors)).toBeLessThan(1e-4)
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
    it('agrees with PyTorch to 1e-4 of the loss, and with the interpreter to 1e-3', async () => {
      const outputs = await deviceEngine(device).run(graph, inputs)
      const errors = errorsOf(outputs)
      expect(errors.loss).toBeLessThan(1e-4)
      expect(Math.max(...Object.values(errors)), JSON.stringify(errors)).toBeLessThan(1e-3)
      const apart = [...exact].map(([name, t]) => worstRelative(outputs.get(name)!.data, t.data))
      expect(Math.max(...apart), JSON.stringify(apart)).toBeLessThan(1e-3)
    })
  })
})
