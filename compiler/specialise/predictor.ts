import * as E from 'fp-ts/lib/Either.js'
import type { CoreFn, CoreParam, CoreRecipe, Program } from '../core/core.js'
import type { Type } from '../core/type.js'
import { incremental } from '../incremental/incremental.js'
import { Builder } from '../ir/builder.js'
import { i32, index, prim, read } from '../ir/expr.js'
import { shapeOf } from '../ir/graph.js'
import type { Axis, Expr, Graph } from '../ir/ir.js'
import { verified } from '../ir/verify.js'
import { simplify } from '../simplify/simplify.js'
import { composeSlots, type EditSlot, isSites } from './edits.js'
import { bindAll, type EvalContext, evaluateCore, extent } from './eval-context.js'
import { top, within } from './scope.js'
import { type Bindings, contextFor, methodContext, paramValue } from './specialise.js'
import { asExpr, asTensor, scalar, type TensorValue } from './value.js'

/** A function from one sequence's tokens to logits: a model's, or a recipe's `predict`. */
export type Predictor =
  | { readonly kind: 'fn'; readonly fn: CoreFn }
  | { readonly kind: 'recipe'; readonly recipe: CoreRecipe }
  /** A model's `logits(w, tokens, sites, prompt)` under trained edits: see `edits.ts`. */
  | { readonly kind: 'edited'; readonly fn: CoreFn; readonly slots: readonly EditSlot[] }

/** A predictor, what becomes numbers in it, and how many sequences are predicted at once. */
export interface BatchedPredictor {
  readonly program: Program
  readonly predictor: Predictor
  readonly bindings: Bindings
  readonly rows: number
}

/** The place of a prompt's length among the parameters of a recipe's `predict`. */
const promptParameter = 2

/** Whether a parameter is the length of the prompt: it is given where edits may ask for it. */
const isPrompt = (predictor: Predictor, fn: CoreFn, p: CoreParam): boolean =>
  predictor.kind === 'recipe'
    ? p === fn.params[promptParameter]
    : predictor.kind === 'edited' && p.type.kind === 'scalar' && p.type.dtype === 'i32'

/** How many tokens there are to choose from, by the type of a sequence of them. */
const boundOf = (c: EvalContext, t: Type): number | undefined =>
  t.kind === 'tensor' && t.element.kind === 'idx' ? extent(c, t.element.bound) : undefined

/**
 * The predictor's logits of one of `rows` sequences: `row` is its index, `tokens` i32[rows, T] an input
 * beside the predictor's own.
 */
const logitsOf = ({
  program,
  predictor,
  bindings,
  rows,
}: BatchedPredictor): {
  readonly c: EvalContext
  readonly row: Axis
  readonly logits: TensorValue
  readonly fn: CoreFn
} => {
  const { c: outer, fn } =
    predictor.kind === 'recipe'
      ? methodContext(program, predictor.recipe, 'predict', bindings)
      : { c: contextFor(program, bindings, predictor.fn.name), fn: predictor.fn }
  const { m } = outer
  const row = m.builder.axis('b', rows)
  const model = fn.params.find(p => p.type.kind === 'record' && !isSites(p.type))
  const c = fn.params.reduce(
    (inner, p) => {
      const isTokens = p.type.kind === 'tensor' && p.type.element.kind === 'idx'
      if (predictor.kind === 'edited' && isSites(p.type)) {
        const known = { type: p.type, model: inner.variables.get(model!.id)! }
        const sites = composeSlots(inner, predictor.slots, { row: index(row), count: rows }, known)
        return bindAll(inner, [[p.id, sites]])
      }
      if (isPrompt(predictor, fn, p)) {
        const prompt = m.builder.input('prompt', 'i32', [rows])
        return bindAll(inner, [[p.id, scalar(read(prompt, 'i32', [index(row)]))]])
      }
      if (!isTokens) return bindAll(inner, [[p.id, paramValue(inner, p)]])
      const length = p.type.kind === 'tensor' ? extent(inner, p.type.dims[0]!) : 0
      const node = m.builder.input('tokens', 'i32', [rows, length], { below: boundOf(inner, p.type) })
      const at = (position: readonly Expr[]): Expr => read(node, 'i32', [index(row), ...position])
      return bindAll(inner, [[p.id, { kind: 'tensor', dtype: 'i32', shape: [length], at }]])
    },
    { ...outer, scope: within(top, [row]) } as EvalContext,
  )
  return { c, row, logits: asTensor(evaluateCore(c, fn.body)), fn }
}

/**
 * A predictor over `rows` sequences at once. Inputs besides the predictor's own: `tokens` i32[rows, T];
 * `prompt` i32[rows], the tokens of each row's prompt, where a recipe asks for it; for `next`, `at`
 * i32[rows], and for `loss` `position` and `target` i32[rows, A] and `weight` f32[rows, A]. Outputs: for
 * `next`, the logits at position `at` of each row, f32[rows, V]; for `loss`, the weighted sum of the
 * cross-entropies of each row's targets at their positions, f32[rows]. Simplified, logits are computed at
 * those positions alone.
 */
