import type { IToken, ParserMethod } from 'chevrotain'
import { cover } from '../diagnostics/source.js'
import type { BinaryOp, Expr, Param, Pattern, ReduceOp, TypeExpr } from './ast.js'
import { deepest, Fault, longest } from './base-rules.js'
import { chainedComparison, reductionAsCall, tooDeep } from './faults.js'
import { PostfixRules } from './postfix-rules.js'
import { assemble, type InfixOp, type PrefixOp } from './precedence.js'
import * as t from './tokens.js'

/** Expressions: operators, and the forms that extend as far to the right as they can. */
export abstract class ExprRules extends PostfixRules {
  /** Operands between operators, assembled by their strengths. */
  readonly expr: ParserMethod<[], Expr> = this.RULE('expr', (): Expr => {
    this.ACTION(() => {
      this.depth += 1
      if (this.depth > deepest) throw new Fault(tooDeep(this.spanOf(this.LA(1))))
    })
    const operands: { prefixes: PrefixOp[]; operand: Expr }[] = []
    const operators: InfixOp[] = []
    const first = this.SUBRULE1(this.operand)
    operands.push(first)
    this.MANY(() => {
      const operator = this.OR([
        { ALT: () => this.CONSUME(t.Operator) },
        { ALT: () => this.CONSUME(t.And) },
        { ALT: () => this.CONSUME(t.Or) },
      ])
      operators.push({ op: operator.image as BinaryOp, span: this.spanOf(operator) })
      const next = this.SUBRULE2(this.operand)
      operands.push(next)
    })
    return this.ACTION(() => {
      this.depth -= 1
      if (operators.length === 0 && first.prefixes.length === 0) return first.operand
      if (operators.length > longest || operands.some(o => o.prefixes.length > deepest)) {
        throw new Fault(tooDeep(first.operand.span))
      }
      return assemble({ operands, operators }, (a, b) => this.found.push(chainedComparison(a, b)))
    })
  })

  private readonly operand = this.RULE('operand', () => {
    const prefixes: PrefixOp[] = []
    this.MANY(() => {
      const prefix = this.OR1([{ ALT: () => this.CONSUME(t.Minus) }, { ALT: () => this.CONSUME(t.Not) }])
      prefixes.push({ op: prefix.tokenType === t.Not ? 'not' : '-', span: this.spanOf(prefix) })
    })
    const operand = this.OR2<Expr>({
      DEF: [
        { GATE: () => this.lambdaAhead(), ALT: () => this.SUBRULE(this.lambda) },
        { GATE: () => !this.callAhead(), ALT: () => this.SUBRULE(this.reduction) },
        { ALT: () => this.SUBRULE(this.lets) },
        { ALT: () => this.SUBRULE(this.conditional) },
        { ALT: () => this.SUBRULE(this.comprehension) },
        { ALT: () => this.SUBRULE(this.fold) },
        { ALT: () => this.SUBRULE(this.postfix) },
      ],
      MAX_LOOKAHEAD: 1,
      IGNORE_AMBIGUITIES: true,
    })
    return { prefixes, operand }
  })

  private lambdaAhead(): boolean {
    const first = this.LA(1)
    if (first.tokenType === t.LParen) return this.afterBracket()?.tokenType === t.Arrow
    return t.isName(first) && this.LA(2).tokenType === t.Arrow
  }

  /** `max(a, b)` and `min(a, b)` with nothing between the word and the bracket are calls. */
  private callAhead(): boolean {
    const [word, open] = [this.LA(1), this.LA(2)]
    if (open.tokenType !== t.LParen || open.startOffset !== word.startOffset + word.image.length) return false
    const after = this.setting.after.get(open)
    return (word.image === 'max' || word.image === 'min') && after?.tokenType !== t.Arrow
  }

