import type { CoreExpr } from '../core/core.js'
import { f32, i32, prim } from '../ir/expr.js'
import { type EvalContext, evaluateCore, here } from './eval-context.js'
import { lift } from './operations.js'
import { foldIn, literalKey, normal, splitKey, uniform } from './random.js'
import { asExpr, asFn, asKey, type CoreValue } from './value.js'
import { mapValueTrees, type TreeWalk, totalOfTrees } from './walk-trees.js'

export const evaluateBuiltin = (c: EvalContext, e: Extract<CoreExpr, { kind: 'builtin' }>): CoreValue => {
  const args = e.args.map(a => evaluateCore(c, a))
  const [a, b] = args
  const at = here(c, e)
  const walk = (trees: readonly CoreValue[]): TreeWalk => ({ m: c.m, scope: c.scope, here: at, trees })
  switch (e.builtin) {
    case 'map':
      return mapValueTrees(walk(args.slice(1)), asFn(a!))
    case 'total':
      return totalOfTrees(walk(args.slice(1)), asFn(a!))
    case 'zeros_like':
      return mapValueTrees(walk([a!]), () => ({ kind: 'scalar', expr: f32(0) }))
    case 'key':
      return literalKey(asExpr(a!))
    case 'split':
      return splitKey(asKey(a!))
    case 'fold_in':
      return foldIn(asKey(a!), asExpr(b!))
    case 'uniform':
      return uniform(asKey(a!), b === undefined ? i32(0) : asExpr(b))
    case 'normal':
      return normal(asKey(a!), b === undefined ? i32(0) : asExpr(b))
    case 'stop':
      return a!.kind === 'record' || a!.kind === 'tuple' || a!.kind === 'array'
        ? mapValueTrees(walk([a!]), ([x]) => ({ kind: 'scalar', expr: prim('stop', asExpr(x!)) }))
        : lift(c, at, [a!], ([x]) => prim('stop', x!))
  }
}
