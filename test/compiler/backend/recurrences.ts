/** Programs that are loops over a sequence, most of them with their derivatives. */
export const recurrences = `
/// The selective scan of Mamba, and the derivative of the sum of its squares.
fn selective(a: f32[T, E, N], b: f32[T, E, N], c: f32[T, N]) -> f32[T, E] =
  let (h, y) = fold (h, y) = (for e: E, n: N -> 0.0, for t: T, e: E -> 0.0) for l: T ->
    let h = for e, n -> a[l, e, n] * h[e, n] + b[l, e, n]
    (h, for t, e -> if t == l then sum n -> c[l, n] * h[e, n] else y[t, e])
  y

fn scan_loss(p: (f32[T, E, N], f32[T, E, N], f32[T, N])) -> f32 =
  let (a, b, c) = p
  let y = selective(a, b, c)
  sum t, e -> y[t, e] * y[t, e]

fn mamba(a: f32[T, E, N], b: f32[T, E, N], c: f32[T, N]) -> (f32, f32[T, E, N], f32[T, E, N], f32[T, N]) =
  let (da, db, dc) = grad(scan_loss)((a, b, c))
  (scan_loss((a, b, c)), da, db, dc)

/// Running sums: a number is carried, and every one is kept.
fn running(x: f32[T]) -> f32[T] =
  let (s, y) = fold (s, y) = (0.0, for t: T -> 0.0) for l: T ->
    let s = s + x[l]
    (s, for t -> if t == l then s else y[t])
  y

fn sums(x: f32[T], w: f32[T]) -> (f32[T], f32[T]) =
  (running(x), grad(x ->
    let y = running(x)
    sum t -> w[t] * y[t] * y[t])(x))

/// Each carry takes the other's place.
fn fibonacci(x: f32[T]) -> (f32, f32) =
  fold (a, b) = (0.0, 1.0) for t: T -> (b, 0.5 * a + x[t] * b)

/// A recurrent network: each element reads all elements of the state before.
fn rnn_loss(w: f32[E, E], u: f32[E, N], x: f32[T, N]) -> f32 =
  let h = fold h = (for e: E -> 0.0) for t: T ->
    for e -> tanh((sum k -> w[e, k] * h[k]) + (sum n -> u[e, n] * x[t, n]))
  sum e -> h[e] * h[e]

fn rnn(w: f32[E, E], u: f32[E, N], x: f32[T, N]) -> (f32, f32[E, E], f32[E, N], f32[T, N]) =
  let (dw, du, dx) = grad((p: (f32[E, E], f32[E, N], f32[T, N])) -> rnn_of(p))((w, u, x))
  (rnn_loss(w, u, x), dw, du, dx)

fn rnn_of(p: (f32[E, E], f32[E, N], f32[T, N])) -> f32 =
  let (w, u, x) = p
  rnn_loss(w, u, x)

/// A long short-term memory, for sequences of a batch.
fn lstm_loss(p: (f32[4, E, E], f32[B, T, 4, E])) -> f32 =
  let (w, x) = p
  let last = for b: B ->
    let (h, c) = fold (h, c) = (for e: E -> 0.0, for e: E -> 0.0) for t: T ->
      let z = for g: 4, e -> (sum k -> w[g, e, k] * h[k]) + x[b, t, g, e]
      let c = for e -> sigmoid(z[1, e]) * c[e] + sigmoid(z[0, e]) * tanh(z[2, e])
      (for e -> sigmoid(z[3, e]) * tanh(c[e]), c)
    h
  sum b, e -> last[b, e] * last[b, e]

fn lstm(w: f32[4, E, E], x: f32[B, T, 4, E]) -> (f32, f32[4, E, E], f32[B, T, 4, E]) =
  let (dw, dx) = grad(lstm_loss)((w, x))
  (lstm_loss((w, x)), dw, dx)

/// The delta rule: a matrix is carried, whose columns are independent.
fn memory_loss(p: (f32[T, N], f32[T, E], f32[T])) -> f32 =
  let (k, v, r) = p
  let s = fold s = (for i: N, j: E -> 0.0) for t: T ->
    for i, j -> s[i, j] + r[t] * k[t, i] * (v[t, j] - sum m -> k[t, m] * s[m, j])
  sum i, j -> s[i, j] * s[i, j]

fn memory(k: f32[T, N], v: f32[T, E], r: f32[T]) -> (f32, f32[T, N], f32[T, E], f32[T]) =
  let (dk, dv, dr) = grad(memory_loss)((k, v, r))
  (memory_loss((k, v, r)), dk, dv, dr)

/// The forward algorithm of a hidden Markov model, with a softmax in each step.
fn likelihood(m: f32[E, E], x: f32[T, E]) -> (f32, f32[E, E]) =
  let log_of = (m: f32[E, E]) ->
    let (p, s) = fold (p, s) = (for e: E -> 1.0, 0.0) for t: T ->
      let q = for e -> exp(x[t, e]) * sum k -> exp(m[k, e]) * p[k]
      let total = sum e -> q[e]
      (for e -> q[e] / total, s + log(total))
    s
  (log_of(m), grad(log_of)(m))

/// Viterbi's scores: maxima, and positions of maxima that are carried as whole numbers.
fn best(m: f32[E, E], x: f32[T, E]) -> (f32[E], i32[E]) =
  fold (p, at) = (for e: E -> 0.0, for e: E -> i32(0)) for t: T ->
    let from = for e -> argmax k -> p[k] + m[k, e]
    (for e -> x[t, e] + p[from[e]] + m[from[e], e], for e -> i32(from[e]))

/// A loss that is summed up beside the state.
fn beside_loss(p: (f32[T, E], f32[T, E])) -> f32 =
  let (a, x) = p
  let (h, s) = fold (h, s) = (for e: E -> 0.0, 0.0) for t: T ->
    let h = for e -> a[t, e] * h[e] + x[t, e]
    (h, s + sum e -> (h[e] - 0.5 * x[t, e]) * (h[e] - 0.5 * x[t, e]))
  s

fn beside(a: f32[T, E], x: f32[T, E]) -> (f32, f32[T, E], f32[T, E]) =
  let (da, dx) = grad(beside_loss)((a, x))
  (beside_loss((a, x)), da, dx)

/// Truth values are carried, and each iteration counts those that hold.
fn seen(x: f32[T, E]) -> (i32[E], f32) =
  let (s, n) = fold (s, n) = (for e: E -> false, 0.0) for t: T ->
    let s = for e -> s[e] or x[t, e] > 0.4
    (s, 0.5 * n + sum e -> if s[e] then 1.0 else 0.0)
  (for e -> if s[e] then 1 else 0, n)

/// Independent sequences, and a number that all lanes of a sequence share.
fn batch(x: f32[B, T, E], g: f32[B, T]) -> (f32[E], f32)[B] =
  for b ->
    let (h, s) = fold (h, s) = (for e: E -> 0.0, 0.0) for t: T ->
      (for e -> h[e] * g[b, t] + x[b, t, e] * s, 0.5 * s + g[b, t])
    (h, s)

/// A loop in a loop.
fn nested(x: f32[N, T, E]) -> f32[E] =
  fold h = (for e: E -> 0.1) for n: N ->
    fold g = (for e -> 0.5 * h[e]) for t: T -> for e -> 0.9 * g[e] + x[n, t, e] * h[e]

/// Sums of gradients of what all iterations share.
fn shared(a: f32[E], x: f32[T, E]) -> f32[E] =
  grad((a: f32[E]) ->
    let h = fold h = (for e: E -> 0.0) for t: T -> for e -> a[e] * h[e] + x[t, e] * a[e]
    sum e -> h[e] * h[e])(a)

/// A table that the loop fills and reads at the place before.
fn filled(x: f32[T]) -> f32[T] =
  fold y = (for t: T -> 1.0) for l: T ->
    for t -> if t == l then x[l] + 0.5 * y.at(l - 1, else: 0) else y[t]
`
