/** The programs of the language's design, with as much of the standard library as they need. */
export const programs: Readonly<Record<string, string>> = {
  'std.data': `
size V, B, T

/// One batch of sequences.
record Batch {
  tokens: idx[V][B, T]
  targets: idx[V][B, T]
  weight: f32[B, T]
}

/// Where training stands.
record At {
  step: f32
  steps: f32
  epoch: f32
}
`,
  'std.nn': `
size N, R

fn softmax(x: f32[N]) -> f32[N] =
  let m = max i -> x[i]
  let e = for i -> exp(x[i] - m)
  let s = sum i -> e[i]
  for i -> e[i] / s

fn dot(a: f32[N], b: f32[N]) -> f32 = sum i -> a[i] * b[i]

fn silu(x: f32) -> f32 = x * sigmoid(x)

fn rms_norm(x: f32[N], w: f32[N], eps: f32) -> f32[N] =
  let s = rsqrt((sum i -> x[i] * x[i]) / N + eps)
  for i -> x[i] * s * w[i]

fn rope(x: f32[2 * R], t: i32, base: f32 = 10000.0) -> f32[2 * R] =
  let rotated = for half: 2, r ->
    let angle = f32(t) * base ^ (-f32(r) / R)
    if half == 0 then x[(0, r)] * cos(angle) - x[(1, r)] * sin(angle)
    else x[(1, r)] * cos(angle) + x[(0, r)] * sin(angle)
  for (half, r) -> rotated[half, r]

fn cross_entropy(logits: f32[T, V], targets: idx[V][T], weight: f32[T]) -> f32 =
  let losses = for t -> log(sum v -> exp(logits[t, v])) - logits[t, targets[t]]
  (sum t -> weight[t] * losses[t]) / (sum t -> weight[t])

test "a softmax sums to one" {
  let p = softmax([1, 2, 3])
  expect (sum i -> p[i]) == 1 within 1e-6
}
`,
  'std.models.llama': `
/// Llama-family decoder: Llama 2 and 3, SmolLM, and with biases Qwen2.
import std.nn (rms_norm, softmax, dot, silu, rope)

size L          /// layers
size E          /// model width
size K          /// key/value heads
size G          /// query heads that share one key/value head
size R          /// half a head's width (rotary pairs)
size F          /// feed-forward width
size V          /// vocabulary
size H = K * G  /// query heads
size D = 2 * R  /// a head's width

const eps: f32 = 1e-5 from "rms_norm_eps"

record Layer {
  attn_norm: f32[E]
  wq: f32[H, D, E]
  wk, wv: f32[K, D, E]
  wo: f32[E, H, D]
  mlp_norm: f32[E]
  gate, up: f32[F, E]
  down: f32[E, F]
}

record Model {
  embed: f32[V, E]
  layers: Layer[L]
  norm: f32[E]
  head: f32[V, E]
}

fn identity(l: idx[L], h: idx[H], z: f32[D]) -> f32[D] = z

/// Causal attention of one head over one sequence.
fn attend(q: f32[T, D], k: f32[T, D], v: f32[T, D]) -> f32[T, D] =
  for t ->
    let p = softmax(for s -> if s <= t then dot(q[t], k[s]) / sqrt(D) else -inf)
    for d -> sum s -> p[s] * v[s, d]

fn swiglu(w: Layer, x: f32[E]) -> f32[E] =
  let a = for f -> silu(sum e -> w.gate[f, e] * x[e]) * sum e -> w.up[f, e] * x[e]
  for e -> sum f -> w.down[e, f] * a[f]

fn block(w: Layer, x: f32[T, E], edit: (idx[H], f32[D]) -> f32[D]) -> f32[T, E] =
  let n = for t -> rms_norm(x[t], w.attn_norm, eps)
  let q = for h, t -> rope(for d -> sum e -> w.wq[h, d, e] * n[t, e], t)
  let k = for j, t -> rope(for d -> sum e -> w.wk[j, d, e] * n[t, e], t)
  let v = for j, t, d -> sum e -> w.wv[j, d, e] * n[t, e]
  let z = for (j, g) -> attend(q[(j, g)], k[j], v[j])
  let z = for h, t -> edit(h, z[h, t])                      // the site that JoLA edits
  let y = for t, e -> x[t, e] + sum h, d -> w.wo[e, h, d] * z[h, t, d]
  let m = for t -> rms_norm(y[t], w.mlp_norm, eps)
  for t -> y[t] + swiglu(w, m[t])

fn logits(w: Model, tokens: idx[V][T], edit: (idx[L], idx[H], f32[D]) -> f32[D] = identity) -> f32[T, V] =
  let x = for t -> w.embed[tokens[t]]
  let x = fold x for l -> block(w.layers[l], x, (h, z) -> edit(l, h, z))
  for t, v -> dot(rms_norm(x[t], w.norm, eps), w.head[v])
`,
  'std.optim.adamw': `
type P

record Moments {
  m: P
  v: P
  step: f32
}

fn start(p: P) -> Moments = Moments { m: zeros_like(p), v: zeros_like(p), step: 0 }

fn update(p: P, d: P, s: Moments, rate: f32 per P) -> (P, Moments) =
  let step = s.step + 1
  let m = map((m, g) -> 0.9 * m + 0.1 * g, s.m, d)
  let v = map((v, g) -> 0.999 * v + 0.001 * g * g, s.v, d)
  let next = map(
    (p, m, v, r) -> p - r * m / (1 - 0.9 ^ step) / (sqrt(v / (1 - 0.999 ^ step)) + 1e-8),
    p, m, v, rate)
  (next, { m, v, step })

fn clip_norm(d: P, most: f32) -> P =
  let norm = sqrt(total(g -> g * g, d))
  let scale = minimum(1, most / maximum(norm, 1e-12))
  map(g -> g * scale, d)
`,
  'std.gates': `
size L, H

record Gates {
  scale: f32[L, H]
  offset: f32[L, H]
}

fn sample(phi: f32, u: f32) -> f32 =
  minimum(maximum(sigmoid((log(u) - log(1 - u) + phi) / 0.33) * 1.2 - 0.1, 0), 1)

fn settled(phi: f32) -> f32 = minimum(maximum(sigmoid(phi) * 1.2 - 0.1, 0), 1)
`,
  'std.edits.jola': `
/// Joint Localization and Activation Editing (Lai, Fraser and Titov, ICML 2025).
import std.models.llama
import std.gates (Gates, sample, settled)
import std.data (Batch)
import std.nn (cross_entropy)

size L, H, D

/// All that JoLA trains: 2·L·H gates and 2·L·H·D numbers.
record Edits {
  scale:       f32[L, H, D]   /// m
  offset:      f32[L, H, D]   /// a
  scale_gate:  f32[L, H]      /// φ_m, a log-odds
  offset_gate: f32[L, H]      /// φ_a
}

/// z' = (1 + g_m m) ⊙ z + g_a a
fn edit(e: Edits, g: Gates, l: idx[L], h: idx[H], z: f32[D]) -> f32[D] =
  for d -> (1 + g.scale[l, h] * e.scale[l, h, d]) * z[d] + g.offset[l, h] * e.offset[l, h, d]

fn sampled(e: Edits, k: key) -> Gates =
  let (k1, k2) = split(k)
  {
    scale: for l, h -> sample(e.scale_gate[l, h], uniform(k1, (l, h))),
    offset: for l, h -> sample(e.offset_gate[l, h], uniform(k2, (l, h))),
  }

fn settled_gates(e: Edits) -> Gates =
  { scale: for l, h -> settled(e.scale_gate[l, h]), offset: for l, h -> settled(e.offset_gate[l, h]) }

fn settled_logits(e: Edits, w: llama.Model, tokens: idx[V][T]) -> f32[T, V] =
  let g = settled_gates(e)
  llama.logits(w, tokens, (l, h, z) -> edit(e, g, l, h, z))

fn answer_loss(e: Edits, g: Gates, w: llama.Model, batch: Batch) -> f32 =
  mean b -> cross_entropy(
    llama.logits(w, batch.tokens[b], (l, h, z) -> edit(e, g, l, h, z)), batch.targets[b], batch.weight[b])

fn share_open(e: Edits) -> f32 = mean l, h -> f32(settled(e.scale_gate[l, h]) > 0)
`,
  'std.recipes.jola': `
import std.models.llama
import std.optim.adamw
import std.optim.adamw (clip_norm)
import std.edits.jola (Edits, settled_logits, settled_gates, sampled, answer_loss, share_open)

/// Train the edits; the model stays as it is.
recipe Jola(model: llama.Model) {
  setting learning_rate = 5e-3   /// of offsets and scalings
  setting gate_rate     = 5e-2   /// of the gates' log-odds
  setting warmup        = 50     /// steps
  setting epochs        = 20
  setting patience      = 2      /// epochs without a better validation loss
  setting penalty: paper | reference | none = paper

  state { edits: Edits, moments: adamw.Moments(P = Edits) }

  init(key) =
    let (k1, k2) = split(key)
    let edits = Edits {
      scale: for l, h, d -> 1e-3 * normal(k1, (l, h, d)),
      offset: for l, h, d -> 1e-3 * normal(k2, (l, h, d)),
      scale_gate: for l, h -> 2,
      offset_gate: for l, h -> 2,
    }
    { edits, moments: adamw.start(edits) }

  rates(at: At) =
    let r = learning_rate * minimum(1, at.step / f32(warmup))
    { scale: r, offset: r, scale_gate: gate_rate, offset_gate: gate_rate }

  objective(e: Edits, batch: Batch, key: key, at: At) =
    let loss = answer_loss(e, sampled(e, key), model, batch)
    if penalty == paper then loss + 0.3 * share_open(e) else loss

  step(s, batch, key, at) =
    let (loss, d) = value_and_grad(e -> objective(e, batch, key, at))(s.edits)
    let (edits, moments) = adamw.update(s.edits, clip_norm(d, 1.0), s.moments, rates(at))
    ({ edits, moments }, { loss, open: share_open(edits) })

  validate(s, batch) = answer_loss(s.edits, settled_gates(s.edits), model, batch)
  predict(s, tokens) = settled_logits(s.edits, model, tokens)
}
`,
}
