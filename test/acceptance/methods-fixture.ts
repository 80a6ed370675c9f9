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

/** What PEFT computed of LoRA on the same numbers; transformers' norms and angles are float32. */
export const peft = (() => {
  const { loss, gradients, trained } = fixture<{
    readonly loss: number
    readonly gradients: Readonly<Record<string, readonly number[]>>
    readonly trained: number
  }>('torch/peft_lora.json')
  const named = Object.entries(gradients).map(([n, x]) => [`grad.e.${n.replace('_', '.')}`, x] as const)
  return { loss, gradients: named, trained }
})()

/** Each method's loss as a function of what it trains, `e`, with the settings that the fixture has. */
const source = `
import std.answers (answer_loss)
import std.data (Batch)
import std.edits.jola
import std.models.llama
import std.recipes.ablations
import std.recipes.bitfit
import std.recipes.lofit
import std.recipes.lora
import std.recipes.loreft
import std.recipes.post_block
import std.recipes.red

size L, H

fn jola_loss(e: jola.Edits, w: llama.Model, batch: Batch, gates: jola.Gates) -> f32 =
  answer_loss(w, batch, jola.sites(e, gates))

fn whole() -> ablations.Parts =
  { scaled: true, shifted: true, gated: true, shared: false, heads: true, feed_forward: false }

fn ablated(e: ablations.Edits, gates: jola.Gates) -> ablations.Gates = {
  scale: gates.scale, offset: gates.offset, ff_scale: e.ff_scale_gate, ff_offset: e.ff_offset_gate
}

fn ablations_loss(e: ablations.Edits, w: llama.Model, batch: Batch, gates: jola.Gates) -> f32 =
  answer_loss(w, batch, ablations.sites(e, ablated(e, gates), whole()))

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
export const unknownTensor = (node: {
  readonly name: string
  readonly shape: readonly number[]
}): HostTensor => ({
  dtype: 'f32',
  shape: node.shape,
  data: new Float64Array(node.shape.reduce((a, b) => a * b, 1)).fill(node.name.endsWith('_norm') ? 1 : 0),
})

/** The sizes of the fixture, of which some may be others. */
export const sizesFor = (
  fn: CoreFn,
  more: Readonly<Record<string, number>> = {},
): ReadonlyMap<string, number> => {
  const { sizes } = torch
  const all = { ...sizes, H: sizes.K! * sizes.G!, Pairs: sizes.D! / 2, R: 2, ...more }
  return new Map(fn.sizes.map(n => [n, all[n as keyof typeof all]!]))
}

/** The model's constants, as the fixture has them. */
export const constants = new Map([['std.models.llama.eps', torch.eps]])

/** The fixture's weights, as the parameter `name` has them. */
export const modelTensors = (name: string): readonly (readonly [string, HostTensor])[] =>
  Object.entries(torch.model).map(([n, x]) => [`${name}.${renamed('full', n)}`, tensor(x)] as const)

type BatchTensors = Readonly<Record<string, Nested>>

/** What a graph about a method reads: the fixture's model and parameters, and a batch. */
const inputsOf = (graph: Graph, method: string, batch: BatchTensors): ReadonlyMap<string, HostTensor> => {
  const one = torch.cases[method]!
  const model = method === 'full' ? 'e' : 'w'
  const named = (of: BatchTensors, name: (n: string) => string): readonly (readonly [string, HostTensor])[] =>
    Object.entries(of).map(([n, x]) => [name(n), tensor(x)] as const)
  const given = new Map<string, HostTensor>([
    ...modelTensors(model),
    ...named(one.parameters, n => `e.${renamed(method, n)}`),
    ...Object.entries(batch).map(
      ([n, x]) => [`batch.${n}`, tensor(x, n === 'weight' ? 'f32' : 'i32')] as const,
    ),
    ...named(one.gates ?? {}, n => `gates.${n}`),
    ...(one.chosen === undefined ? [] : [['chosen', tensor(one.chosen)] as const]),
  ])
  return new Map(
    graph.nodes.flatMap(n => {
      if (n.kind !== 'input') return []
      const known = given.get(n.name)
      return [[n.name, known === undefined ? unknownTensor(n) : { ...known, shape: n.shape }] as const]
    }),
  )
}

const functionOf = (name: string): { readonly program: Program; readonly fn: CoreFn } => {
  program ??= programOf(source)
  return { program, fn: program.fns.get(`main.${name}`)! }
}

/** The fixture's problem for a method; `loss` is another function that is to have the same numbers. */
export const methodProblem = (method: string, loss = method): MethodProblem => {
  const one = torch.cases[method]!
  const { program, fn } = functionOf(`${loss}_loss`)
  const graph = specialiseGrad(program, fn, 'e', { sizes: sizesFor(fn), constants })
  return {
    graph,
    inputs: inputsOf(graph, method, torch.batch),
    expected: new Map<string, readonly number[]>([
      ['value', [one.loss]],
      ...Object.entries(one.gradients).map(([n, x]) => [`grad.e.${renamed(method, n)}`, flat(x)] as const),
    ]),
    trained: one.trained,
  }
}
