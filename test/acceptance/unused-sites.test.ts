import { expect, it } from 'vitest'
import { lower, specialiseFn } from '../../compiler/pipeline.js'
import { programOf } from '../support/program.js'
import { llvmpipe } from '../support/traits.js'

const program = programOf(`
import std.answers (answers)
import std.data (Batch)
import std.models.llama
import std.recipes.lora
import std.sites (both)

size R, B, A, V

fn bare(e: lora.Edits, w: llama.Model, batch: Batch) -> f32[B, A, V] = answers(w, batch)

fn joined(e: lora.Edits, w: llama.Model, batch: Batch) -> f32[B, A, V] = answers(w, batch, both({}, {}))

fn unchosen(e: lora.Edits, w: llama.Model, batch: Batch) -> f32[B, A, V] =
  answers(w, batch, lora.sites(
    e, { q: false, k: false, v: false, o: false, gate: false, up: false, down: false }, 4))

fn named(e: lora.Edits, w: llama.Model, batch: Batch) -> f32[B, A, V] =
  answers(w, batch, {
    attention_input: (l, p, y) -> y, feed_forward_input: (l, p, y) -> y, neurons: (l, p, y) -> y,
    last: (p, y) -> y
  })

fn silenced(e: lora.Edits, w: llama.Model, batch: Batch) -> f32[B, A, V] =
  answers(w, batch, { neurons: (l, p, y) -> for f -> 0 * y[f] })

fn keys(e: lora.Edits, w: llama.Model, batch: Batch) -> f32[B, A, V] =
  answers(w, batch, lora.sites(
    e, { q: false, k: true, v: false, o: false, gate: false, up: false, down: false }, 4))
`)

const sizes = { L: 2, E: 8, K: 2, G: 2, H: 4, Pairs: 2, D: 4, F: 12, V: 11, B: 2, T: 6, A: 2, R: 2 }

const compiled = (name: string) => {
  const fn = program.fns.get(`main.${name}`)!
  const graph = specialiseFn(program, fn, {
    sizes: new Map(fn.sizes.map(n => [n, sizes[n as keyof typeof sizes]])),
  })
  const { kernels, inputs } = lower(graph, llvmpipe, { name: 'logits' })
  return { texts: kernels.map(k => k.wgsl), inputs: inputs.map(i => i.name) }
}

it('sites that nothing uses, and projections that are not chosen, leave the kernels as they were', () => {
  const bare = compiled('bare')
  expect(compiled('joined')).toEqual(bare)
  expect(compiled('unchosen')).toEqual(bare)
  expect(compiled('named')).toEqual(bare)
  expect(compiled('silenced').texts).not.toEqual(bare.texts)
  const { texts, inputs } = compiled('keys')
  expect(texts).not.toEqual(bare.texts)
  expect(inputs.filter(n => n.startsWith('e.'))).toEqual(['e.k.down', 'e.k.up'])
})
