/**
 * What random programs call: records with sizes, type parameters, constants with choices, product indices,
 * defaults, functions as parameters.
 */
const prelude = `import std.nn
import std.nn (softmax)
import std.optim (adamw, moments)
import std.data (Batch, target_loss)

size N, M
size S = N * M
size O
type P

record R { b: f32[N], c: f32 }
record Both { r: R(N = 2 * N), w: f32[N, M], o: P }

const mode: one | two | three = two
const flags: bool[O] = for o -> o % 2 == 0

fn total(f: (f32) -> f32, x: f32[N]) -> f32 = sum i -> f(x[i])
fn placed(f: (idx[N], f32) -> f32, x: f32[N]) -> f32 = sum i -> f(i, x[i])
fn scaled(x: P, by: f32 = 0.5) -> P = map(v -> by * v, x)
fn joined(x: P, y: P) -> P = map((v, w) -> v + w, x, y)
fn flat(w: f32[N, M]) -> f32[S] = for (i, j) -> w[i, j]
fn rows(x: f32[N * M], like: f32[N]) -> f32[N, M] = for i: N, j: M -> x[(i, j)]
fn longer(x: f32[N], fill: f32 = 1.5) -> f32[N + 1] = for i -> x.at(i, else: fill)
fn shorter(x: f32[N + 1]) -> f32[N] = for i: N -> x.at(i + 1, else: 0)
fn doubled(r: R) -> R(N = 2 * N) = R { b: for (h: 2, i) -> if h == 0 then r.b[i] else -r.b[i], c: r.c }
`

const signature = '(x: f32[N], w: f32[N, M], t: idx[N][M], a: f32, r: R, k: key, o: f32[O])'

/**
 * A random module of small tensors, most of which are well typed: functions, their derivatives, a recipe and
 * a test.
 */
