import { ofNothing } from '../ir/builder.js'
import { constant } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { type CoreValue, number, scalar, unexpected } from './value.js'

/**
 * A partial or full read of a tensor or an array. What has no elements is read as {@link ofNothing},
 * whatever it was made of.
 */
export const readAt = (target: CoreValue, position: readonly Expr[]): CoreValue => {
  const got = elementsAt(target, position)
  return 'shape' in target && target.shape.includes(0) ? nothing(got) : got
}

const nothing = (v: CoreValue): CoreValue => {
  switch (v.kind) {
    case 'scalar':
      return number(v.expr.dtype, ofNothing[v.expr.dtype])
    case 'tensor':
      return { ...v, at: () => constant(v.dtype, ofNothing[v.dtype]) }
    case 'array':
      return { ...v, at: position => nothing(v.at(position)) }
    case 'record':
      return { kind: 'record', fields: new Map([...v.fields].map(([k, x]) => [k, nothing(x)])) }
    case 'tuple':
      return { kind: 'tuple', items: v.items.map(nothing) }
    case 'key':
      return { kind: 'key', words: [constant('u32', 0), constant('u32', 0)] }
    default:
      return v
  }
}

const elementsAt = (target: CoreValue, position: readonly Expr[]): CoreValue => {
  if (target.kind === 'tensor') {
    const rest = target.shape.slice(position.length)
    return rest.length === 0
      ? scalar(target.at(position))
      : { ...target, shape: rest, at: more => target.at([...position, ...more]) }
  }
  if (target.kind !== 'array') return unexpected('tensor', target)
  const own = target.shape.length
  if (position.length < own)
    return {
      kind: 'array',
      shape: target.shape.slice(position.length),
      at: more => target.at([...position, ...more]),
    }
  const element = target.at(position.slice(0, own))
  return position.length === own ? element : readAt(element, position.slice(own))
}
