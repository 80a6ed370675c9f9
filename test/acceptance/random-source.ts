import {
  choose,
  type Genome,
  leaf,
  readOf,
  type Scope,
  type Size,
  shapes,
  sizeFor,
  sizeTable,
  term,
  withIndex,
} from './random-terms.js'

const fits = (shape: readonly Size[], extents: Scope['extents']): boolean =>
  shape.reduce((n, s) => n * extents[s], 1) <= 4_000

/** `for … ->` over a shape, with a product's indices bound as a pair. */
const comprehension = (
  shape: readonly Size[],
  scope: Scope,
): { readonly head: string; readonly inner: Scope } => {
  if (shape.length === 0) return { head: '', inner: scope }
  let inner = scope
  const binders = shape.map(s => {
    const bind = (size: Size): string => {
      const next = withIndex(inner, size)
      inner = next.inner
      return `${next.name}: ${size}`
    }
    return s === 'A * C' ? `(${bind('A')}, ${bind('C')})` : bind(s)
  })
  return { head: `for ${binders.join(', ')} -> `, inner }
}

/** The parameters of every program. */
const parameters = 'x: f32[A], y: f32[A, B], z: f32[B], u: f32[A * C], r: Rest, n: idx[A][B]'
const argumentNames = ['x', 'y', 'z', 'u', 'r', 'n'] as const

export const prelude = `import std.nn

record Rest { w: f32[B, C], s: f32 }

fn twice(f: (f32) -> f32, x: f32) -> f32 = f(f(x))
`

/** One program of a module: its function, and what the module's `main` says of it. */
export interface RandomSource {
  readonly text: string
  /** Parameters of `main`. */
  readonly given: string
  /** Two results of `main`: the value, and the derivative of a weighted sum of it by one parameter. */
  readonly results: readonly string[]
  readonly types: readonly string[]
  readonly inputs: readonly {
    readonly name: string
    readonly shape: readonly number[]
    readonly bound?: number
  }[]
}

/** Reads a genome as the program `name`. */
export const programText = (genome: Genome, name: string): RandomSource => {
  const [A, B, C] = choose(sizeTable, genome.sizes)
  const extents = { A, B, C, 'A * C': A * C }
  let count = 0
  const scope: Scope = {
    extents,
    indices: [],
    repeats: false,
    scalars: [],
    tensors: [
      { name: 'x', dims: ['A'], bound: 2 },
      { name: 'y', dims: ['A', 'B'], bound: 2 },
      { name: 'z', dims: ['B'], bound: 2 },
      { name: 'u', dims: ['A * C'], bound: 2 },
      { name: 'r.w', dims: ['B', 'C'], bound: 2 },
      { name: 'r.s', dims: [], bound: 2 },
    ],
    cost: 1,
    fresh: stem => `${stem}${count++}`,
  }
  const usable = shapes.filter(s => fits(s, extents))
  let inner = scope
  const lines = genome.lets.map(g => {
    const dims = choose(usable, g.pick)
    const t = scope.fresh('t')
    const { head, inner: within } = comprehension(dims, inner)
    const fold = sizeFor(g.choice)
    if (g.choice % 4 === 3 && extents[fold] <= 9 && dims.length > 0) {
      const l = withIndex(within, fold)
      const carried = { ...l.inner, tensors: [{ name: t, dims, bound: 1.5 }, ...l.inner.tensors] }
      const start = term(g.parts[0] ?? leaf, within)
      const next = term(g, carried)
      const down = g.choice % 8 === 7 ? ' down' : ''
      inner = { ...inner, tensors: [{ name: t, dims, bound: 1.5 }, ...inner.tensors] }
      return (
        `  let ${t} = fold ${t} = (${head}tanh(${start.text})) for ${l.name}: ${fold}${down} -> ` +
        `${head}tanh(${next.text}) + 0.5 * ${readOf(inner.tensors[0]!, 0, carried).text}`
      )
    }
    const x = term(g, within)
    inner = { ...inner, tensors: [{ name: t, dims, bound: x.bound }, ...inner.tensors] }
    return `  let ${t} = ${head}${x.text}`
  })
  const dims = choose(usable, genome.shape)
  const { head, inner: within } = comprehension(dims, inner)
  const type = dims.length === 0 ? 'f32' : `f32[${dims.join(', ')}]`
  const body = `  ${head}${term(genome.result, within).text}`
  const text = [`fn ${name}(${parameters}) -> ${type} =`, ...lines, body].join('\n')

  const own = (p: string): string => `${name}_${p}`
  const by = choose(['x', 'y', 'z', 'u', 'r'] as const, genome.by)
  const call = `${name}(${argumentNames.map(p => (p === by ? 'v' : own(p))).join(', ')})`
  const axes = dims.map((_, i) => choose(['i', 'j', 'k'], i))
  const weight = ['1.0', ...axes.map((a, i) => `${(i + 1) / 4} * f32(${a} % 3)`)].join(' + ')
  const loss =
    axes.length === 0 ? call : `sum ${axes.join(', ')} -> (${weight}) * ${call}[${axes.join(', ')}]`
  const types = {
    x: `f32[${A}]`,
    y: `f32[${A}, ${B}]`,
    z: `f32[${B}]`,
    u: `f32[${A} * ${C}]`,
    r: `Rest(B = ${B}, C = ${C})`,
    n: `idx[${A}][${B}]`,
  }
  const wide = dims.map(d => extents[d]).join(', ')
  return {
    text,
    given: argumentNames.map(p => `${own(p)}: ${types[p]}`).join(', '),
    types: [dims.length === 0 ? 'f32' : `f32[${wide}]`, types[by]],
    results: [`${name}(${argumentNames.map(own).join(', ')})`, `grad(v -> ${loss})(${own(by)})`],
    inputs: [
      { name: own('x'), shape: [A] },
      { name: own('y'), shape: [A, B] },
      { name: own('z'), shape: [B] },
      { name: own('u'), shape: [A * C] },
      { name: `${own('r')}.w`, shape: [B, C] },
      { name: `${own('r')}.s`, shape: [] },
      { name: own('n'), shape: [B], bound: A },
    ],
  }
}
