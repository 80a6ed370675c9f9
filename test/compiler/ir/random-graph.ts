import { Builder } from '../../../compiler/ir/builder.js'
import { cast, f32, i32, index, mixedRadix, prim, read } from '../../../compiler/ir/expr.js'
import { regionOf, shapeOf } from '../../../compiler/ir/graph.js'
import type { Axis, Expr, Graph, NodeId, ReduceOp, Region } from '../../../compiler/ir/ir.js'

/** A graph with inputs to run it on. */
export interface RandomProgram {
  readonly graph: Graph
  readonly inputs: ReadonlyMap<string, Float64Array>
}

export interface RandomOptions {
  /** Only differentiable functions, and no choice that depends on f32 values. */
  readonly smooth?: boolean
  /** No folds. */
  readonly flat?: boolean
}

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export const randomNumbers = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/**
 * A random well-formed graph of small tensors: reductions, gathers, guarded reads, product dimensions,
 * one-hot sums, folds up and down, nested ones too, and readers of what folds leave behind. Values stay of
 * the order of 1 to 10.
 */
export const randomGraph = (seed: number, options: RandomOptions = {}): RandomProgram => {
  const random = randomNumbers(seed)
  const chance = (p: number): boolean => random() < p
  const below = (n: number): number => Math.floor(random() * n)
  const pick = <A>(from: readonly A[]): A => from[below(from.length)]!
  const b = new Builder()
  const inputs = new Map<string, Float64Array>()
  const origin = { label: 'random' }
  /** All f32 nodes, and integer nodes with the bound of their values. */
  const reals: NodeId[] = []
  const indices: { readonly node: NodeId; readonly bound: number }[] = []

  const newAxis = (): Axis => b.axis(pick(['i', 'j', 'k', 't', 'd']), pick([1, 2, 2, 3, 3, 4]))

  const position = (extent: number, scope: readonly Axis[], path: readonly Region[], depth: number): Expr => {
    const choices: (() => Expr)[] = [() => i32(below(extent))]
    for (const a of scope) {
      if (a.extent <= extent) {
        choices.push(
          () => index(a),
          () => index(a),
          () => index(a),
        )
        choices.push(() => prim('sub', i32(extent - 1), index(a)))
        if (a.extent < extent) choices.push(() => prim('add', index(a), i32(extent - a.extent)))
      } else {
        choices.push(() => prim('mod', index(a), i32(extent)))
        if (Math.ceil(a.extent / 2) <= extent) choices.push(() => prim('idiv', index(a), i32(2)))
      }
      for (const c of scope)
        if (c !== a && a.extent * c.extent <= extent) {
          const wide = (): Expr => mixedRadix([index(a), index(c)], [a.extent, c.extent])
          choices.push(wide, wide, wide)
        }
    }
    const usable = indices.filter(x => x.bound <= extent)
    if (usable.length > 0 && depth > 0)
      choices.push(() => readNode(pick(usable).node, scope, path, depth - 1))
    return pick(choices)()
  }

  const outside = (extent: number, scope: readonly Axis[]): Expr =>
    scope.length === 0
      ? i32(below(extent + 2) - 1)
      : pick([
          () => prim('sub', index(pick(scope)), i32(1 + below(2))),
          () => prim('add', index(pick(scope)), i32(below(3))),
          () => prim('sub', index(pick(scope)), index(pick(scope))),
        ])()

  const readNode = (id: NodeId, scope: readonly Axis[], path: readonly Region[], depth: number): Expr => {
    const node = b.node(id)
    const inner = b.enclosing(regionOf(node))
    const common = inner.filter((r, i) => path[i]?.id === r.id).length
    const shape = shapeOf(node)
    const guarded = common < shape.length && chance(0.15)
    const at = shape.map((extent, i) => {
      if (i >= common)
        return guarded && chance(0.7) ? outside(extent, scope) : position(extent, scope, path, depth)
      const r = inner[i]!
      const later = node.kind === 'carry' && node.region === r.id && r.direction === 'down'
      return later ? prim('add', index(r.axis), i32(1)) : index(r.axis)
    })
    return read(id, node.dtype, at, guarded)
  }

  const condition = (scope: readonly Axis[]): Expr =>
    scope.length === 0
      ? prim('lt', i32(below(3)), i32(below(3)))
      : prim(pick(['lt', 'le', 'gt', 'ge', 'eq', 'ne'] as const), index(pick(scope)), i32(below(5)))

  const value = (scope: readonly Axis[], path: readonly Region[], depth: number): Expr => {
    if (depth === 0 || chance(0.2)) {
      if (chance(0.75)) return readNode(pick(reals), scope, path, 2)
      if (scope.length > 0 && chance(0.5)) return cast('f32', index(pick(scope)))
      return f32(pick([0, 1, 2, 0.5, -1]))
    }
    const sub = (): Expr => value(scope, path, depth - 1)
    const shared = sub()
    const choices: (() => Expr)[] = [
      () => prim('add', shared, sub()),
      () => prim('sub', shared, sub()),
      () => prim('mul', shared, sub()),
      () => prim('mul', shared, prim('sigmoid', shared)),
      () => prim('neg', shared),
      () => prim('tanh', shared),
      () => prim('sin', shared),
      () => prim('exp', prim('sin', shared)),
      () => prim('select', condition(scope), shared, sub()),
      () => prim('select', prim('and', condition(scope), prim('not', condition(scope))), shared, f32(0)),
      () => prim('div', shared, prim('add', f32(2), prim('sin', sub()))),
    ]
    if (!options.smooth)
      choices.push(
        () => prim('max', shared, sub()),
        () => prim('min', shared, sub()),
        () => prim('abs', shared),
        () => prim('floor', shared),
        () => prim('select', prim('lt', shared, sub()), shared, sub()),
        () => prim('stop', shared),
      )
    return pick(choices)()
  }

  const newDims = (): readonly (readonly Axis[])[] =>
    Array.from({ length: below(4) }, () => (chance(0.2) ? [newAxis(), newAxis()] : [newAxis()]))

  const compute = (path: readonly Region[], ownDims: readonly (readonly Axis[])[]): NodeId => {
    const regionAxes = path.map(r => r.axis)
    const dims = [...regionAxes.map(a => [a]), ...ownDims]
    const region = path[path.length - 1]?.id
    const where = region === undefined ? {} : { region }
    const scope = dims.flat()
    if (chance(0.1) && indices.length > 0) {
      const i = newAxis()
      const wanted = readNode(pick(indices).node, scope, path, 1)
      const hot = prim('eq', index(i), wanted)
      const body = prim('select', hot, value([...scope, i], path, 1), f32(0))
      return b.compute({ dtype: 'f32', dims, reduce: { op: 'sum', axes: [i] }, body, ...where, origin })
    }
    if (chance(0.4)) {
      const axes = chance(0.3) ? [newAxis(), newAxis()] : [newAxis()]
      const op: ReduceOp = options.smooth ? 'sum' : pick(['sum', 'sum', 'sum', 'max', 'min', 'prod'] as const)
      const body = prim('tanh', value([...scope, ...axes], path, 2))
      return b.compute({ dtype: 'f32', dims, reduce: { op, axes }, body, ...where, origin })
    }
    const body = value(scope, path, chance(0.4) ? 0 : 2 + below(2))
    return b.compute({ dtype: 'f32', dims, body: chance(0.3) ? prim('sin', body) : body, ...where, origin })
  }

  const position1 = (path: readonly Region[]): void => {
    const regionAxes = path.map(r => r.axis)
    const region = path[path.length - 1]?.id
    const where = region === undefined ? {} : { region }
    const dims = [...regionAxes.map(a => [a]), [newAxis()]]
    const i = newAxis()
    const body = value([...dims.flat(), i], path, 1)
    const op = pick(['argmax', 'argmin'] as const)
    const node = b.compute({ dtype: 'i32', dims, reduce: { op, axes: [i] }, body, ...where, origin })
    indices.push({ node, bound: i.extent })
  }

  const fold = (outer: readonly Region[]): void => {
    const l = b.axis('l', 1 + below(3))
    const parent = outer[outer.length - 1]?.id
    const region = b.region(l, pick(['up', 'down'] as const), parent)
    const path = [...outer, region]
    const inits = reals.filter(id => {
      const of = b.enclosing(regionOf(b.node(id)))
      return b.node(id).kind !== 'carry' && of.every((r, i) => outer[i]?.id === r.id)
    })
    const carries = Array.from({ length: 1 + below(2) }, () => {
      const init = pick(inits)
      const depth = b.enclosing(regionOf(b.node(init))).length
      const slot = shapeOf(b.node(init)).slice(depth)
      const shape = [...outer.map(r => r.axis.extent), l.extent + 1, ...slot]
      return { node: b.openCarry({ dtype: 'f32', shape, region: region.id, init, origin }), slot }
    })
    reals.push(...carries.map(c => c.node))
    some(path, 1 + below(3))
    if (outer.length < 2 && chance(0.25)) fold(path)
    for (const c of carries) {
      const dims = c.slot.map(extent => [b.axis('c', extent)])
      b.closeCarry(c.node, compute(path, dims))
    }
  }

  const some = (path: readonly Region[], count: number): void => {
    for (let n = 0; n < count; n++) {
      if (!options.smooth && chance(0.1)) position1(path)
      else reals.push(compute(path, newDims()))
    }
  }

  for (let n = 0; n < 3; n++) {
    const shape = Array.from({ length: below(4) }, () => 1 + below(4))
    const size = shape.reduce((x, y) => x * y, 1)
    reals.push(b.input(`x${n}`, 'f32', shape))
    inputs.set(
      `x${n}`,
      Float64Array.from({ length: size }, () => Math.fround(4 * random() - 2)),
    )
  }
  reals.push(b.literal('f32', [3], [0.5, -1, 2], origin))
  for (const bound of [2, 3]) {
    indices.push({ node: b.input(`n${bound}`, 'i32', [4]), bound })
    inputs.set(
      `n${bound}`,
      Float64Array.from({ length: 4 }, () => below(bound)),
    )
  }
  indices.push({ node: b.literal('i32', [2, 2], [1, 0, 0, 1], origin), bound: 2 })
  for (let n = 1 + below(3); n > 0; n--) {
    some([], 1 + below(3))
    if (!options.flat && chance(0.6)) fold([])
  }
  reals.push(compute([], newDims()))
  b.output('last', reals[reals.length - 1]!)
  for (let n = 0; n < 2; n++) b.output(`some${n}`, pick(reals))
  return { graph: b.finish(), inputs }
}