export const specialisePredictor = (batched: BatchedPredictor, output: 'next' | 'loss'): Graph => {
  const { bindings, rows } = batched
  const { c, row, logits, fn } = logitsOf(batched)
  const { m } = c
  const vocabulary = logits.shape[1]!
  const here = { label: output, span: fn.span }
  const v = m.builder.axis('v', vocabulary)
  if (output === 'next') {
    const position = read(m.builder.input('at', 'i32', [rows]), 'i32', [index(row)])
    const body = logits.at([position, index(v)])
    const made = m.node({ scope: c.scope, own: [[v]], body, over: [row], here })
    m.builder.output('next', made.id)
    return m.builder.finish()
  }
  const targets = bindings.sizes.get('A')!
  const a = m.builder.axis('a', targets)
  const given = (name: string, dtype: 'i32' | 'f32'): Expr =>
    read(m.builder.input(name, dtype, [rows, targets]), dtype, [index(row), index(a)])
  const inRow = within(c.scope, [a])
  const position = given('position', 'i32')
  const score = logits.at([position, index(v)])
  const best = asExpr(m.reduce({ scope: inRow, here, op: 'max', axes: [v], body: score }))
  const total = asExpr(
    m.reduce({ scope: inRow, here, op: 'sum', axes: [v], body: prim('exp', prim('sub', score, best)) }),
  )
  const chosen = logits.at([position, given('target', 'i32')])
  const loss = prim('mul', given('weight', 'f32'), prim('sub', prim('add', best, prim('log', total)), chosen))
  const made = m.node({
    scope: c.scope,
    own: [],
    body: loss,
    reduce: { op: 'sum', axes: [a] },
    over: [row],
    here,
  })
  m.builder.output('loss', made.id)
  return m.builder.finish()
}

/**
 * A predictor that goes on where it was: `rows` sequences of at most T tokens, `window` more of each. It is
 * `incremental` of the predictor's logits; `at` i32[rows], where a window has several places, is the one
 * after which a token is predicted. Outputs: for `next`, those logits f32[rows, V]; for `chosen`, the first
 * of the likeliest tokens, i32[rows, 1], `tokens` of a window of one, and `top`, its logit, f32[rows, 1],
 * which is not a number where one of the logits is none; and all that is kept. Left says why the predictor
 * can't go on.
 */
export const specialiseDecoder = (
  batched: BatchedPredictor,
  window: number,
  output: 'next' | 'chosen',
): E.Either<string, Graph> => {
  const { c, row, logits, fn } = logitsOf(batched)
  const { m } = c
  const [t, v] = logits.shape.map((n, i) => m.builder.axis('tv'[i]!, n)) as [Axis, Axis]
  const here = { label: 'logits', span: fn.span }
  const body = logits.at([index(t), index(v)])
  const whole = m.node({ scope: c.scope, own: [[t], [v]], body, over: [row], here })
  m.builder.output('logits', whole.id)
  const simple = simplify(verified(m.builder.finish(), 'specialise'))
  return E.map((graph: Graph) => afterWindow(graph, output))(incremental(simple, 'logits', window))
}

/** Takes what is wanted of the logits of a window, [rows, window, V]. */
const afterWindow = (graph: Graph, output: 'next' | 'chosen'): Graph => {
  const b = new Builder(graph)
  const logits = b.node(b.outputs.shift()!.node)
  const [rows, window, vocabulary] = shapeOf(logits) as [number, number, number]
  const [row, one, v] = [b.axis('b', rows), b.axis('w', 1), b.axis('v', vocabulary)]
  const position = window === 1 ? i32(0) : read(b.input('at', 'i32', [rows]), 'i32', [index(row)])
  const { origin } = logits
  const next = b.compute({
    dtype: 'f32',
    dims: [[row], [v]],
    body: read(logits.id, 'f32', [index(row), position, index(v)]),
    origin: { ...origin, label: 'next' },
  })
  const chosen = (): number =>
    b.compute({
      dtype: 'i32',
      dims: [[row], [one]],
      reduce: { op: 'argmax', axes: [v] },
      body: read(next, 'f32', [index(row), index(v)]),
      origin: { ...origin, label: 'chosen' },
    })
  const top = (): number =>
    b.compute({
      dtype: 'f32',
      dims: [[row], [one]],
      reduce: { op: 'max', axes: [v] },
      body: read(next, 'f32', [index(row), index(v)]),
      origin: { ...origin, label: 'top' },
    })
  b.output(output, output === 'next' ? next : chosen())
  if (output === 'chosen') b.output('top', top())
  return b.finish()
}
