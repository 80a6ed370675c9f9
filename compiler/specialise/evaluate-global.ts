import type { Type } from '../core/type.js'
import { constant, read } from '../ir/expr.js'
import { type EvalContext, elementType, evaluateCore } from './eval-context.js'
import { type CoreValue, type GivenValue, isList, number } from './value.js'

/** The value of a constant or a setting of a type, where the user or the model's configuration gives it. */
export const givenValue = (type: Type, given: GivenValue): CoreValue =>
  typeof given === 'string' ? { kind: 'choice', name: given } : number(elementType(type), Number(given))

/** A module's constant: the value that the configuration gives, or else the one that the module computes. */
export const evaluateGlobal = (c: EvalContext, id: string, type: Type): CoreValue => {
  const configured = c.constants.get(id)
  const { value, span } = c.program.consts.get(id)!
  if (configured === undefined) return evaluateCore({ ...c, variables: new Map() }, value)
  if (!isList(configured)) return givenValue(type, configured)
  const dtype = elementType(type)
  const data = configured.map(Number)
  const [first] = data
  // A list of equal numbers is one constant, so that an `if` on one of them is decided here.
  if (first !== undefined && data.every(x => x === first))
    return { kind: 'tensor', dtype, shape: [data.length], at: () => constant(dtype, first) }
  const node = c.m.builder.literal(dtype, [data.length], data, {
    label: id.slice(id.lastIndexOf('.') + 1),
    span,
  })
  return { kind: 'tensor', dtype, shape: [data.length], at: position => read(node, dtype, position) }
}
