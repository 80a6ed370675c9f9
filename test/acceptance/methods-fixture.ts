import type { CoreFn, Program } from '../../compiler/core/core.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { specialiseGrad } from '../../compiler/pipeline.js'
import type { HostTensor } from '../../src/engine/engine.js'
import { programOf } from '../support/program.js'
import { fixture, flat, type Nested, tensor } from './support.js'

/** What PyTorch computed of one method. */
interface MethodCase {
  readonly parameters: Readonly<Record<string, Nested>>
  readonly loss: number
  readonly gradients: Readonly<Record<string, Nested>>
  readonly trained: number
  /** Of JoLA. */
  readonly gates?: Readonly<Record<string, Nested>>
  /** Of LoFiT. */
  readonly chosen?: Nested
}

const torch = fixture<{
  readonly sizes: Readonly<Record<string, number>>
  readonly eps: number
  readonly model: Readonly<Record<string, Nested>>
  readonly batch: Readonly<Record<string, Nested>>
  readonly zero_shot: number
  readonly cases: Readonly<Record<string, MethodCase>>
}>('torch/methods.json')

/** Each method's loss as a function of what it trains, `e`, with the settings that the fixture has. */
const source = `
import std.answers (answer_loss)
import std.data (Batch)
import std.edits.jola
import std.models.llama
import std.recipes.bitfit
import std.recipes.lofit
import std.recipes.lora
import std.recipes.loreft
import std.recipes.post_block
import std.recipes.red

size L, H, R

fn jola_loss(e: jola.Edits, w: llama.Model, batch: Batch, gates: jola.Gates) -> f32 =
  answer_loss(w, batch, jola.sites(e, gates))

fn lora_loss(e: lora.Edits, w: llama.Model, batch: Batch) -> f32 =
  lora.loss(e, w, batch, { q: true, k: true, v: true, o: true, gate: true, up: true, down: true }, 4)

fn bitfit_loss(e: bitfit.Edits, w: llama.Model, batch: Batch) -> f32 = bitfit.loss(e, w, batch)

fn red_loss(e: red.Edits, w: llama.Model, batch: Batch) -> f32 = red.loss(e, w, batch)

fn loreft_loss(e: loreft.Edits, w: llama.Model, batch: Batch) -> f32 = loreft.loss(e, w, batch, 1, 2)

fn lofit_scale_loss(e: lofit.Edits, w: llama.Model, batch: Batch) -> f32 =
  lofit.scaling_loss(e, w, batch, 0.01)

fn lofit_offset_loss(e: lofit.Edits, w: llama.Model, batch: Batch, chosen: f32[L, H]) -> f32 =
  lofit.offset_loss(e, w, batch, chosen)

fn fixed_loss(e: post_block.Edits, w: llama.Model, batch: Batch) -> f32 = post_block.fixed_loss(e, w, batch)

fn rank_one_loss(e: post_block.Edits, w: llama.Model, batch: Batch) -> f32 =
  post_block.rank_one_loss(e, w, batch)

fn full_loss(e: llama.Model, batch: Batch) -> f32 = answer_loss(e, batch)
`

/** The names of what a method trains in its record, where the fixture has others. */
const renamed = (method: string, name: string): string => {
  if (method === 'lora') return name.replace('_', '.')
  if (method === 'fixed') return 'write'
  if (method === 'full' && !['embed', 'norm', 'head'].includes(name)) return `layers.${name}`
  return name
}

export const methodNames = Object.keys(torch.cases)

/** One method: its graph, what goes in, and what PyTorch says comes out. */
export interface MethodProblem {
  readonly graph: Graph
  readonly inputs: ReadonlyMap<string, HostTensor>
  readonly expected: ReadonlyMap<string, readonly number[]>
  readonly trained: number
}

let program: Program | undefined

/** Tensors that models without biases and head norms lack: biases are 0 and norms 1. */
const missing = (node: { readonly name: string; readonly shape: readonly number[] }): HostTensor => ({
  dtype: 'f32',
  shape: node.shape,
  data: new Float64Array(node.shape.reduce((a, b) => a * b, 1)).fill(node.name.endsWith('_norm') ? 1 : 0),
})

export const methodProblem = (method: string): MethodProblem => {
  program ??= programOf(source)
  const fn: CoreFn = program.fns.get(`main.${method}_loss`)!
  const one = torch.cases[method]!
  const { sizes } = torch
  const all = new Map(Object.entries({ ...sizes, H: sizes.K! * sizes.G!, Pairs: sizes.D! / 2, R: 2 }))
  const graph = specialiseGrad(program, fn, 'e', {
    sizes: new Map(fn.sizes.map(n => [n, all.get(n)!])),
    constants: new Map([['std.models.llama.eps', torch.eps]]),
  })
  const model = method === 'full' ? 'e' : 'w'
  const given = new Map<string, HostTensor>([
    ...Object.entries(torch.model).map(([n, x]): [string, HostTensor] => [
      `${model}.${renamed('full', n)}`,
      tensor(x),
    ]),
    ...Object.entries(one.parameters).map(([n, x]): [string, HostTensor] => [
      `e.${renamed(method, n)}`,
      tensor(x),
    ]),
    ...Object.entries(torch.batch).map(([n, x]): [string, HostTensor] => [
      `batch.${n}`,
      tensor(x, n === 'weight' ? 'f32' : 'i32'),
    ]),
    ...Object.entries(one.gates ?? {}).map(([n, x]): [string, HostTensor] => [`gates.${n}`, tensor(x)]),
    ...(one.chosen === undefined ? [] : [['chosen', tensor(one.chosen)] as const]),
  ])
  const inputs = new Map<string, HostTensor>()
  for (const n of graph.nodes)
    if (n.kind === 'input') {
      const { shape } = n
      const known = given.get(n.name)
      inputs.set(n.name, known === undefined ? missing({ name: n.name, shape }) : { ...known, shape })
    }
  return {
    graph,
    inputs,
    expected: new Map<string, readonly number[]>([
      ['value', [one.loss]],
      ...Object.entries(one.gradients).map(([n, x]) => [`grad.e.${renamed(method, n)}`, flat(x)] as const),
    ]),
    trained: one.trained,
  }
}
