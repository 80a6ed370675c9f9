import { afterAll, describe, expect, it } from 'vitest'
import { specialiseFn, specialiseGrad } from '../../compiler/pipeline.js'
import { deviceEngine, type Engine, type HostTensor } from '../../src/engine/engine.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { withDevice } from '../support/device.js'
import { programOf } from '../support/program.js'
import { noteErrors, printErrors, worst } from './method-errors.js'
import { constants, modelTensors, sizesFor, unknownTensor } from './methods-fixture.js'
import { fixture, flat, type Nested, tensor, worstDifference, worstRelative } from './support.js'

type Tensors = Readonly<Record<string, Nested>>

const torch = fixture<{
  readonly right: Tensors
  readonly wrong: Tensors
  readonly differences: Nested
  readonly mean: Nested
  readonly component: Nested
  readonly heads: readonly [Nested, Nested]
  readonly few_shot: Nested
  readonly accuracy: Nested
  readonly direction: Nested
  readonly weights: Nested
  readonly deviation: Nested
  readonly offset: Nested
  readonly vector: Nested
  readonly embedding: Nested
  readonly losses: Readonly<Record<'repe' | 'caa' | 'iti', number>>
  readonly cases: Readonly<
    Record<
      string,
      { readonly parameters: Tensors; readonly loss: number; readonly gradients: Tensors } & {
        readonly trained: number
      }
    >
  >
}>('torch/steering.json')

const pairs = 40

const source = `
import std.activations (differences, foremost, heads, last_heads)
import std.answers (answer_loss)
import std.data (Batch, Pairs)
import std.gates
import std.models.llama
import std.recipes.ablations
import std.recipes.caa
import std.recipes.clas
import std.recipes.iti
import std.recipes.lora
import std.recipes.low_rank
import std.recipes.post_block
import std.recipes.preft
import std.recipes.repe
import std.recipes.site
import std.sites (both)

size L, E, H, D, B

fn apart(w: llama.Model, pairs: Pairs) -> f32[B, L, E] = differences(w, pairs)

fn seen(w: llama.Model, pairs: Pairs) -> repe.Seen(N = ${pairs}) =
  let none = repe.Seen { difference: for n: ${pairs}, l: L, e: E -> 0.0, known: for n: ${pairs} -> 0.0 }
  repe.kept(none, pairs, differences(w, pairs))

fn mean_of(w: llama.Model, pairs: Pairs) -> f32[L, E] = repe.mean_of(seen(w, pairs))

fn component_of(w: llama.Model, pairs: Pairs) -> f32[L, E] = repe.component_of(seen(w, pairs))

fn caa_mean(w: llama.Model, pairs: Pairs) -> f32[L, E] =
  caa.mean_of(caa.more({ total: for l: L, e: E -> 0.0, count: 0 }, pairs, differences(w, pairs)))

fn gathered(w: llama.Model, pairs: Pairs) -> f32[2, B, L, H, D] =
  let right = last_heads(w, pairs.right)
  let wrong = last_heads(w, pairs.wrong)
  for side: 2, b, l, h, d -> if side == 0 then right[b, l, h, d] else wrong[b, l, h, d]

fn told(w: llama.Model, pairs: Pairs, by_probe: f32) -> iti.Told =
  let none = iti.Seen {
    heads: for side: 2, n: ${pairs}, l: L, h: H, d: D -> 0.0, known: for n: ${pairs} -> 0.0
  }
  let s = iti.kept(none, pairs, last_heads(w, pairs.right), last_heads(w, pairs.wrong))
  let difference = iti.told(s, false)
  let probe = iti.told(s, true)
  for_probe(by_probe, difference, probe)

fn for_probe(by_probe: f32, a: iti.Told, b: iti.Told) -> iti.Told =
  a with { direction: for l, h, d -> if by_probe > 0 then b.direction[l, h, d] else a.direction[l, h, d] }

fn shifted(w: llama.Model, pairs: Pairs) -> f32[L, H, D] = iti.shift(told(w, pairs, 0), 3)

fn few_shot(w: llama.Model, batch: Batch) -> f32[L, H, D] =
  let (tokens, length) = site.shown(batch, [0, 0])
  heads(w, tokens, length - 1)

fn repe_loss(w: llama.Model, batch: Batch, v: f32[L, E]) -> f32 =
  answer_loss(w, batch, repe.sites({ vector: for l, e -> 0.5 * v[l, e] }))

fn caa_loss(w: llama.Model, batch: Batch, v: f32[L, E]) -> f32 =
  answer_loss(w, batch, caa.sites({ vector: for l, e -> if l == 1 then 2 * v[l, e] else 0 }))

fn iti_loss(w: llama.Model, batch: Batch, v: f32[L, H, D]) -> f32 =
  answer_loss(w, batch, iti.sites({ offset: for l, h, d -> 3 * v[l, h, d] }))

fn clas_loss(e: clas.Edits, w: llama.Model, batch: Batch, v: f32[L, E]) -> f32 = clas.loss(e, w, batch, v)

fn site_loss(e: site.Edits, w: llama.Model, batch: Batch, v: f32[L, H, D]) -> f32 = site.loss(e, w, batch, v)

record Joint {
  edits: post_block.Edits
  lora:  lora.Edits(R = 2)
}

fn joint_loss(e: Joint, w: llama.Model, batch: Batch) -> f32 =
  let on = lora.Chosen { q: true, k: false, v: true, o: false, gate: false, up: false, down: false }
  answer_loss(w, batch, both(lora.sites(e.lora, on, 4), post_block.rank_one(e.edits)))

fn low_rank_loss(e: low_rank.Edits, w: llama.Model, batch: Batch) -> f32 = low_rank.loss(e, w, batch, true)

fn preft_loss(e: lora.Edits, w: llama.Model, batch: Batch) -> f32 =
  preft.loss(e, w, batch, { q: true, k: false, v: false, o: true, gate: false, up: false, down: true }, 4)

fn parts(shared: bool) -> ablations.Parts = {
  scaled: true, shifted: true, gated: true, shared, heads: true, feed_forward: true
}

fn two_gates_loss(e: ablations.Edits, w: llama.Model, batch: Batch) -> f32 =
  let g = ablations.opened(e, parts(false), key(0), (phi, u) -> gates.sample(phi, 0.4))
  answer_loss(w, batch, ablations.sites(e, g, parts(false)))

fn one_gate_loss(e: ablations.Edits, w: llama.Model, batch: Batch) -> f32 =
  let g = ablations.opened(e, parts(true), key(0), (phi, u) -> gates.sample(phi, 0.55))
  answer_loss(w, batch, ablations.sites(e, g, parts(true)))
`