  private readonly lets: ParserMethod<[], Expr> = this.RULE('lets', (): Expr => {
    const bound: { word: IToken; pattern: Pattern; type: TypeExpr | undefined; value: Expr }[] = []
    this.AT_LEAST_ONE({
      MAX_LOOKAHEAD: 1,
      DEF: () => {
        const word = this.CONSUME(t.Let)
        const pattern = this.SUBRULE(this.pattern)
        let type: TypeExpr | undefined
        this.OPTION(() => {
          this.CONSUME(t.Colon)
          type = this.SUBRULE(this.type)
        })
        this.CONSUME(t.Equals)
        const value = this.SUBRULE1(this.expr)
        bound.push({ word, pattern, type, value })
      },
    })
    this.ACTION(() => {
      if (bound.length > longest) throw new Fault(tooDeep(this.spanOf(bound[longest]!.word)))
    })
    const body = this.SUBRULE(this.letBody)
    return this.ACTION(() =>
      bound.reduceRight<Expr>(
        (rest, { word, pattern, type, value }) => ({
          kind: 'let',
          pattern,
          ...(type && { type }),
          value,
          body: rest,
          span: cover(this.spanOf(word), rest.span),
        }),
        body,
      ),
    )
  })

  private readonly letBody: ParserMethod<[], Expr> = this.RULE('letBody', (): Expr => this.SUBRULE(this.expr))

  private readonly conditional: ParserMethod<[], Expr> = this.RULE('conditional', (): Expr => {
    const word = this.CONSUME(t.If)
    const condition = this.SUBRULE1(this.expr)
    this.CONSUME(t.Then)
    const then = this.SUBRULE2(this.expr)
    this.CONSUME(t.Else)
    const otherwise = this.SUBRULE3(this.expr)
    return this.ACTION((): Expr => ({ kind: 'if', condition, then, otherwise, span: this.spanFrom(word) }))
  })

  private readonly comprehension: ParserMethod<[], Expr> = this.RULE('comprehension', (): Expr => {
    const word = this.CONSUME(t.For)
    const binders = this.SUBRULE(this.binders)
    this.CONSUME(t.Arrow)
    const body = this.SUBRULE(this.expr)
    return this.ACTION((): Expr => ({ kind: 'for', binders, body, span: this.spanFrom(word) }))
  })

  private readonly reduction: ParserMethod<[], Expr> = this.RULE('reduction', (): Expr => {
    const word = this.CONSUME(t.Reducer)
    this.ACTION(() => {
      const after = this.afterBracket()
      const called =
        this.LA(1).tokenType === t.LParen && after?.tokenType !== t.Arrow && after?.tokenType !== t.Comma
      if (called) throw new Fault(reductionAsCall(word.image, this.spanOf(word)))
    })
    const binders = this.SUBRULE(this.binders)
    this.CONSUME(t.Arrow)
    const body = this.SUBRULE(this.expr)
    return this.ACTION((): Expr => {
      return { kind: 'reduce', op: word.image as ReduceOp, binders, body, span: this.spanFrom(word) }
    })
  })

  private readonly fold: ParserMethod<[], Expr> = this.RULE('fold', (): Expr => {
    const word = this.CONSUME(t.Fold)
    const pattern = this.SUBRULE(this.pattern)
    let init: Expr | undefined
    this.OPTION(() => {
      this.CONSUME(t.Equals)
      init = this.SUBRULE1(this.expr)
    })
    this.CONSUME(t.For)
    const binder = this.SUBRULE(this.binder)
    this.CONSUME(t.Arrow)
    const body = this.SUBRULE2(this.expr)
    return this.ACTION((): Expr => {
      return { kind: 'fold', pattern, ...(init && { init }), binder, body, span: this.spanFrom(word) }
    })
  })

  private readonly lambda: ParserMethod<[], Expr> = this.RULE('lambda', (): Expr => {
    const first = this.ACTION(() => this.LA(1))
    const params: Param[] = []
    this.OR([
      {
        ALT: () => {
          const name = this.nameOf(this.CONSUME(t.Identifier))
          params.push({ name, span: name.span })
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.LParen)
          this.MANY_SEP({ SEP: t.Comma, DEF: () => params.push(this.SUBRULE(this.lambdaParam)) })
          this.CONSUME(t.RParen)
        },
      },
    ])
    this.CONSUME(t.Arrow)
    const body = this.SUBRULE(this.expr)
    return this.ACTION((): Expr => ({ kind: 'lambda', params, body, span: this.spanFrom(first) }))
  })

  private readonly lambdaParam: ParserMethod<[], Param> = this.RULE('lambdaParam', (): Param => {
    const name = this.CONSUME(t.Identifier)
    let type: TypeExpr | undefined
    this.OPTION(() => {
      this.CONSUME(t.Colon)
      type = this.SUBRULE(this.type)
    })
    return this.ACTION(() => ({ name: this.nameOf(name), ...(type && { type }), span: this.spanFrom(name) }))
  })
}
