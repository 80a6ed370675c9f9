import type { CoreExpr } from '../core/core.js'
import { mixedRadix } from '../ir/expr.js'
import { callFunction, evaluateFunctionName, evaluateLambda } from './call-function.js'
import {
  bindLet,
  type EvalContext,
  elementType,
  evaluateCore,
  extent,
  here,
  sizeOperand,
} from './eval-context.js'
import { evaluateBuiltin } from './evaluate-builtin.js'
import { evaluateFor, evaluateReduce } from './evaluate-comprehension.js'
import { evaluateFold } from './evaluate-fold.js'
import { evaluateGlobal } from './evaluate-global.js'
import { evaluateGrad } from './evaluate-grad.js'
import { evaluateRecord } from './evaluate-record.js'
import { evaluateArray, evaluateAt } from './evaluate-tensor.js'
import { applyOperation, castOf, choose, lift } from './operations.js'
import { readAt } from './read-value.js'
import { asExpr, asFn, type CoreValue, constantOf, number, scalar, unexpected } from './value.js'

/** Evaluates an expression by its kind: the function that every context carries as `evaluateKind`. */
export const evaluateByKind = (c: EvalContext, e: CoreExpr): CoreValue => {
  switch (e.kind) {
    case 'const':
      return number(elementType(e.type), Number(e.value))
    case 'choice':
      return { kind: 'choice', name: e.name }
    case 'size':
      return scalar(sizeOperand(c, elementType(e.type), extent(c, e.size)))
    case 'var': {
      const v = c.variables.get(e.id)
      if (v === undefined) throw new Error(`specialise: variable ${e.name} has no value`)
      return v
    }
    case 'global':
      return evaluateGlobal(c, e.id, e.type)
    case 'let':
      return evaluateCore(bindLet(c, e.pattern, e.value), e.body)
    case 'if':
      return evaluateIf(c, e)
    case 'for':
      return evaluateFor(c, e)
    case 'reduce':
      return evaluateReduce(c, e)
    case 'fold':
      return evaluateFold(c, e)
    case 'lambda':
      return evaluateLambda(c, e)
    case 'call':
      return callFunction(
        c,
        e.fn,
        e.instance,
        e.args.map(a => evaluateCore(c, a)),
      )
    case 'apply':
      return asFn(evaluateCore(c, e.callee))(
        e.args.map(a => evaluateCore(c, a)),
        c.scope,
      )
    case 'fn':
      return evaluateFunctionName(c, e)
    case 'read':
      return readAt(
        evaluateCore(c, e.target),
        e.at.map(i => asExpr(evaluateCore(c, i))),
      )
    case 'at':
      return evaluateAt(c, e)
    case 'product':
      return scalar(
        mixedRadix(
          e.parts.map(p => asExpr(evaluateCore(c, p))),
          e.bounds.map(b => extent(c, b)),
        ),
      )
    case 'op': {
      const args = e.args.map(a => evaluateCore(c, a))
      return lift(c, here(c, e), args, xs => applyOperation(e.op, xs))
    }
    case 'cast': {
      const dtype = elementType(e.type)
      return lift(c, here(c, e), [evaluateCore(c, e.arg)], ([x]) => castOf(dtype, x!))
    }
    case 'tuple':
      return { kind: 'tuple', items: e.items.map(x => evaluateCore(c, x)) }
    case 'record':
      return evaluateRecord(c, e)
    case 'field': {
      const target = evaluateCore(c, e.target)
      return target.kind === 'record' ? target.fields.get(e.name)! : unexpected('record', target)
    }
    case 'array':
      return evaluateArray(c, e)
    case 'grad':
      return evaluateGrad(c, e)
    case 'builtin':
      return evaluateBuiltin(c, e)
  }
}

/** A condition that is known decides which branch exists at all; any other becomes a `select`. */
const evaluateIf = (c: EvalContext, e: Extract<CoreExpr, { kind: 'if' }>): CoreValue => {
  const condition = evaluateCore(c, e.condition)
  const known = constantOf(condition)
  if (known !== undefined) return evaluateCore(c, known !== 0 ? e.then : e.otherwise)
  const test = asExpr(condition)
  const yes = evaluateCore(c, e.then)
  return choose({ c, at: here(c, e), test }, yes, evaluateCore(c, e.otherwise))
}
