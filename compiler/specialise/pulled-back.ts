import type { CoreExpr, CoreFn } from '../core/core.js'
import type { Type } from '../core/type.js'

const f32: Type = { kind: 'scalar', dtype: 'f32' }

/** Whether a function gives one tensor of f32, which has a derivative only together with a cotangent. */
export const givesTensor = (fn: CoreFn): boolean => {
  const { result } = fn
  return result.kind === 'tensor' && result.element.kind === 'scalar' && result.element.dtype === 'f32'
}

/**
 * The function Σ ȳ · f of a function f that gives a tensor. Its derivative is Jᵀȳ, the vector-Jacobian
 * product of reverse mode. The cotangent ȳ, of the result's type, becomes the last parameter, `d_f`. Other
 * functions stay as they are.
 */
export const pulledBack = (fn: CoreFn): CoreFn => {
  const type = fn.result
  if (!givesTensor(fn) || type.kind !== 'tensor') return fn
  const { span } = fn
  const taken = new Set(fn.params.map(p => p.name))
  let name = `d_${fn.name}`
  while (taken.has(name)) name = `${name}'`
  // Variables of a checked function have numbers from 0 up.
  const [cotangent, value] = [-1, -2]
  const binders = type.dims.map((bound, k) => ({ kind: 'index' as const, id: -3 - k, name: `i${k}`, bound }))
  const at = binders.map(
    ({ id, name, bound }): CoreExpr => ({ kind: 'var', id, name, type: { kind: 'idx', bound }, span }),
  )
  const element = (id: number, of: string): CoreExpr => ({
    kind: 'read',
    target: { kind: 'var', id, name: of, type, span },
    at,
    type: f32,
    span,
  })
  const args = [element(cotangent, name), element(value, fn.name)]
  const product: CoreExpr = { kind: 'op', op: 'mul', args, type: f32, span }
  return {
    ...fn,
    params: [...fn.params, { id: cotangent, name, type }],
    result: f32,
    body: {
      kind: 'let',
      pattern: { kind: 'name', id: value, name: fn.name, type },
      value: fn.body,
      body: { kind: 'reduce', op: 'sum', binders, body: product, type: f32, span },
      type: f32,
      span,
    },
  }
}
