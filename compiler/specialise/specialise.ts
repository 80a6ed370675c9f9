import type { CoreFn, CoreRecipe, CoreTest, Program } from '../core/core.js'
import { differentiate } from '../differentiate/differentiate.js'
import { Builder } from '../ir/builder.js'
import { index } from '../ir/expr.js'
import type { Graph } from '../ir/ir.js'
import { bindAll, type Context, evaluate, match } from './evaluate.js'
import { leavesOf } from './leaves.js'
import { inputsOf, inputValue, isGiven } from './parameters.js'
import { Materialiser, top } from './scope.js'
import { asExpr, number, unexpected, type Value } from './value.js'

/** A setting as the user writes it: a number, a truth value, or one of its choices. */
export type SettingValue = number | boolean | string

/** What becomes numbers: every size, the module constants that the model's configuration gives, and the settings. */
export interface Bindings {
  readonly sizes: ReadonlyMap<string, number>
  readonly constants?: ReadonlyMap<string, number | boolean>
  /** Settings that are not f32: those are inputs, so that another rate needs no other kernels. */
  readonly settings?: ReadonlyMap<string, SettingValue>
}

const contextFor = (program: Program, bindings: Bindings): Context => ({
  program,
  m: new Materialiser(new Builder()),
  sizes: bindings.sizes,
  constants: bindings.constants ?? new Map(),
  variables: new Map(),
  scope: top,
  label: '',
})

/** Adds an output for every tensor of a value, named by its path: `result`, `0`, `1.edits.scale`. */
const addOutputs = (c: Context, v: Value, prefix: string): void => {
  for (const leaf of leavesOf(c.m, v, prefix)) {
    const own = leaf.shape.map((n, i) => c.m.builder.axis('ijkmn'[i % 5]!, n))
    const name = leaf.name === '' ? 'result' : leaf.name
    const made = c.m.node({
      scope: top,
      own: own.map(a => [a]),
      body: leaf.at(own.map(index)),
      here: { label: name, span: nowhere },
    })
    c.m.builder.output(name, made.id)
  }
}

const nowhere = { source: { name: '', text: '' }, start: 0, end: 0 }

const withParams = (c: Context, fn: CoreFn): Context =>
  fn.params.reduce(
    (inner, p) =>
      bindAll(inner, [
        [p.id, isGiven(p) ? inputValue(c.m.builder, p.name, p.type, c.sizes) : evaluate(inner, p.default!)],
      ]),
    c,
  )

/** A function's graph: an input for each tensor of its parameters, an output for each of its result. */
export const specialiseFn = (program: Program, fn: CoreFn, bindings: Bindings): Graph => {
  const c = withParams({ ...contextFor(program, bindings), label: fn.name }, fn)
  addOutputs(c, evaluate(c, fn.body), '')
  return c.m.builder.finish()
}

/**
 * A function's value (`value`) and its derivatives with respect to the tensors of one parameter (`grad.…`). The function gives an
 * f32, or a tuple that begins with one.
 */
export const specialiseGrad = (program: Program, fn: CoreFn, wrt: string, bindings: Bindings): Graph => {
  const c = withParams({ ...contextFor(program, bindings), label: fn.name }, fn)
  const result = evaluate(c, fn.body)
  const first = result.kind === 'tuple' ? result.items[0]! : result
  if (first.kind !== 'scalar' && first.kind !== 'tensor') return unexpected('scalar', first)
  const { builder } = c.m
  const loss = c.m.node({ scope: top, own: [], body: asExpr(first), here: { label: 'value', span: fn.span } })
  const specs = fn.params.filter(p => p.name === wrt).flatMap(p => inputsOf(p.name, p.type))
  const inputs = specs
    .filter(s => s.dtype === 'f32')
    .map(s => [...builder.nodes.values()].find(n => n.kind === 'input' && n.name === s.name)!)
  const cotangents = differentiate(
    builder,
    loss.id,
    inputs.map(n => n.id),
  )
  builder.output('value', loss.id)
  inputs.forEach((n, i) => {
    builder.output(`grad.${n.kind === 'input' ? n.name : ''}`, cotangents[i]!)
  })
  return builder.finish()
}

/**
 * One method of a recipe. Its inputs are the recipe's parameters, its f32 settings as `settings.…`, and its own
 * parameters; outputs are named as for functions.
 */
export const specialiseMethod = (
  program: Program,
  recipe: CoreRecipe,
  method: string,
  bindings: Bindings,
): Graph => {
  const fn = recipe.methods.get(method)
  if (fn === undefined) throw new Error(`recipe ${recipe.name} has no method ${method}`)
  let c: Context = { ...contextFor(program, bindings), label: `${recipe.name}.${method}` }
  for (const p of recipe.params) c = bindAll(c, [[p.id, inputValue(c.m.builder, p.name, p.type, c.sizes)]])
  for (const s of recipe.settings) {
    const given = bindings.settings?.get(s.name)
    const v: Value =
      s.type.kind === 'scalar' && s.type.dtype === 'f32'
        ? inputValue(c.m.builder, `settings.${s.name}`, s.type, c.sizes)
        : given === undefined
          ? evaluate(c, s.value)
          : typeof given === 'string'
            ? { kind: 'choice', name: given }
            : number(s.type.kind === 'scalar' ? s.type.dtype : 'i32', Number(given))
    c = bindAll(c, [[s.id, v]])
  }
  c = withParams(c, fn)
  addOutputs(c, evaluate(c, fn.body), '')
  return c.m.builder.finish()
}

/** A test's expectations: outputs `0.actual`, `0.expected`, `0.within`, `1.actual`, … */
export const specialiseTest = (program: Program, test: CoreTest): Graph => {
  const c = { ...contextFor(program, { sizes: new Map() }), label: test.title }
  test.expectations.forEach((x, i) => {
    const inner = x.lets.reduce(
      (at, l) =>
        bindAll(
          at,
          match(
            l.pattern,
            evaluate({ ...at, label: l.pattern.kind === 'name' ? l.pattern.name : at.label }, l.value),
          ),
        ),
      c as Context,
    )
    addOutputs(c, evaluate(inner, x.actual), `${i}.actual`)
    if (x.expected !== undefined) addOutputs(c, evaluate(inner, x.expected), `${i}.expected`)
    if (x.within !== undefined) addOutputs(c, evaluate(inner, x.within), `${i}.within`)
  })
  return c.m.builder.finish()
}
