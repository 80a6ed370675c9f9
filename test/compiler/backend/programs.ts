import type { DType } from '../../../compiler/artifact.js'
import { Builder } from '../../../compiler/ir/builder.js'
import { f32, i32, index, prim, read } from '../../../compiler/ir/expr.js'
import type { Axis, Expr, Graph, NodeId, ReduceOp } from '../../../compiler/ir/ir.js'
import { randomNumbers } from '../ir/random-graph.js'

/** A graph builder with shorthands for tests. Tensors are f32 unless a dtype is given. */
export class Program {
  readonly b = new Builder()
  readonly data = new Map<string, ArrayLike<number>>()
  private readonly random = randomNumbers(7)

  input(name: string, ...shape: readonly number[]): NodeId {
    const size = shape.reduce((x, y) => x * y, 1)
    this.data.set(
      name,
      Float32Array.from({ length: size }, () => this.random() * 2 - 1),
    )
    return this.b.input(name, 'f32', shape)
  }

  /** Whole numbers below a bound. */
  tokens(name: string, bound: number, ...shape: readonly number[]): NodeId {
    const size = shape.reduce((x, y) => x * y, 1)
    this.data.set(
      name,
      Float32Array.from({ length: size }, () => Math.floor(this.random() * bound)),
    )
    return this.b.input(name, 'i32', shape)
  }

  axis(name: string, extent: number): Axis {
    return this.b.axis(name, extent)
  }

  at(node: NodeId, ...axes: readonly (Axis | Expr)[]): Expr {
    const n = this.b.node(node)
    return read(
      node,
      n.dtype,
      axes.map(a => ('op' in a ? a : index(a))),
    )
  }

  map(label: string, dims: readonly Axis[], body: Expr, region?: number): NodeId {
    return this.b.compute({
      dtype: body.dtype,
      dims: dims.map(a => [a]),
      body,
      ...(region === undefined ? {} : { region }),
      origin: { label },
    })
  }

  reduce(
    label: string,
    op: ReduceOp,
    dims: readonly Axis[],
    over: readonly Axis[],
    body: Expr,
    region?: number,
  ): NodeId {
    const dtype: DType = op.startsWith('arg') ? 'i32' : body.dtype
    return this.b.compute({
      dtype,
      dims: dims.map(a => [a]),
      reduce: { op, axes: over },
      body,
      ...(region === undefined ? {} : { region }),
      origin: { label },
    })
  }

  output(name: string, node: NodeId): void {
    this.b.output(name, node)
  }

  finish(): Graph {
    return this.b.finish()
  }
}

const mul = (a: Expr, b: Expr): Expr => prim('mul', a, b)
const add = (a: Expr, b: Expr): Expr => prim('add', a, b)

/** `softmax` of each row. */
export const softmax = (p: Program, rows: number, width: number): void => {
  const x = p.input('x', rows, width)
  const t = p.axis('t', rows)
  const s = p.axis('s', width)
  const m = p.reduce('softmax_max', 'max', [t], [s], p.at(x, t, s))
  const e = p.map('softmax_exp', [t, s], prim('exp', prim('sub', p.at(x, t, s), p.at(m, t))))
  const z = p.reduce('softmax_sum', 'sum', [t], [s], p.at(e, t, s))
  p.output('p', p.map('softmax', [t, s], prim('div', p.at(e, t, s), p.at(z, t))))
}

/**
 * One layer as in Llama, over a batch: norm, queries, keys, values, attention, residual, gated feed-forward,
 * residual.
 */
