import type { IToken, ParserMethod } from 'chevrotain'
import { cover } from '../diagnostics/source.js'
import type { BinaryOp, Direction, Param, Pattern, ReducerName, SourceExpr, TypeExpr } from './ast.js'
import { deepest, Fault, longest } from './base-rules.js'
import { chainedComparison, nestedTooDeeply, reductionAsCall } from './grammar-errors.js'
import { PostfixRules } from './postfix-rules.js'
import { assembleOperators, type InfixOp, type PrefixOp } from './precedence.js'
import * as t from './tokens.js'

/** Expressions: operators, and the forms that extend as far to the right as they can. */
export abstract class ExprRules extends PostfixRules {
  /** Operands between operators, assembled by their strengths. */
  readonly expr: ParserMethod<[], SourceExpr> = this.RULE('expr', (): SourceExpr => {
    this.ACTION(() => {
      this.depth += 1
      if (this.depth > deepest) throw new Fault(nestedTooDeeply(this.spanOf(this.LA(1))))
    })
    const operands: { prefixes: PrefixOp[]; operand: SourceExpr }[] = []
    const operators: InfixOp[] = []
    const first = this.SUBRULE1(this.operand)
    operands.push(first)
    this.MANY(() => {
      const operator = this.OR([
        { ALT: () => this.CONSUME(t.Operator) },
        { ALT: () => this.CONSUME(t.AndKeyword) },
        { ALT: () => this.CONSUME(t.OrKeyword) },
      ])
      operators.push({ op: operator.image as BinaryOp, span: this.spanOf(operator) })
      const next = this.SUBRULE2(this.operand)
      operands.push(next)
    })
    return this.ACTION(() => {
      this.depth -= 1
      if (operators.length === 0 && first.prefixes.length === 0) return first.operand
      if (operators.length > longest || operands.some(o => o.prefixes.length > deepest)) {
        throw new Fault(nestedTooDeeply(first.operand.span))
      }
      return assembleOperators({ operands, operators }, (a, b) => this.found.push(chainedComparison(a, b)))
    })
  })

  private readonly operand = this.RULE('operand', () => {
    const prefixes: PrefixOp[] = []
    this.MANY(() => {
      const prefix = this.OR1([
        { ALT: () => this.CONSUME(t.Minus) },
        { ALT: () => this.CONSUME(t.NotKeyword) },
      ])
      prefixes.push({ op: prefix.tokenType === t.NotKeyword ? 'not' : '-', span: this.spanOf(prefix) })
    })
    const operand = this.OR2<SourceExpr>({
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
    const after = this.parseInput.after.get(open)
    return (word.image === 'max' || word.image === 'min') && after?.tokenType !== t.Arrow
  }

  private readonly lets: ParserMethod<[], SourceExpr> = this.RULE('lets', (): SourceExpr => {
    const bound: { word: IToken; pattern: Pattern; type: TypeExpr | undefined; value: SourceExpr }[] = []
    this.AT_LEAST_ONE({
      MAX_LOOKAHEAD: 1,
      DEF: () => {
        const word = this.CONSUME(t.LetKeyword)
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
      if (bound.length > longest) throw new Fault(nestedTooDeeply(this.spanOf(bound[longest]!.word)))
    })
    const body = this.SUBRULE(this.letBody)
    return this.ACTION(() =>
      bound.reduceRight<SourceExpr>(
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

  private readonly letBody: ParserMethod<[], SourceExpr> = this.RULE(
    'letBody',
    (): SourceExpr => this.SUBRULE(this.expr),
  )

  private readonly conditional: ParserMethod<[], SourceExpr> = this.RULE('conditional', (): SourceExpr => {
    const word = this.CONSUME(t.IfKeyword)
    const condition = this.SUBRULE1(this.expr)
    this.CONSUME(t.ThenKeyword)
    const then = this.SUBRULE2(this.expr)
    this.CONSUME(t.ElseKeyword)
    const otherwise = this.SUBRULE3(this.expr)
    return this.ACTION(
      (): SourceExpr => ({ kind: 'if', condition, then, otherwise, span: this.spanFrom(word) }),
    )
  })

  private readonly comprehension: ParserMethod<[], SourceExpr> = this.RULE(
    'comprehension',
    (): SourceExpr => {
      const word = this.CONSUME(t.ForKeyword)
      const binders = this.SUBRULE(this.binders)
      this.CONSUME(t.Arrow)
      const body = this.SUBRULE(this.expr)
      return this.ACTION((): SourceExpr => ({ kind: 'for', binders, body, span: this.spanFrom(word) }))
    },
  )

  private readonly reduction: ParserMethod<[], SourceExpr> = this.RULE('reduction', (): SourceExpr => {
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
    return this.ACTION((): SourceExpr => {
      return { kind: 'reduce', op: word.image as ReducerName, binders, body, span: this.spanFrom(word) }
    })
  })

  private readonly fold: ParserMethod<[], SourceExpr> = this.RULE('fold', (): SourceExpr => {
    const word = this.OR([
      { ALT: () => this.CONSUME(t.FoldKeyword) },
      { ALT: () => this.CONSUME(t.ScanKeyword) },
    ])
    const pattern = this.SUBRULE(this.pattern)
    let init: SourceExpr | undefined
    this.OPTION(() => {
      this.CONSUME(t.Equals)
      init = this.SUBRULE1(this.expr)
    })
    this.CONSUME(t.ForKeyword)
    const binder = this.SUBRULE(this.binder)
    let direction: Direction = 'up'
    this.OPTION1(() => {
      this.CONSUME(t.DownKeyword)
      direction = 'down'
    })
    this.CONSUME(t.Arrow)
    const body = this.SUBRULE2(this.expr)
    return this.ACTION((): SourceExpr => {
      const keeps = word.tokenType === t.ScanKeyword ? 'all' : 'last'
      const span = this.spanFrom(word)
      return { kind: 'fold', keeps, direction, pattern, ...(init && { init }), binder, body, span }
    })
  })

  private readonly lambda: ParserMethod<[], SourceExpr> = this.RULE('lambda', (): SourceExpr => {
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
    return this.ACTION((): SourceExpr => ({ kind: 'lambda', params, body, span: this.spanFrom(first) }))
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
