import fc from 'fast-check'

/**
 * What a random program is made of: trees without types, which `programText` reads as a well-typed program
 * whatever they are. So every smaller tree is a smaller program, and fast-check shrinks as it does any tree.
 */
export interface Gene {
  readonly choice: number
  readonly pick: number
  readonly parts: readonly Gene[]
}

/** A whole program: `lets` before the result, each a tensor. */
export interface Genome {
  readonly sizes: number
  readonly shape: number
  readonly by: number
  readonly lets: readonly Gene[]
  readonly result: Gene
}

export const leaf: Gene = { choice: 0, pick: 0, parts: [] }

/** Genes whose trees are at most so deep. */
const genes = (depth: number): fc.Arbitrary<Gene> => {
  const { gene } = fc.letrec<{ gene: Gene; parts: readonly Gene[] }>(tie => ({
    gene: fc.record({ choice: fc.nat(999), pick: fc.nat(999), parts: tie('parts') }),
    parts: fc.oneof({ maxDepth: depth, depthSize: 'medium', withCrossShrink: true }, fc.constant([]), {
      weight: 3,
      arbitrary: fc.array(tie('gene'), { minLength: 1, maxLength: 2 }),
    }),
  }))
  return gene
}

export const genomes: fc.Arbitrary<Genome> = fc.record({
  sizes: fc.nat(999),
  shape: fc.nat(999),
  by: fc.nat(999),
  lets: fc.array(genes(3), { maxLength: 2 }),
  result: genes(4),
})

/** A, B and C: 1, odd, equal, past a workgroup; one large at most. */
export const sizeTable = [
  [2, 3, 4],
  [1, 1, 1],
  [3, 2, 5],
  [1, 7, 2],
  [67, 3, 2],
  [5, 130, 1],
  [2, 5, 65],
  [300, 2, 3],
  [4, 4, 4],
  [9, 1, 33],
  [8, 16, 2],
  [1, 257, 3],
] as const

export type Size = 'A' | 'B' | 'C' | 'A * C'

interface Tensor {
  readonly name: string
  readonly dims: readonly Size[]
  readonly bound: number
}

export interface Scope {
  readonly extents: Readonly<Record<Size, number>>
  readonly indices: readonly { readonly name: string; readonly size: Size }[]
  readonly scalars: readonly { readonly name: string; readonly bound: number }[]
  readonly tensors: readonly Tensor[]
  /** Elements that an expression here is evaluated for. */
  readonly cost: number
  /**
   * Whether it may be evaluated several times at the same indices, so that no random number is drawn in it.
   */
  readonly repeats: boolean
  readonly fresh: (stem: string) => string
}

/** An f32 expression, and what its absolute value stays below. */
interface Term {
  readonly text: string
  readonly bound: number
}

const most = 40_000
export const choose = <A>(from: readonly A[], n: number): A => from[n % from.length]!

const inputNames = ['x', 'y', 'z', 'u', 'r.w', 'r.s']

/** Kept of the order of one, so that f32 and f64 can be told apart from right and wrong. */
const damped = (text: string, bound: number): Term => {
  if (bound <= 8) return { text: `(${text})`, bound }
  const factor = Number((4 / bound).toPrecision(1))
  return { text: `(${factor} * (${text}))`, bound: bound * factor }
}

/** Index expressions of a size: variables, data, and pairs for a product. */
const indicesOf = (size: Size, scope: Scope): readonly string[] => {
  const own = scope.indices.filter(v => v.size === size).map(v => v.name)
  const of = (s: Size): readonly string[] => scope.indices.filter(v => v.size === s).map(v => v.name)
  if (size === 'A * C') return [...own, ...of('A').flatMap(a => of('C').map(c => `(${a}, ${c})`))]
  if (size === 'A') return [...own, ...of('B').map(b => `n[${b}]`)]
  return own
}

export const readOf = (t: Tensor, pick: number, scope: Scope): Term => {
  if (t.dims.length === 0) return { text: t.name, bound: t.bound }
  const options = t.dims.map(d => indicesOf(d, scope))
  const guarded = options.some(o => o.length === 0) || pick % 5 === 4
  if (!guarded) return { text: `${t.name}[${options.map(o => choose(o, pick)).join(', ')}]`, bound: t.bound }
  const integers = t.dims.map((d, i) => {
    const [v] = scope.indices.filter(x => x.size === d)
    return v === undefined
      ? `${(pick + i) % 2}`
      : choose([`${v.name} - 1`, `${v.name} + 1`, v.name], pick + i)
  })
  return { text: `${t.name}.at(${integers.join(', ')}, else: 0.5)`, bound: t.bound }
}

const leafTerm = (g: Gene, scope: Scope): Term => {
  const v = scope.indices[g.pick % Math.max(1, scope.indices.length)]
  const choices: Term[] = [
    ...scope.tensors.map(t => readOf(t, g.pick, scope)),
    ...scope.scalars.map(s => ({ text: s.name, bound: s.bound })),
    choose(
      [
        { text: '1.0', bound: 1 },
        { text: '0.5', bound: 1 },
        { text: '(-1.5)', bound: 2 },
      ],
      g.pick,
    ),
  ]
  if (v !== undefined) choices.push({ text: `(f32(${v.name}) / ${scope.extents[v.size]})`, bound: 1 })
  return choose(choices, g.choice)
}

