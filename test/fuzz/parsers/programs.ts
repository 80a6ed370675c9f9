import { readFileSync } from 'node:fs'
import * as Either from 'fp-ts/lib/Either.js'
import { checkProgram } from '../../../compiler/check/check.js'
import { diagnosticToJson, renderDiagnostic } from '../../../compiler/diagnostics/render.js'
import { decodeText } from '../../../src/files/text-file.js'
import { mutateBytes, mutateTokens } from '../mutate.js'
import { Broken, type Target } from './target.js'

const sources = [
  `size N  /// things
size M = N * 2 + 1 from "n_things" else 3

record P { w: f32[N, M] from "model.w", b: f32[M] }
const eps: f32 = 1e-5 from "eps"

/// A small regression.
fn loss(p: P, x: f32[N], y: f32[M], k: idx[M]) -> f32 =
  let z = for m -> (sum n -> p.w[n, m] * x[n]) + p.b[m]
  (sum m -> (z[m] - y[m]) ^ 2) + z[k] + eps

fn step(p: P, x: f32[N], y: f32[M], k: idx[M]) -> P =
  let d = grad(q -> loss(q, x, y, k))(p)
  P { w: for n, m -> p.w[n, m] - 0.1 * d.w[n, m], b: d.b }
`,
  `size T
fn apply(f: (f32) -> f32, x: f32) -> f32 = f(x)
fn signs(x: f32[T]) -> (bool[T], i32, f32) =
  (for i -> x[i] > 0 and not (x[i] == 1.0), argmax i -> x[i], sum i -> x[i])
fn counted(x: f32[T], y: f32[T, 4]) -> f32[4] =
  fold s = (for c: 4 -> 0.0) for t: T -> for c -> s[c] + x.at(t + 1, else: 0.0) * y[t, c]
fn noise(k: key, scale: f32 = 2.0) -> f32[4] = for i: 4 -> scale * uniform(k, i)
test "it adds" { apply(x -> x + 1, 2.0) == 3.0 }
test "it counts" { let x = for i: 3 -> f32(i)  counted(x, for i: 3, j: 4 -> 1.0)[0] == 3.0 }
`,
  readFileSync(new URL('../../../stdlib/gates.jola', import.meta.url), 'utf8'),
]

const read = (bytes: Buffer): void => {
  const source = { name: 'fuzz', text: decodeText('fuzz', bytes) }
  const checked = checkProgram(['fuzz'], name => (name === 'fuzz' ? source : undefined))
  if (Either.isRight(checked)) return
  if (checked.left.length === 0) throw new Broken('it is refused without an error')
  for (const d of checked.left) {
    renderDiagnostic(d, { colour: true })
    JSON.stringify(diagnosticToJson(d))
    const outside = d.labels.find(l => l.span.start > l.span.end || l.span.end > l.span.source.text.length)
    if (outside !== undefined) throw new Broken(`a label of ${d.code} lies outside the text`)
  }
}

/** Programs as text, by their bytes and by their tokens. */
export const programTargets: readonly Target[] = [
  { name: 'jola by bytes', make: random => mutateBytes(Buffer.from(random.pick(sources)), random), read },
  { name: 'jola by tokens', make: random => mutateTokens(random.pick(sources), random), read },
]
