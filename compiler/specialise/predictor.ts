import type { CoreFn, CoreRecipe, Program } from '../core/core.js'
import { index, prim, read } from '../ir/expr.js'
import type { Expr, Graph } from '../ir/ir.js'
import { bindAll, type Context, evaluate, extent } from './evaluate.js'
import { top, within } from './scope.js'
import { type Bindings, contextFor, methodContext, paramValue } from './specialise.js'
import { asExpr, asTensor } from './value.js'

/** A function from one sequence's tokens to logits: a model's, or a recipe's `predict`. */
export type Predictor =
  | { readonly kind: 'fn'; readonly fn: CoreFn }
  | { readonly kind: 'recipe'; readonly recipe: CoreRecipe }

/**
 * A predictor over `rows` sequences at once. Inputs besides the predictor's own: `tokens` i32[rows, T]; for `next`, `at` i32[rows], and for `loss`
 * `position` and `target` i32[rows, A] and `weight` f32[rows, A]. Outputs: for `next`, the logits at position `at` of each row,
 * f32[rows, V]; for `loss`, the weighted sum of the cross-entropies of each row's targets at their positions, f32[rows]. Simplified, logits are
 * computed at those positions alone.
 */
export const specialisePredictor = (
  program: Program,
  predictor: Predictor,
  bindings: Bindings,
  rows: number,
  output: 'next' | 'loss',
): Graph => {
  const { c: outer, fn } =
    predictor.kind === 'recipe'
      ? methodContext(program, predictor.recipe, 'predict', bindings)
      : { c: contextFor(program, bindings, predictor.fn.name), fn: predictor.fn }
  const { m } = outer
  const row = m.builder.axis('b', rows)
  const c = fn.params.reduce(
    (inner, p) => {
      const isTokens = p.type.kind === 'tensor' && p.type.element.kind === 'idx'
      if (!isTokens) return bindAll(inner, [[p.id, paramValue(inner, p)]])
      const length = p.type.kind === 'tensor' ? extent(inner, p.type.dims[0]!) : 0
      const node = m.builder.input('tokens', 'i32', [rows, length])
      const at = (position: readonly Expr[]): Expr => read(node, 'i32', [index(row), ...position])
      return bindAll(inner, [[p.id, { kind: 'tensor', dtype: 'i32', shape: [length], at }]])
    },
    { ...outer, scope: within(top, [row]) } as Context,
  )
  const logits = asTensor(evaluate(c, fn.body))
  const vocabulary = logits.shape[1]!
  const here = { label: output, span: fn.span }
  if (output === 'next') {
    const v = m.builder.axis('v', vocabulary)
    const position = read(m.builder.input('at', 'i32', [rows]), 'i32', [index(row)])
    const made = m.node({
      scope: c.scope,
      own: [[v]],
      body: logits.at([position, index(v)]),
      over: [row],
      here,
    })
    m.builder.output('next', made.id)
    return m.builder.finish()
  }
  const targets = bindings.sizes.get('A')!
  const a = m.builder.axis('a', targets)
  const v = m.builder.axis('v', vocabulary)
  const given = (name: string, dtype: 'i32' | 'f32'): Expr =>
    read(m.builder.input(name, dtype, [rows, targets]), dtype, [index(row), index(a)])
  const inRow = within(c.scope, [a])
  const position = given('position', 'i32')
  const score = logits.at([position, index(v)])
  const top1 = asExpr(m.reduce(inRow, here, 'max', [v], score))
  const total = asExpr(m.reduce(inRow, here, 'sum', [v], prim('exp', prim('sub', score, top1))))
  const chosen = logits.at([position, given('target', 'i32')])
  const loss = prim('mul', given('weight', 'f32'), prim('sub', prim('add', top1, prim('log', total)), chosen))
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