/**
 * A condition that both precisions decide alike: of indices, or of numbers that nothing was computed with.
 */
const condition = (g: Gene, scope: Scope): string => {
  const [a, b] = [
    choose([...scope.indices, undefined], g.pick),
    choose([...scope.indices, undefined], g.choice),
  ]
  const op = choose(['<', '<=', '>', '>=', '==', '!='], g.choice)
  if (a !== undefined && g.choice % 3 > 0)
    return b !== undefined && b !== a && b.size === a.size
      ? `${a.name} ${op} ${b.name}`
      : `${a.name} % 3 ${op} 1`
  const inputs = scope.tensors.filter(t => inputNames.includes(t.name))
  const reads = [
    readOf(choose(inputs, g.pick), g.pick, scope),
    readOf(choose(inputs, g.choice), g.choice, scope),
  ]
  const text = `${reads[0]!.text} ${op} ${reads[1]!.text}`
  return g.pick % 4 === 3 ? `not ${text} or ${reads[0]!.text} > 0.25` : text
}

export const withIndex = (scope: Scope, size: Size): { readonly inner: Scope; readonly name: string } => {
  const name = scope.fresh('i')
  const inner = {
    ...scope,
    indices: [{ name, size }, ...scope.indices],
    cost: scope.cost * scope.extents[size],
  }
  return { name, inner }
}

type Construct = (a: Gene, b: Gene, g: Gene, scope: Scope) => Term | undefined

/** Whether a loop runs down. */
const downOr = (g: Gene): string => (g.choice % 2 === 1 ? ' down' : '')

const affordable = (scope: Scope, size: Size): boolean => scope.cost * scope.extents[size] <= most

export const sizeFor = (pick: number): Size => choose<Size>(['A', 'B', 'C'], pick)

const binary =
  (form: (a: string, b: string) => string, bound: (a: number, b: number) => number): Construct =>
  (a, b, _, scope) => {
    const [x, y] = [term(a, scope), term(b, scope)]
    return damped(form(x.text, y.text), bound(x.bound, y.bound))
  }

const unary =
  (form: (a: string) => string, bound: (a: number) => number): Construct =>
  (a, _, __, scope) => {
    const x = term(a, scope)
    return damped(form(x.text), bound(x.bound))
  }

const reduction =
  (op: 'sum' | 'mean' | 'max' | 'min'): Construct =>
  (a, _, g, scope) => {
    const size = sizeFor(g.pick)
    if (!affordable(scope, size)) return undefined
    const { name, inner } = withIndex(scope, size)
    const x = term(a, inner)
    return damped(`${op} ${name}: ${size} -> ${x.text}`, x.bound * (op === 'sum' ? scope.extents[size] : 1))
  }

