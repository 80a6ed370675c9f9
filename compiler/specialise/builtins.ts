import type { CoreExpr } from '../core/core.js'
import { f32, i32, prim } from '../ir/expr.js'
import { type Context, evaluate, here } from './evaluate.js'
import { lift } from './operations.js'
import { foldIn, literalKey, normal, splitKey, uniform } from './random.js'
import { mapTrees, totalOfTrees } from './trees.js'
import { asExpr, asFn, asKey, type Value } from './value.js'

export const evaluateBuiltin = (c: Context, e: Extract<CoreExpr, { kind: 'builtin' }>): Value => {
  const args = e.args.map(a => evaluate(c, a))
  const [a, b] = args
  const at = here(c, e)
  switch (e.builtin) {
    case 'map':
      return mapTrees(c.m, c.scope, at, asFn(a!), args.slice(1))
    case 'total':
      return totalOfTrees(c.m, c.scope, at, asFn(a!), args.slice(1))
    case 'zeros_like':
      return mapTrees(c.m, c.scope, at, () => ({ kind: 'scalar', expr: f32(0) }), [a!])
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
      return stop(c, at, a!)
  }
}

const stop = (c: Context, at: ReturnType<typeof here>, v: Value): Value =>
  v.kind === 'record' || v.kind === 'tuple' || v.kind === 'array'
    ? mapTrees(c.m, c.scope, at, ([x]) => ({ kind: 'scalar', expr: prim('stop', asExpr(x!)) }), [v])
    : lift(c, at, [v], ([x]) => prim('stop', x!))
