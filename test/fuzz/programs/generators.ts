import type { Choices } from './choices.js'
import { drawn, extent, type Generator, indexBelow, number, type Sample, type SampleInput } from './sample.js'

const parameters = (inputs: readonly SampleInput[]): string =>
  inputs.map(i => `${i.name}: ${i.type}`).join(', ')

/** A module whose `f` gives a number, and whose `main` gives it and its derivative by one parameter. */
const withGradient = (body: string, inputs: readonly SampleInput[], by: string): Sample => {
  const type = inputs.find(i => i.name === by)!.type
  const arguments_ = inputs.map(i => (i.name === by ? 'v' : i.name)).join(', ')
  const given = inputs.map(i => i.name).join(', ')
  return {
    text: [
      'import std.nn',
      '',
      `fn f(${parameters(inputs)}) -> f32 =`,
      body,
      '',
      `fn main(${parameters(inputs)}) -> (f32, ${type}) = (f(${given}), grad(v -> f(${arguments_}))(${by}))`,
      '',
    ].join('\n'),
    inputs,
    smoothBy: by,
  }
}

const shift = (i: string, c: Choices): string => c.one([`${i} + 1`, `${i} - 1`, i, `${i} + 2`, `2 - ${i}`])

/** Guarded reads of shifted rows in folds inside folds, which carry tuples. */
export const shifts: Generator = c => {
  const [t, d, n] = [extent(c), extent(c, 67), c.one([1, 2, 3, 0])]
  const y = drawn('y', `f32[${t}, ${d}]`, c, number)
  const z = drawn('z', `f32[${d}]`, c, number)
  const other = c.one(['0.5', '0', '-1.25'])
  const row = `y.at(${shift('t', c)}, ${c.one(['c', shift('c', c)])}, else: ${other})`
  const rest = c.one(['s[c]', 's.at(c + 1, else: 0)', 'z[c] * s[c]', 's.at(c - 1, else: 0.25)'])
  const step = `for c: ${d} -> sin(${row}) + 0.5 * ${rest}`
  const start = `for c: ${d} -> ${c.one(['0.0', 'z[c]', 'sin(z[c])'])}`
  const plain = `fold s = (${start}) for t: ${t} -> ${step}`
  const pair = [
    `fold (s, q) = (${start}, ${c.one(['0.0', '1.0'])}) for t: ${t} ->`,
    `      (${step}, 0.5 * q + sum c: ${d} -> ${c.one(['s[c]', row])})`,
  ].join('\n')
  const kind = c.below(3)
  const lines =
    kind === 0
      ? [`  let s = ${plain}`, `  sum c: ${d} -> s[c] * (1 + f32(c % 3))`]
      : kind === 1
        ? [`  let (s, q) = ${pair}`, `  q + sum c: ${d} -> s[c]`]
        : [
            `  let s = fold s = (${start}) for l: ${n} ->`,
            `    let s = ${plain.replace(`fold s = (${start})`, 'fold s')}`,
            `    for c: ${d} -> ${c.one(['tanh(s[c])', 's[c] + z[c]', 's.at(c + 1, else: 0) + f32(l)'])}`,
            `  sum c: ${d} -> s[c]`,
          ]
  return withGradient(lines.join('\n'), [y, z], c.one(['y', 'z']))
}

/** Reads at indices that repeat, sums where an index is met, and products of indices. */
export const gathers: Generator = c => {
  const [v, t, d] = [Math.max(1, extent(c)), extent(c, 67), extent(c, 16)]
  const w = drawn('w', `f32[${v}, ${d}]`, c, number)
  const u = drawn('u', `f32[${t * d}]`, c, number)
  const id = drawn('id', `idx[${v}][${t}]`, c, indexBelow(v))
  const e = c.one([
    `sum t: ${t}, d: ${d} -> w[id[t], d] * w[id[t], d]`,
    `sum t: ${t}, d: ${d} -> sin(w[id[t], d]) * u[(t, d)]`,
    `sum v: ${v}, d: ${d} -> w[v, d] * tanh(sum t: ${t} -> if id[t] == v then u[(t, d)] else 0)`,
    `sum v: ${v} -> sin(sum t: ${t} -> if id[t] == v then 1.0 else 0.0) * sum d: ${d} -> w[v, d]`,
    `mean t: ${Math.max(t, 1)} -> sum d: ${d} -> w.at(i32(t) + 1, d, else: 0.5) * w.at(t, d, else: 1)`,
    `sum t: ${t} -> nn.dot(w[id[t]], for d: ${d} -> u[(t, d)] + w[id[t], d])`,
    `sum t: ${t}, s: ${t} -> if id[t] == id[s] then sin(sum d: ${d} -> w[id[s], d] * u[(t, d)]) else 0`,
    `sum t: ${t} -> if id[t] > 0 then sum d: ${d} -> u[(t, d)] ^ 3 else sum d: ${d} -> w[id[t], d] ^ 2`,
  ])
  return withGradient(`  0.125 * (${e})`, [w, u, id], c.one(['w', 'u']))
}

