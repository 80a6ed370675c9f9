/*
 * Specialisation: the typed core becomes a graph of the tensor IR, for given sizes, constants and
 * settings.
 * The core is evaluated by a partial evaluator (`evaluate.ts`): scalars are IR expressions over the index
 * variables in scope, tensors are functions from positions to expressions, and functions, records and
 * tuples exist only at compile time, so that every call is inlined. Nodes are made where the language's
 * `let` and `for` ask for a tensor (`materialiser.ts`), outside of every loop on which they do not depend.
 * Equal calls are evaluated once (`call-cache.ts`).
 * For example `fn f(x: f32[N]) = for i -> x[i] * scale` with N = 3 becomes `%1[i=3] = %0[i] * scale`.
 * Only conditions on constants are folded here; the rest is for the simplifier.
 */
import type { CoreFn, CoreParam, CoreRecipe, CoreSetting, CoreTest, Program } from '../core/core.js'
import type { Type } from '../core/type.js'
import { differentiate } from '../differentiate/differentiate.js'
import { Builder } from '../ir/builder.js'
import { index, read } from '../ir/expr.js'
import { interpret } from '../ir/interpret.js'
import type { Expr, Graph } from '../ir/ir.js'
import { peelLast } from '../simplify/peel-last.js'
import { CallCache } from './call-cache.js'
import { bindAll, bindLet, type EvalContext, evaluateCore } from './eval-context.js'
import { evaluateByKind } from './evaluate.js'
import { givenValue } from './evaluate-global.js'
import { dimensionsOf, tensorAxes } from './fresh-axes.js'
import { requireNumbers, requireSizes } from './given-sizes.js'
import { leavesOf } from './leaves.js'
import { Materialiser } from './materialiser.js'
import { inputsOf, inputValue, isGiven, type StandIn } from './parameters.js'
import { top } from './scope.js'
import {
  asExpr,
  type ConstantValue,
  type CoreValue,
  constantOf,
  type GivenValue,
  unexpected,
} from './value.js'

export { type ConstantValue, type GivenValue, isList } from './value.js'

/**
 * The given values: every size, the module constants that the model's configuration gives, and the
 * settings.
 */
export interface Bindings {
  readonly sizes: ReadonlyMap<string, number>
  readonly constants?: ReadonlyMap<string, ConstantValue>
  /** Settings that are not f32: those are inputs, so that another rate needs no other kernels. */
  readonly settings?: ReadonlyMap<string, GivenValue>
  /** Inputs that are not there, such as the biases of a checkpoint without, and what stands in for them. */
  readonly absent?: ReadonlyMap<string, StandIn>
  /**
   * Where the program uses a size as a number, the graph reads an input `size N` instead of the constant N,
   * so that nothing is computed from the numbers at hand.
   */
  readonly sizesAsInputs?: true
}

/** The context of a whole graph: with what the outside decided. */
interface Root extends EvalContext {
  readonly settings: ReadonlyMap<string, GivenValue>
}

export const contextFor = (program: Program, bindings: Bindings, label: string): Root => {
  requireNumbers(label, bindings.sizes)
  const m = new Materialiser(new Builder(undefined, bindings.sizesAsInputs))
  return {
    program,
    evaluateKind: evaluateByKind,
    m,
    calls: new CallCache(m.builder),
    sizes: bindings.sizes,
    sizeValue: bindings.sizesAsInputs ? sizeInputs(m.builder) : undefined,
    constants: bindings.constants ?? new Map(),
    absent: bindings.absent ?? new Map(),
    settings: bindings.settings ?? new Map(),
    variables: new Map(),
    scope: top,
    label,
  }
}

/**
 * A constant's own value where the outside gives others: a number, truth value or choice; undefined for a
 * list, or for what only the simplifier would fold.
 */
export const constantValue = (
  program: Program,
  id: string,
  constants: ReadonlyMap<string, ConstantValue>,
): GivenValue | undefined => {
  const { type, value, span } = program.consts.get(id)!
  if (type.kind === 'tensor') return undefined
  const c = contextFor(program, { sizes: new Map(), constants }, id)
  const found = evaluateCore(c, { kind: 'global', id, type: value.type, span })
  return found.kind === 'choice' ? found.name : constantOf(found)
}

/** The input that stands for a size, one for each number. */
const sizeInputs = (builder: Builder): ((n: number) => Expr) => {
  const known = new Map<number, Expr>()
  return n => {
    const e = known.get(n) ?? read(builder.input(`size ${n}`, 'i32', []), 'i32', [])
    known.set(n, e)
    return e
  }
}

const inputOf = (c: EvalContext, name: string, type: Type): CoreValue =>
  inputValue(c.m.builder, name, type, c)

export const paramValue = (c: EvalContext, p: CoreParam): CoreValue =>
  isGiven(p) ? inputOf(c, p.name, p.type) : evaluateCore(c, p.default!)

/** Adds an output for every tensor of a value, named by its path: `result`, `0`, `1.edits.scale`. */
export const addOutputs = (c: EvalContext, v: CoreValue, prefix: string): void => {
  for (const leaf of leavesOf(c.m, v, prefix)) {
    const own = tensorAxes(c.m.builder, leaf.shape)
    const name = leaf.name === '' ? 'result' : leaf.name
    const made = c.m.node({
      scope: top,
      own: dimensionsOf(own),
      body: leaf.at(own.map(index)),
      here: { label: name, span: nowhere },
    })
    c.m.builder.output(name, made.id)
  }
}