export const randomProgram = (next: (below: number) => number): string => {
  const pick = <A>(from: readonly A[]): A => from[next(from.length)]!
  let names = 0
  const scalar = (depth: number, indices: readonly string[]): string => {
    if (depth <= 0)
      return indices.length > 0 && next(2) === 0
        ? `x[${pick(indices)}]`
        : pick(['a', '0.5', '2', 'f32(N)', '1', 'r.c'])
    const sub = (more: readonly string[] = indices): string => scalar(depth - 1, more)
    const n = names++
    const i = `i${n}`
    const within = [...indices, i]
    const vector = (): string => {
      const v = next(9)
      const rest = (): string => scalar(depth - 1, within)
      return v === 0
        ? 'x'
        : v === 1
          ? `scaled(${pick(['x', 'r.b'])}${pick(['', `, ${sub()}`])})`
          : v === 2
            ? `shorter(longer(x${pick(['', `, ${sub()}`])}))`
            : v === 3
              ? '(for i -> rows(flat(w), x)[i, argmax j -> w[i, j]])'
              : v === 4
                ? 'softmax(x)'
                : v === 5
                  ? `joined(x, for ${i}: N -> ${rest()})`
                  : v === 6
                    ? `(r with { b: for ${i}: N -> ${rest()} }).b`
                    : v === 7
                      ? `(fold s${n} = x for l${n}: ${pick(['M', '2', '3'])} ->
                           for ${i}: N -> 0.5 * s${n}[${i}] + ${rest()})`
                      : `(for ${i}: N -> ${rest()})`
    }
    const whole = (): string => pick(['N', 'M', '7', ...indices])
    const cases: readonly (() => string)[] = [
      () => `(${sub()} ${pick(['+', '-', '*', '/', '^', '%'])} ${sub()})`,
      () => `(${pick(['sum', 'mean', 'prod', 'max', 'min'])} ${i}: N -> ${sub(within)})`,
      () => `(if ${sub()} < ${sub()} then ${sub()} else ${sub()})`,
      () => `(fold s${n} = ${sub()} for ${i}: N -> s${n} * 0.5 + ${sub(within)})`,
      () =>
        `(fold s${n} = ${sub()} for ${i}: N -> ` +
        `fold u${n} = s${n} for j${n}: M -> u${n} * 0.5 + ${sub(within)})`,
      () => `(let v${n} = ${sub()} v${n} + ${sub()})`,
      () => `x[${pick(['argmax', 'argmin'])} ${i}: N -> ${sub(within)}]`,
      () => `x.at(${pick(['max', 'min'])} ${i} -> t[${i}], else: ${sub()})`,
      () =>
        `x.at(${pick(['M', 'N', '-1', '0', ...indices])} ${pick(['+ 1', '- 1', '* 2', ''])}, else: ${sub()})`,
      () => `grad(v${n} -> v${n} * ${sub()})(${sub()})`,
      () => `(let f${n} = y${n} -> y${n} + ${sub()} f${n}(${sub()}) * f${n}(2.0))`,
      () => `${pick(['exp', 'log', 'sqrt', 'sin', 'tanh', 'abs', 'floor', 'stop', 'sigmoid'])}(${sub()})`,
      () =>
        `(sum ${i} -> (for j${n}: M, k${n}: N -> ${sub([...indices, `k${n}`])})` +
        `[${i}, argmin b${n}: N -> x[b${n}]])`,
      () =>
        `(let (p${n}, q${n}) = fold (p${n}, q${n}) = (${sub()}, ${sub()}) ` +
        `for ${i}: M -> (q${n}, p${n} + 1) p${n})`,
      () => `(r with { c: ${sub()} }).c`,
      () => `total(e${n} -> e${n} * ${sub()}, ${vector()})`,
      () => `placed((${i}, e${n}) -> e${n} * ${sub(within)}, ${vector()})`,
      () => `(sum ${i}: N -> ${vector()}[${i}])`,
      () => `nn.dot(${vector()}, ${vector()})`,
      () => `doubled(r).b.at(${pick(['N', '2 * N - 1', '0', ...indices])}, else: ${sub()})`,
      () => `(if mode == ${pick(['one', 'two', 'three'])} then ${sub()} else ${sub()})`,
      () =>
        `(if flags[${pick(['argmax', 'argmin'])} ${i} -> o[${i}] * ${sub()}] then ${sub()} else ${sub()})`,
      () => `uniform(fold_in(k, ${n}), ${indices.length === 0 ? '3' : `(${indices.join(', ')}, 1)`})`,
      () => `(sum (${i}: N, j${n}: M) -> flat(w)[(${i}, j${n})] * ${sub(within)})`,
      () =>
        `(let (p${n}, g${n}) = value_and_grad(y${n} -> total(e${n} -> e${n} * ${sub()}, y${n}))(x) ` +
        `p${n} + (sum ${i} -> g${n}[${i}]))`,
      () => `(if ${pick(['any', 'all'])} ${i}: N -> ${sub(within)} > 0 then ${sub()} else ${sub()})`,
      () => `f32(${pick([`div(${whole()}, ${pick(['2', '3', 'N + 1'])})`, `(${whole()} % 3)`, whole()])})`,
      () => `(sum j${n} -> x[t[j${n}]] * ${sub()})`,
      () =>
        `(let z${n} = scaled((x, r), ${sub()}) let (p${n}, q${n}) = z${n} ` +
        `p${n}[argmax ${i} -> p${n}[${i}]] * q${n}.c)`,
      () => `(sum l${n} -> (for m${n}: M -> R { b: ${vector()}, c: ${sub()} })[l${n}].c)`,
    ]
    return pick(cases)()
  }
  const recipe = (): string => `
recipe Learn {
  setting rate = 0.1
  setting way: plain | bent = ${pick(['plain', 'bent'])}
  state { q: f32[V, V], n: f32 }
  init(key) = { q: for i: V, j: V -> 0.01 * normal(key, (i, j)), n: 0 }
  step(s, batch, key, at) =
    let (loss, d) = value_and_grad(q ->
      target_loss(for b, a -> q[batch.tokens[b, batch.position[b, a]]], batch))(s.q)
    let u = uniform(key, 3)
    let bent = if way == ${pick(['plain', 'bent'])}
      then ${pick(['rate', 'u', 'at.step / at.steps', 's.n'])}
      else ${pick(['rate', '0', 'at.epoch'])}
    ({ q: s.q - (for i, j -> bent * d[i, j]), n: s.n + ${pick(['1', 'loss', 'u', 'bent'])} }, { loss })
  validate(s, batch) = target_loss(for b, a -> s.q[batch.tokens[b, batch.position[b, a]]], batch)
  predict(s, tokens) =
    for t -> ${pick(['s.q[tokens[t]]', 'softmax(s.q[tokens[t]])', 'for j -> s.q[tokens[t], j] * s.n'])}
}
size V
`
  const test = (): string => `
test "small" {
  let x = [1.0, ${pick(['2', '-1', '0'])}]
  let (a, r) = (0.5, R { b: x, c: ${pick(['1', '0.25'])} })
  let w = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
  let (t, k, o) = (for i: 3 -> argmax j: 2 -> x[j], key(${next(9)}), [1.0])
  expect f(x, w, t, a, r, k, o) == f(x, w, t, a, r, k, o)
}
`
  return `${prelude}${next(4) === 0 ? recipe() : ''}
fn f${signature} -> f32 = ${scalar(1 + next(3), [])}
fn g${signature} -> f32[N] = for i -> ${scalar(1 + next(3), ['i'])}
fn h${signature} -> (f32, R) = (${scalar(next(2), [])}, r with { b: for i -> ${scalar(next(3), ['i'])} })
fn d${signature} -> (f32[N], f32[N, M]) =
  (grad(y -> f(y, w, t, a, r, k, o))(x), grad(z -> f(x, z, t, a, r, k, o))(w))
${next(4) === 0 ? test() : ''}`
}