const program = programOf(source)

const batchTensors = (prefix: string, batch: Tensors): readonly (readonly [string, HostTensor])[] =>
  Object.entries(batch).map(
    ([n, x]) => [`${prefix}.${n}`, tensor(x, n === 'weight' ? 'f32' : 'i32')] as const,
  )

const places = Array.from({ length: pairs }, (_, i) => i)

const given = new Map<string, HostTensor>([
  ...modelTensors('w'),
  ...batchTensors('batch', torch.right),
  ...batchTensors('pairs.right', torch.right),
  ...batchTensors('pairs.wrong', torch.wrong),
  ['pairs.right.example', tensor(places, 'i32')],
])

const run = async (
  name: string,
  more: Readonly<Record<string, Nested>> = {},
  { engine = interpreterEngine, by }: { readonly engine?: Engine; readonly by?: string } = {},
): Promise<ReadonlyMap<string, HostTensor>> => {
  const fn = program.fns.get(`main.${name}`)!
  const options = { sizes: sizesFor(fn, { B: pairs }), constants }
  const graph =
    by === undefined ? specialiseFn(program, fn, options) : specialiseGrad(program, fn, by, options)
  const all = new Map([...given, ...Object.entries(more).map(([n, x]) => [n, tensor(x)] as const)])
  const inputs = graph.nodes.flatMap(n => {
    if (n.kind !== 'input') return []
    const known = all.get(n.name)
    return [[n.name, known === undefined ? unknownTensor(n) : { ...known, shape: n.shape }] as const]
  })
  return engine.run(graph, new Map(inputs))
}

