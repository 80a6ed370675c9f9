import { cover, type Span } from '../diagnostics/source.js'
import type { BinaryOp, SourceExpr } from './ast.js'

/** How tightly each operator binds; `^` alone is right associative, comparisons don't associate. */
export const binding: Readonly<Record<BinaryOp, number>> = {
  or: 1,
  and: 2,
  '==': 4,
  '!=': 4,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
  '^': 8,
}
/** The strength with which the prefix operators hold their operand. */
export const prefixBinding = { not: 3, '-': 7 } as const
export const comparisonBinding = 4

export interface PrefixOp {
  readonly op: '-' | 'not'
  readonly span: Span
}

export interface InfixOp {
  readonly op: BinaryOp
  readonly span: Span
}

/** A chain as written: operands with their prefixes, and the operators between them (one fewer). */
export interface OperatorChain {
  readonly operands: readonly { readonly prefixes: readonly PrefixOp[]; readonly operand: SourceExpr }[]
  readonly operators: readonly InfixOp[]
}

/**
 * The tree of a chain of operators, by precedence climbing. `chained` hears of every comparison whose left
 * side is an unparenthesised comparison.
 */
export const assembleOperators = (
  chain: OperatorChain,
  chained: (first: InfixOp, second: InfixOp) => void,
): SourceExpr => {
  let at = 0
  const prefixed = (index: number): SourceExpr => {
    const { prefixes, operand } = chain.operands[at]!
    const prefix = prefixes[index]
    if (prefix === undefined) return operand
    const inner = climb(prefixBinding[prefix.op], index + 1)
    return { kind: 'unary', op: prefix.op, operand: inner, span: cover(prefix.span, inner.span) }
  }
  const climb = (least: number, prefix = 0): SourceExpr => {
    let left = prefixed(prefix)
    let previous: InfixOp | undefined
    for (;;) {
      const operator = chain.operators[at]
      if (operator === undefined) return left
      const strength = binding[operator.op]
      if (strength < least) return left
      if (strength === comparisonBinding) {
        if (previous !== undefined) chained(previous, operator)
        previous = operator
      }
      at += 1
      const right = climb(operator.op === '^' ? strength : strength + 1)
      left = { kind: 'binary', op: operator.op, left, right, span: cover(left.span, right.span) }
    }
  }
  return climb(0)
}