/** Many small tensors: more than the buffers of a stage. */
export const many: Generator = c => {
  const count = c.one([9, 12, 17, 30, 8, 4])
  const d = extent(c, 67)
  const names = Array.from({ length: count }, (_, i) => `x${i}`)
  const inputs = names.map(x => drawn(x, `f32[${d}]`, c, number))
  const f = c.one(['sin', 'tanh', '0.5 *'])
  const sum = names
    .map((x, i) => (i % 3 === 2 ? `${f}(${x}[i] * ${names[i - 1]}[i])` : `${x}[i]`))
    .join(' + ')
  const norm = names.map(x => `(sum i: ${d} -> ${x}[i] * ${x}[i])`).join('\n    + ')
  const body = c.one([
    `  sum i: ${d} -> sin(${sum})`,
    `  let n = 1 + ${norm}\n  (sum i: ${d} -> ${sum}) / sqrt(n)`,
    `  let s = for i: ${d} -> ${sum}\n` +
      `  nn.log_sum_exp(for i: ${Math.max(d, 1)} -> s.at(i, else: 0)) + sum i: ${d} -> s[i] * x0[i]`,
  ])
  return withGradient(body, inputs, c.one(names))
}

const whole = (c: Choices): number =>
  c.one([1, 2, -1, 7, -8, 31, 100, 2147483647, -2147483648, 65536, -65537, 0])

const wholeTerm = (c: Choices, depth: number, leaves: readonly string[]): string => {
  if (depth <= 0) return c.one([...leaves, '3', '(-7)', '2147483647', 'i32(k)'])
  const [a, b] = [wholeTerm(c, depth - 1, leaves), wholeTerm(c, depth - 1 - c.below(2), leaves)]
  return c.one([
    a,
    `(${a} + ${b})`,
    `(${a} * ${b})`,
    `(${a} - ${b})`,
    `div(${a}, ${b})`,
    `(${a} % ${b})`,
    `maximum(${a}, ${b})`,
    `minimum(${a}, ${b})`,
    `(if ${a} < ${b} then ${a} else ${b})`,
    `(-${a})`,
    `abs(${a})`,
    `sign(${a})`,
    `div(${a}, 4)`,
    `(${a} % 5)`,
    `(${a} % 0)`,
    `i32(u32(${a}))`,
    `i32(f32(${a} % 1000) * 0.5)`,
  ])
}

/** Whole numbers that wrap around, by zero and at the ends of the type. */
export const integers: Generator = c => {
  const n = extent(c)
  const inputs = [drawn('x', `i32[${n}]`, c, whole), drawn('y', `i32[${n}]`, c, whole)]
  const each = `for k: ${n} -> ${wholeTerm(c, 3, ['x[k]', 'y[k]'])}`
  const all = `${c.one(['sum', 'max', 'min', 'prod'])} k: ${n} -> ${wholeTerm(c, 2, ['x[k]', 'y[k]'])}`
  return {
    text: `fn main(${parameters(inputs)}) -> (i32[${n}], i32) =\n  (${each},\n  ${all})\n`,
    inputs,
  }
}

const special = (c: Choices): number =>
  c.one([1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, -1, 0.5, -2.5])

const specialTerm = (c: Choices, depth: number): string => {
  if (depth <= 0) return c.one(['x[k]', 'y[k]', '0', '1.5', 'inf', '(-inf)', '(-1)', '(0.0 / 0.0)'])
  const [a, b] = [specialTerm(c, depth - 1), specialTerm(c, depth - 1 - c.below(2))]
  return c.one([
    a,
    `(${a} + ${b})`,
    `(${a} * ${b})`,
    `maximum(${a}, ${b})`,
    `minimum(${a}, ${b})`,
    `(if ${a} ${c.one(['<', '>=', '==', '!='])} ${b} then ${a} else ${b})`,
    `(if not (${a} ${c.one(['<', '>=', '<=', '>'])} ${b}) then 1.0 else ${a})`,
    `(${a} * (if ${b} > 0 then 1 else 0))`,
    `(-${a})`,
    `abs(${a})`,
    `nn.relu(${a})`,
    `nn.clamp(${a}, -1, 1)`,
    `tanh(${a})`,
    `sigmoid(${a})`,
    `f32(i32(${a}))`,
    `sqrt(abs(${a}))`,
    `exp(minimum(${a}, 2))`,
    `(0 * ${a})`,
    `(max k -> x[k] + ${c.one(['0', 'y[k]'])})`,
    `f32(argmax k -> x[k] * y[k])`,
  ])
}

/** Inputs that are infinite or not a number. */
export const specials: Generator = c => {
  const n = Math.max(1, extent(c))
  const inputs = [drawn('x', `f32[${n}]`, c, special), drawn('y', `f32[${n}]`, c, special)]
  const each = `for k: ${n} -> ${specialTerm(c, 3)}`
  const all = `${c.one(['sum', 'max', 'min', 'mean'])} k: ${n} -> ${specialTerm(c, 2)}`
  const lse = c.one([
    'nn.log_sum_exp(x)',
    'nn.softmax(x)[0]',
    'f32(argmin k -> x[k])',
    'nn.log_softmax(y)[0]',
  ])
  const text = [
    'import std.nn',
    '',
    `fn main(${parameters(inputs)}) -> (f32[${n}], f32, f32) = (`,
    `  ${each},`,
    `  ${all},`,
    `  ${lse})`,
    '',
  ].join('\n')
  return { text, inputs }
}
