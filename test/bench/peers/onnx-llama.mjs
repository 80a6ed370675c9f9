import { causalMask, rotations } from './model.mjs'
import { OnnxGraph } from './onnx.mjs'

/** The parts of a Llama that do not depend on how attention is done. */
const pieces = (g, { sizes, layers, embed, head, norm }) => {
  const { E, D, F, V, eps } = sizes
  const epsilon = g.floats([1], [eps])
  const half = g.integers(D / 2, D / 2)
  const table = g.floats([V, E], embed)
  const weights = layers.map(w => ({
    attentionNorm: g.floats([E], w.attentionNorm),
    ...Object.fromEntries(['q', 'k', 'v', 'o'].map(name => [name, g.floats([E, E], w[name])])),
    mlpNorm: g.floats([E], w.mlpNorm),
    gate: g.floats([E, F], w.gate),
    up: g.floats([E, F], w.up),
    down: g.floats([F, E], w.down),
  }))
  const last = g.floats([E], norm)
  const out = g.floats([E, V], head)
  const op = (type, ...inputs) => g.op(type, inputs)
  const rmsNorm = (x, w) => {
    const square = g.op('ReduceMean', [op('Mul', x, x)], { axes: [-1], keepdims: 1 })
    return op('Mul', op('Div', x, op('Sqrt', op('Add', square, epsilon))), w)
  }
  return {
    op,
    weights,
    embedded: tokens => op('Gather', table, tokens),
    rmsNorm,
    rotate: (x, cos, sin) => {
      const [a, b] = g.ops('Split', [x, half], 2, { axis: -1 })
      const first = op('Sub', op('Mul', a, cos), op('Mul', b, sin))
      return g.op('Concat', [first, op('Add', op('Mul', b, cos), op('Mul', a, sin))], { axis: -1 })
    },
    feedForward: (x, w) => {
      const n = rmsNorm(x, w.mlpNorm)
      const gate = op('MatMul', n, w.gate)
      const hidden = op('Mul', op('Mul', gate, op('Sigmoid', gate)), op('MatMul', n, w.up))
      return op('Add', x, op('MatMul', hidden, w.down))
    },
    logits: x => op('MatMul', rmsNorm(x, last), out),
  }
}

/**
 * Tokens and targets `[B · T]`, `factor` and `shift` `[L, 1, H, 1, D]`, to `loss`: the mean cross-entropy.
 */
export const forwardModel = (model, B, T) => {
  const g = new OnnxGraph()
  const { L, E, H, D } = model.sizes
  const [tokens, targets] = ['tokens', 'targets'].map(name => g.input(name, 'int64', [B * T]))
  const [factor, shift] = ['factor', 'shift'].map(name => g.input(name, 'float32', [L, 1, H, 1, D]))
  const { op, weights, embedded, rmsNorm, rotate, feedForward, logits } = pieces(g, model)
  const tables = rotations(model.sizes, T)
  const [cos, sin] = [tables.cos, tables.sin].map(table => g.floats([1, 1, T, D / 2], table))
  const mask = g.floats([T, T], causalMask(T))
  const scale = g.floats([1], [1 / Math.sqrt(D)])
  const [split, joined] = [g.integers(B, T, H, D), g.integers(B * T, E)]
  const heads = x => g.op('Transpose', [op('Reshape', x, split)], { perm: [0, 2, 1, 3] })
  let x = embedded(tokens)
  for (const [l, w] of weights.entries()) {
    const n = rmsNorm(x, w.attentionNorm)
    const q = rotate(heads(op('MatMul', n, w.q)), cos, sin)
    const k = rotate(heads(op('MatMul', n, w.k)), cos, sin)
    const v = heads(op('MatMul', n, w.v))
    const scores = op('MatMul', q, g.op('Transpose', [k], { perm: [0, 1, 3, 2] }))
    const p = g.op('Softmax', [op('Add', op('Mul', scores, scale), mask)], { axis: -1 })
    const layer = g.constant('int64', [], BigInt64Array.of(BigInt(l)))
    const edited = op('Mul', op('MatMul', p, v), op('Gather', factor, layer))
    const z = g.op('Transpose', [op('Add', edited, op('Gather', shift, layer))], { perm: [0, 2, 1, 3] })
    x = feedForward(op('Add', x, op('MatMul', op('Reshape', z, joined), w.o)), w)
  }
  const all = logits(x)
  const chosen = g.op('GatherElements', [all, op('Unsqueeze', targets, g.integers(1))], { axis: 1 })
  const total = g.op('ReduceLogSumExp', [all], { axes: [-1], keepdims: 1 })
  const loss = g.op('ReduceMean', [op('Sub', total, chosen)], { axes: [0, 1], keepdims: 0 })
  g.output(loss, 'loss', 'float32', [])
  return g.bytes()
}

/**
 * One more token of one sequence: `token` and `position` `[1]`, the keys and values so far `[H, past, D]` of
 * each layer, to `next`, the likeliest token, and the keys and values with the new ones.
 */
export const decoderModel = (model, most) => {
  const g = new OnnxGraph()
  const { E, H, D } = model.sizes
  const [token, position] = ['token', 'position'].map(name => g.input(name, 'int64', [1]))
  const { op, weights, embedded, rmsNorm, rotate, feedForward, logits } = pieces(g, model)
  const tables = rotations(model.sizes, most)
  const [cos, sin] = [tables.cos, tables.sin].map(table =>
    op('Gather', g.floats([most, D / 2], table), position),
  )
  const scale = g.floats([1], [1 / Math.sqrt(D)])
  const [split, joined] = [g.integers(H, 1, D), g.integers(1, E)]
  const heads = x => op('Reshape', x, split)
  let x = embedded(token)
  for (const [l, w] of weights.entries()) {
    const n = rmsNorm(x, w.attentionNorm)
    const kept = (kind, x) => {
      const past = g.input(`past_${kind}_${l}`, 'float32', [H, 'past', D])
      const all = g.op('Concat', [past, x], { axis: 1 })
      g.output(all, `${kind}_${l}`, 'float32', [H, 'all', D])
      return all
    }
    const k = kept('key', rotate(heads(op('MatMul', n, w.k)), cos, sin))
    const v = kept('value', heads(op('MatMul', n, w.v)))
    const q = rotate(heads(op('MatMul', n, w.q)), cos, sin)
    const scores = op('MatMul', q, g.op('Transpose', [k], { perm: [0, 2, 1] }))
    const z = op('MatMul', g.op('Softmax', [op('Mul', scores, scale)], { axis: -1 }), v)
    x = feedForward(op('Add', x, op('MatMul', op('Reshape', z, joined), w.o)), w)
  }
  g.output(g.op('ArgMax', [logits(x)], { axis: -1, keepdims: 0 }), 'next', 'int64', [1])
  return g.bytes()
}

/** `[m, k]` times `[k, n]`, or times `[n, k]` transposed. */
export const productModel = (m, n, k, transposedRight) => {
  const g = new OnnxGraph()
  const a = g.input('a', 'float32', [m, k])
  const b = g.input('b', 'float32', transposedRight ? [n, k] : [k, n])
  const right = transposedRight ? g.op('Transpose', [b], { perm: [1, 0] }) : b
  g.output(g.op('MatMul', [a, right]), 'c', 'float32', [m, n])
  return g.bytes()
}