export const layer = (
  p: Program,
  sizes: {
    readonly B: number
    readonly T: number
    readonly H: number
    readonly D: number
    readonly F: number
  },
  layers: number,
): void => {
  const { B, T, H, D, F } = sizes
  const E = H * D
  const ax = {
    b: p.axis('b', B),
    t: p.axis('t', T),
    s: p.axis('s', T),
    h: p.axis('h', H),
    d: p.axis('d', D),
    e: p.axis('e', E),
    f: p.axis('f', F),
  }
  const { b, t, s, h, d, e, f } = ax
  const x0 = p.input('x', B, T, E)
  const l = p.axis('l', layers)
  const w = {
    norm: p.input('norm', layers, E),
    q: p.input('wq', layers, H, D, E),
    k: p.input('wk', layers, H, D, E),
    v: p.input('wv', layers, H, D, E),
    o: p.input('wo', layers, E, H, D),
    gate: p.input('gate', layers, F, E),
    up: p.input('up', layers, F, E),
    down: p.input('down', layers, E, F),
  }
  const region = p.b.region(l, 'up')
  const r = region.id
  const start = p.map('x0', [b, t, e], p.at(x0, b, t, e))
  const x = p.b.openCarry({
    dtype: 'f32',
    shape: [layers + 1, B, T, E],
    region: r,
    init: start,
    origin: { label: 'x' },
  })
  const norm = (y: (...i: Axis[]) => Expr, label: string): NodeId => {
    const ss = p.reduce(`${label}_ss`, 'sum', [l, b, t], [e], mul(y(b, t, e), y(b, t, e)), r)
    const scale = p.map(
      `${label}_scale`,
      [l, b, t],
      prim('rsqrt', add(prim('div', p.at(ss, l, b, t), f32(E)), f32(1e-5))),
      r,
    )
    return p.map(label, [l, b, t, e], mul(mul(y(b, t, e), p.at(scale, l, b, t)), p.at(w.norm, l, e)), r)
  }
  const n = norm((...i) => p.at(x, l, ...i), 'n')
  const project = (name: string, weight: NodeId): NodeId =>
    p.reduce(name, 'sum', [l, b, h, t, d], [e], mul(p.at(weight, l, h, d, e), p.at(n, l, b, t, e)), r)
  const q = project('q', w.q)
  const k = project('k', w.k)
  const v = project('v', w.v)
  const scores = p.reduce(
    'scores',
    'sum',
    [l, b, h, t, s],
    [d],
    mul(p.at(q, l, b, h, t, d), p.at(k, l, b, h, s, d)),
    r,
  )
  const masked = p.map(
    'masked',
    [l, b, h, t, s],
    prim(
      'select',
      prim('le', index(s), index(t)),
      prim('div', p.at(scores, l, b, h, t, s), f32(Math.sqrt(D))),
      f32(-Infinity),
    ),
    r,
  )
  const most = p.reduce('most', 'max', [l, b, h, t], [s], p.at(masked, l, b, h, t, s), r)
  const ex = p.map(
    'ex',
    [l, b, h, t, s],
    prim('exp', prim('sub', p.at(masked, l, b, h, t, s), p.at(most, l, b, h, t))),
    r,
  )
  const z = p.reduce('z', 'sum', [l, b, h, t], [s], p.at(ex, l, b, h, t, s), r)
  const probability = p.map(
    'p',
    [l, b, h, t, s],
    prim('div', p.at(ex, l, b, h, t, s), p.at(z, l, b, h, t)),
    r,
  )
  const mixed = p.reduce(
    'z_heads',
    'sum',
    [l, b, h, t, d],
    [s],
    mul(p.at(probability, l, b, h, t, s), p.at(v, l, b, h, s, d)),
    r,
  )
  const o = p.reduce(
    'o',
    'sum',
    [l, b, t, e],
    [h, d],
    mul(p.at(w.o, l, e, h, d), p.at(mixed, l, b, h, t, d)),
    r,
  )
  const y = p.map('y', [l, b, t, e], add(p.at(x, l, b, t, e), p.at(o, l, b, t, e)), r)
  const m = norm((...i) => p.at(y, l, ...i), 'm')
  const gate = p.reduce('gate', 'sum', [l, b, t, f], [e], mul(p.at(w.gate, l, f, e), p.at(m, l, b, t, e)), r)
  const up = p.reduce('up', 'sum', [l, b, t, f], [e], mul(p.at(w.up, l, f, e), p.at(m, l, b, t, e)), r)
  const g = p.at(gate, l, b, t, f)
  const act = p.map('act', [l, b, t, f], mul(mul(g, prim('sigmoid', g)), p.at(up, l, b, t, f)), r)
  const down = p.reduce(
    'down',
    'sum',
    [l, b, t, e],
    [f],
    mul(p.at(w.down, l, e, f), p.at(act, l, b, t, f)),
    r,
  )
  const next = p.map('next', [l, b, t, e], add(p.at(y, l, b, t, e), p.at(down, l, b, t, e)), r)
  p.b.closeCarry(x, next)
  p.output('out', p.map('out', [b, t, e], p.at(x, i32(layers), b, t, e)))
}

/** Mean cross-entropy of `[rows, width]` logits. */
export const crossEntropy = (p: Program, rows: number, width: number): void => {
  const x = p.input('logits', rows, width)
  const y = p.tokens('target', width, rows)
  const t = p.axis('t', rows)
  const s = p.axis('s', width)
  const m = p.reduce('most', 'max', [t], [s], p.at(x, t, s))
  const z = p.reduce('z', 'sum', [t], [s], prim('exp', prim('sub', p.at(x, t, s), p.at(m, t))))
  const own = p.map('nll', [t], prim('sub', add(prim('log', p.at(z, t)), p.at(m, t)), p.at(x, t, p.at(y, t))))
  const loss = p.reduce('sum_nll', 'sum', [], [t], p.at(own, t))
  p.output('loss', p.map('loss', [], prim('div', p.at(loss), f32(rows))))
}

/** The gradient of an embedding table: for each word, the sum over its positions. */
export const scatter = (p: Program, words: number, width: number, positions: number): void => {
  const g = p.input('g', positions, width)
  const y = p.tokens('tokens', words, positions)
  const v = p.axis('v', words)
  const e = p.axis('e', width)
  const t = p.axis('t', positions)
  const hit = prim('eq', p.at(y, t), index(v))
  p.output('d_embed', p.reduce('d_embed', 'sum', [v, e], [t], prim('select', hit, p.at(g, t, e), f32(0))))
}