const constructs: readonly Construct[] = [
  binary(
    (a, b) => `${a} + ${b}`,
    (a, b) => a + b,
  ),
  binary(
    (a, b) => `${a} - ${b}`,
    (a, b) => a + b,
  ),
  binary(
    (a, b) => `${a} * ${b}`,
    (a, b) => a * b,
  ),
  binary(
    (a, b) => `${a} / (2 + sin(${b}))`,
    a => a,
  ),
  binary((a, b) => `maximum(${a}, ${b})`, Math.max),
  binary((a, b) => `minimum(${a}, ${b})`, Math.max),
  unary(
    a => `-${a}`,
    a => a,
  ),
  unary(
    a => `tanh(${a})`,
    () => 1,
  ),
  unary(
    a => `sin(${a})`,
    () => 1,
  ),
  unary(
    a => `sigmoid(${a})`,
    () => 1,
  ),
  unary(
    a => `exp(sin(${a}))`,
    () => 2.8,
  ),
  // A key is used once: what is squared has a name.
  (a, _, __, scope) => {
    const x = term(a, scope)
    const name = scope.fresh('s')
    return damped(`let ${name} = ${x.text}\n    sqrt(1 + ${name} * ${name})`, 1 + x.bound)
  },
  unary(
    a => `log(2 + cos(${a}))`,
    () => 1.1,
  ),
  unary(
    a => `nn.silu(${a})`,
    a => a,
  ),
  (a, b, g, scope) => {
    const [x, y] = [term(a, scope), term(b, scope)]
    return damped(`if ${condition(g, scope)} then ${x.text} else ${y.text}`, Math.max(x.bound, y.bound))
  },
  reduction('sum'),
  reduction('mean'),
  reduction('max'),
  reduction('min'),
  // let
  (a, b, _, scope) => {
    const x = term(a, scope)
    const name = scope.fresh('s')
    const y = term(b, { ...scope, scalars: [{ name, bound: x.bound }, ...scope.scalars] })
    return damped(`let ${name} = ${x.text}\n    (${y.text} + ${name})`, x.bound + y.bound)
  },
  // a lambda handed to a function
  (a, b, _, scope) => {
    const x = term(a, scope)
    const name = scope.fresh('s')
    const scalars = [{ name, bound: Math.max(x.bound, 1) }, ...scope.scalars]
    const y = term(b, { ...scope, scalars, repeats: true })
    return { text: `twice(${name} -> sin(${y.text} + ${name}), ${x.text})`, bound: 1 }
  },
  // a derivative within the program
  (a, b, _, scope) => {
    const x = term(a, scope)
    const name = scope.fresh('s')
    const y = term(b, { ...scope, scalars: [{ name, bound: x.bound }, ...scope.scalars] })
    return { text: `tanh(grad(${name} -> ${y.text} * ${name})(${x.text}))`, bound: 1 }
  },
  // a fold of numbers
  (a, b, g, scope) => {
    const size = sizeFor(g.pick)
    if (scope.extents[size] > 9 || scope.cost > 4_000) return undefined
    const x = term(a, scope)
    const s = scope.fresh('s')
    const { name, inner } = withIndex(scope, size)
    const y = term(b, { ...inner, scalars: [{ name: s, bound: Math.max(x.bound, 2) }, ...inner.scalars] })
    return damped(
      `fold ${s} = ${x.text} for ${name}: ${size}${downOr(g)} -> sin(${y.text}) + 0.5 * ${s}`,
      Math.max(x.bound, 2),
    )
  },
  // what every iteration of a loop gave, read at once
  (a, b, g, scope) => {
    const size = sizeFor(g.pick)
    const at = indicesOf(size, scope)
    if (at.length === 0 || scope.extents[size] > 9 || scope.cost > 1_000) return undefined
    const x = term(a, scope)
    const s = scope.fresh('s')
    const { name, inner } = withIndex(scope, size)
    const y = term(b, { ...inner, scalars: [{ name: s, bound: Math.max(x.bound, 2) }, ...inner.scalars] })
    const scan = `scan ${s} = ${x.text} for ${name}: ${size}${downOr(g)} -> sin(${y.text}) + 0.5 * ${s}`
    return { text: `(${scan})[${choose(at, g.choice)}]`, bound: Math.max(x.bound, 2) }
  },
  // a tensor built and read at once
  (a, _, g, scope) => {
    const size = sizeFor(g.pick)
    const at = indicesOf(size, scope)
    if (at.length === 0 || !affordable(scope, size)) return undefined
    const { name, inner } = withIndex({ ...scope, cost: scope.extents[size] }, size)
    const x = term(a, inner)
    return { text: `(for ${name}: ${size} -> ${x.text})[${choose(at, g.choice)}]`, bound: x.bound }
  },
  // partial reads, given to functions of a row
  (a, _, g, scope) => {
    const at = indicesOf('A', scope)
    if (at.length === 0 || !affordable(scope, 'B')) return undefined
    const { name, inner } = withIndex(scope, 'B')
    const x = term(a, inner)
    const row = `for ${name}: B -> ${x.text}`
    const product = `nn.dot(nn.softmax(y[${choose(at, g.pick)}]), ${row})`
    return damped(product, x.bound)
  },
  // data-dependent reads
  (_, __, g, scope) => {
    if (!affordable(scope, 'A')) return undefined
    const name = scope.fresh('i')
    return { text: `x[${choose(['argmax', 'argmin'], g.pick)} ${name} -> x[${name}]]`, bound: 2 }
  },
  // random numbers
  (_, __, g, scope) => {
    if (scope.repeats) return undefined
    const at = scope.indices.length === 0 ? '3' : `(${scope.indices.map(v => v.name).join(', ')}, 1)`
    // Each draw has a key of its own.
    const key = scope.fresh('key').slice('key'.length)
    return { text: `${choose(['uniform', 'normal'], g.pick)}(key(${key}), ${at})`, bound: 3 }
  },
  // any, all
  (a, b, g, scope) => {
    if (!affordable(scope, 'B')) return undefined
    const { name } = withIndex(scope, 'B')
    const [x, y] = [term(a, scope), term(b, scope)]
    const op = choose(['any', 'all'], g.pick)
    return damped(
      `if (${op} ${name} -> z[${name}] > ${choose([-1.2, 0, 1.3], g.choice)}) then ${x.text} else ${y.text}`,
      Math.max(x.bound, y.bound),
    )
  },
]

export const term = (g: Gene, scope: Scope): Term => {
  if (g.parts.length === 0) return leafTerm(g, scope)
  const made = choose(constructs, g.choice)(g.parts[0] ?? leaf, g.parts[1] ?? leaf, g, scope)
  return made ?? term(g.parts[0]!, scope)
}

export const shapes: readonly (readonly Size[])[] = [
  ['A'],
  [],
  ['B', 'A'],
  ['A * C'],
  ['C', 'B'],
  ['A', 'B'],
  ['C', 'A * C'],
]