const nowhere = { source: { name: '', text: '' }, start: 0, end: 0 }

const withParams = (c: EvalContext, fn: CoreFn): EvalContext =>
  fn.params.reduce((inner, p) => bindAll(inner, [[p.id, paramValue(inner, p)]]), c)

/**
 * A function's graph: an input for each tensor of its parameters, an output for each of its result. Throws
 * a `SizesError` where the sizes given are not just the function's own.
 */
export const specialiseFn = (program: Program, fn: CoreFn, bindings: Bindings): Graph => {
  requireSizes(fn.name, fn.sizes, bindings.sizes)
  const c = withParams(contextFor(program, bindings, fn.name), fn)
  addOutputs(c, evaluateCore(c, fn.body), '')
  return c.m.builder.finish()
}

/**
 * A function's value (`value`) and its derivatives with respect to the tensors of one parameter (`grad.…`).
 * The function gives an f32, or a tuple that begins with one. Throws a `SizesError` like {@link
 * specialiseFn}.
 */
export const specialiseGrad = (program: Program, fn: CoreFn, wrt: string, bindings: Bindings): Graph => {
  requireSizes(fn.name, fn.sizes, bindings.sizes)
  const c = withParams(contextFor(program, bindings, fn.name), fn)
  const result = evaluateCore(c, fn.body)
  const first = result.kind === 'tuple' ? result.items[0]! : result
  if (first.kind !== 'scalar' && first.kind !== 'tensor') return unexpected('scalar', first)
  const { builder } = c.m
  const made = c.m.node({ scope: top, own: [], body: asExpr(first), here: { label: 'value', span: fn.span } })
  // A derivative that is printed holds for all sizes.
  const narrow = bindings.sizesAsInputs ? undefined : peelLast(builder, [made.id])
  const loss = narrow?.get(made.id) ?? made.id
  const specs = fn.params.filter(p => p.name === wrt).flatMap(p => inputsOf(p.name, p.type))
  const inputs = specs
    .filter(s => s.dtype === 'f32')
    .map(s => [...builder.nodes.values()].find(n => n.kind === 'input' && n.name === s.name)!)
  const cotangents = differentiate(
    builder,
    loss,
    inputs.map(n => n.id),
  )
  builder.output('value', loss)
  inputs.forEach((n, i) => {
    builder.output(`grad.${n.kind === 'input' ? n.name : ''}`, cotangents[i]!)
  })
  return builder.finish()
}

/** A recipe's method in a context where the recipe's parameters and settings have values. */
export const methodContext = (
  program: Program,
  recipe: CoreRecipe,
  method: string,
  bindings: Bindings,
): { readonly c: EvalContext; readonly fn: CoreFn } => {
  const fn = recipe.methods.get(method)
  if (fn === undefined) throw new Error(`recipe ${recipe.name} has no method ${method}`)
  const root = contextFor(program, bindings, `${recipe.name}.${method}`)
  let c: EvalContext = root
  for (const p of recipe.params) c = bindAll(c, [[p.id, inputOf(c, p.name, p.type)]])
  for (const s of recipe.settings)
    if (!s.isSize) c = bindAll(c, [[s.id, settingValue(c, s, root.settings.get(s.name))]])
  return { c, fn }
}

const settingValue = (c: EvalContext, s: CoreSetting, given: GivenValue | undefined): CoreValue => {
  if (s.type.kind === 'scalar' && s.type.dtype === 'f32') return inputOf(c, `settings.${s.name}`, s.type)
  if (given === undefined) return evaluateCore(c, s.value)
  return givenValue(s.type, given)
}

/**
 * One method of a recipe. Its inputs are the recipe's parameters, its f32 settings as `settings.…`, and its
 * own parameters; outputs are named as for functions.
 */
export const specialiseMethod = (
  program: Program,
  recipe: CoreRecipe,
  method: string,
  bindings: Bindings,
): Graph => {
  const { c: outer, fn } = methodContext(program, recipe, method, bindings)
  const c = withParams(outer, fn)
  addOutputs(c, evaluateCore(c, fn.body), '')
  return c.m.builder.finish()
}

/** The value of a setting that the user does not give. */
export const settingDefault = (program: Program, s: CoreSetting): GivenValue => {
  const c = contextFor(program, { sizes: new Map() }, s.name)
  const v = evaluateCore(c, s.value)
  if (v.kind === 'choice') return v.name
  const known = constantOf(v)
  if (known !== undefined) return s.type.kind === 'scalar' && s.type.dtype === 'bool' ? known !== 0 : known
  addOutputs(c, v, '')
  return interpret(c.m.builder.finish(), new Map()).get('result')![0]!
}

/** A test's expectations: outputs `0.actual`, `0.expected`, `0.within`, `1.actual`, … */
export const specialiseTest = (program: Program, test: CoreTest): Graph => {
  const c = contextFor(program, { sizes: new Map() }, test.title)
  test.expectations.forEach((x, i) => {
    const inner = x.lets.reduce<EvalContext>((at, l) => bindLet(at, l.pattern, l.value), c)
    addOutputs(c, evaluateCore(inner, x.actual), `${i}.actual`)
    if (x.expected !== undefined) addOutputs(c, evaluateCore(inner, x.expected), `${i}.expected`)
    if (x.within !== undefined) addOutputs(c, evaluateCore(inner, x.within), `${i}.within`)
  })
  return c.m.builder.finish()
}