const resultOf = async (name: string, more: Readonly<Record<string, Nested>> = {}) =>
  (await run(name, more)).get('result')!.data

describe('what is read from pairs, against PyTorch', () => {
  it('differences of streams, and what heads gather, at the last tokens of answers', async () => {
    const d = flat(torch.differences)
    expect(worstDifference((await resultOf('apart')).slice(0, d.length), d)).toBeLessThan(1e-7)
    const all = await resultOf('gathered')
    for (const [side, expected] of torch.heads.entries()) {
      const from = (side * all.length) / 2
      const found = all.slice(from, from + flat(expected).length)
      expect(worstDifference(found, flat(expected))).toBeLessThan(1e-7)
    }
  })

  it('the mean difference and the first principal component of each layer', async () => {
    expect(worstDifference(await resultOf('mean_of'), flat(torch.mean))).toBeLessThan(1e-7)
    expect(worstDifference(await resultOf('caa_mean'), flat(torch.mean))).toBeLessThan(1e-7)
    expect(worstDifference(await resultOf('component_of'), flat(torch.component))).toBeLessThan(1e-6)
  })

  it('the accuracy of probes, directions, deviations, and the heads that are chosen', async () => {
    const told = await run('told', { by_probe: 0 })
    for (const name of ['accuracy', 'direction', 'deviation'] as const)
      expect(worstDifference(told.get(name)!.data, flat(torch[name])), name).toBeLessThan(1e-7)
    const probes = await run('told', { by_probe: 1 })
    expect(worstDifference(probes.get('direction')!.data, flat(torch.weights))).toBeLessThan(1e-6)
    expect(worstDifference(await resultOf('shifted'), flat(torch.offset))).toBeLessThan(1e-7)
  })

  it('what heads gather after examples in the prompt', async () => {
    expect(worstDifference(await resultOf('few_shot'), flat(torch.few_shot))).toBeLessThan(1e-7)
  })

  it.each([
    ['repe', torch.mean],
    ['caa', torch.mean],
    ['iti', torch.offset],
  ] as const)('the loss under the edits of %s', async (name, v) => {
    expect(worstRelative(await resultOf(`${name}_loss`, { v }), [torch.losses[name]])).toBeLessThan(1e-7)
  })
})

/** What a case's parameters are called in its record. */
const named = (method: string, name: string): string => {
  if (method === 'preft') return `e.${name.replace('_', '.')}`
  if (method !== 'joint') return `e.${name}`
  return name.includes('_') ? `e.lora.${name.replace('_', '.')}` : `e.edits.${name}`
}

/** Relative errors of the loss of a case and of every gradient, by their names. */
const errorsOn = async (engine: Engine, method: string): Promise<Readonly<Record<string, number>>> => {
  const one = torch.cases[method]!
  const v = method === 'site' ? torch.embedding : torch.vector
  const parameters = Object.entries(one.parameters).map(([n, x]) => [named(method, n), x] as const)
  const out = await run(`${method}_loss`, { v, ...Object.fromEntries(parameters) }, { engine, by: 'e' })
  const expected: readonly (readonly [string, Nested])[] = [
    ['value', one.loss],
    ...Object.entries(one.gradients).map(([n, x]) => [`grad.${named(method, n)}`, x] as const),
  ]
  const errors = expected.map(([name, x]) => [name, worstRelative(out.get(name)!.data, flat(x))] as const)
  noteErrors(method, Object.fromEntries(errors))
  return Object.fromEntries(errors)
}

afterAll(printErrors)

describe('what is trained, against PyTorch', () => {
  it.each(Object.entries(torch.cases))('%s has its loss and every gradient to 1e-6', async (method, one) => {
    const errors = await errorsOn(interpreterEngine, method)
    expect(worst(errors), JSON.stringify(errors)).toBeLessThan(1e-6)
    const numbers = Object.values(one.parameters).flatMap(flat)
    expect(numbers.length).toBe(one.trained)
  })

  withDevice('on the device', device => {
    it.each(Object.keys(torch.cases))('%s has them to 1e-3', async method => {
      const errors = await errorsOn(deviceEngine(device), method)
      expect(worst(errors), JSON.stringify(errors)).toBeLessThan(1e-3)
    })
  })
})
