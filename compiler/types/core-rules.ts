import type { CoreExpr } from '../core/core.js'
import { showType } from '../core/show-type.js'
import { sizeText } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { isError } from './basic-types.js'
import { fieldTypes } from './type-traversal.js'
import { quoteSource } from './wording.js'
import { subexpressionsOf } from './zonk.js'

/**
 * Checks the rules of the core on a finished body, when every type is known. A rule that looked at a type
 * before it was known, as that of an untyped lambda's parameter, cannot have refused it; this pass does. What
 * it lets through can be specialised.
 */
export const coreRuleErrors = (body: CoreExpr): readonly Diagnostic[] => {
  const errors: Diagnostic[] = []
  const visit = (e: CoreExpr): void => {
    const children = subexpressionsOf(e)
    for (const child of children) visit(child)
    // An error inside is the reason for an error here.
    if (errors.length > 0) return
    const wrong = faultOf(e)
    if (wrong === undefined) return
    errors.push({
      code: 'E0332',
      title: `${quoteSource(wrong.at.span)} is ${shown(wrong.at.type)}, and ${wrong.rule}`,
      labels: [{ span: wrong.at.span, text: `this is ${shown(wrong.at.type)}` }],
      hint: 'write the type where the name is bound, for example `(x: f32) -> …`',
    })
  }
  visit(body)
  return errors
}

const shown = (t: Type): string => showType(t, sizeText, () => 'of no known type')

interface Fault {
  readonly at: CoreExpr
  readonly rule: string
}

/** The first rule that an expression breaks, and the part that breaks it. */
const faultOf = (e: CoreExpr): Fault | undefined => {
  if (!isWhole(e.type)) return { at: e, rule: 'such a value cannot be used' }
  const first = (args: readonly CoreExpr[], holds: (t: Type) => boolean, rule: string): Fault | undefined => {
    const at = args.find(a => !holds(a.type))
    return at && { at, rule }
  }
  switch (e.kind) {
    case 'for':
      return first(
        [e.body],
        t => isData(t) && t.kind !== 'key',
        'a `for` collects numbers, records and tuples',
      )
    case 'if':
      return (
        first([e.condition], isBool, 'a condition is a bool') ??
        first([e.then, e.otherwise], t => !holds(t, 'fn'), 'an `if` does not choose functions')
      )
    case 'fold':
      return first([e.init], isData, 'a `fold` carries numbers, tensors and records')
    case 'reduce':
      return first([e.body], isScalar, 'a reduction folds single numbers')
    case 'op':
      return first(e.args, t => opTakes(e.op, t), 'an operator takes numbers')
    case 'cast':
      return first([e.arg], t => isScalar(elementOf(t)), 'only numbers are converted')
    case 'read':
    case 'at':
      return (
        first(
          [e.target],
          t => t.kind === 'tensor' || t.kind === 'array',
          'only tensors and arrays are read',
        ) ?? first(e.at, isScalar, 'a position is a whole number')
      )
    case 'product':
      return first(e.parts, isScalar, 'a position is a whole number')
    case 'array':
      return first(e.items, isScalar, 'an array is written number by number')
    case 'apply':
      return first([e.callee], t => t.kind === 'fn', 'only functions are called')
    case 'field':
      return first([e.target], t => fieldTypes(t).has(e.name), 'it has no such field')
    case 'grad':
      return first([e.at], isTree, 'only trees of f32 are differentiated')
    case 'builtin':
      switch (e.builtin) {
        case 'stop':
          return first(
            e.args,
            t => isData(t) && !holds(t, 'key'),
            '`stop` takes numbers, tensors and records',
          )
        case 'zeros_like':
          return first(e.args, isTree, '`zeros_like` goes over f32')
        case 'map':
        case 'total':
          return first(e.args.slice(1), t => isTree(t) || t.kind === 'per', `\`${e.builtin}\` goes over f32`)
        default:
          return undefined
      }
    default:
      return undefined
  }
}

const isScalar = (t: Type): boolean => t.kind === 'scalar' || t.kind === 'idx'
const isBool = (t: Type): boolean => t.kind === 'scalar' && t.dtype === 'bool'
const elementOf = (t: Type): Type => (t.kind === 'tensor' ? t.element : t)

const opTakes = (op: string, t: Type): boolean => {
  if (op === 'eq' || op === 'ne') return isScalar(t) || t.kind === 'choice'
  if (op === 'and' || op === 'or' || op === 'not') return isBool(t)
  const element = elementOf(t)
  return isScalar(element) && !isBool(element)
}

/** The parts of a type directly inside it. */
const partsOf = (t: Type): readonly Type[] => {
  switch (t.kind) {
    case 'tensor':
    case 'array':
      return [t.element]
    case 'record':
    case 'fields':
      return [...fieldTypes(t).values()]
    case 'tuple':
      return t.items
    case 'fn':
      return [...t.params, t.result]
    default:
      return []
  }
}

const holds = (t: Type, kind: Type['kind']): boolean =>
  t.kind === kind || partsOf(t).some(p => holds(p, kind))

/** Whether a value consists of numbers and keys alone, so that it can be stored, chosen and carried. */
const isData = (t: Type): boolean => !holds(t, 'fn') && !holds(t, 'choice')

const isTree = (t: Type): boolean =>
  t.kind === 'param' ||
  (t.kind === 'scalar'
    ? t.dtype === 'f32'
    : t.kind !== 'idx' &&
      t.kind !== 'key' &&
      t.kind !== 'choice' &&
      t.kind !== 'fn' &&
      partsOf(t).every(isTree))

/**
 * Whether nothing in a type is in error, and every tensor has numbers for elements and every array something
 * else.
 */
const isWhole = (t: Type): boolean => {
  if (isError(t) || t.kind === 'var') return false
  if (t.kind === 'tensor' && !isScalar(t.element)) return false
  if (
    t.kind === 'array' &&
    (isScalar(t.element) || t.element.kind === 'tensor' || t.element.kind === 'array')
  )
    return false
  return partsOf(t).every(isWhole)
}
