import type { IToken, ParserMethod } from 'chevrotain'
import { cover } from '../diagnostics/source.js'
import type { BinaryOp, Binder, Path, Pattern, SourceExpr, TypeArg, TypeExpr } from './ast.js'
import { BaseRules } from './base-rules.js'
import { assembleOperators, type InfixOp, type PrefixOp } from './precedence.js'
import * as t from './tokens.js'

/** The value of a number as written: underscores are only for the eye. */
export const valueOfNumber = (image: string): number => Number(image.replaceAll('_', ''))

/** Sizes, types, patterns and binders. */
export abstract class TypeRules extends BaseRules {
  /** `K * G`, `T + 1`: arithmetic over names and whole numbers. */
  readonly size: ParserMethod<[], SourceExpr> = this.RULE('size', (): SourceExpr => {
    const operands: { prefixes: PrefixOp[]; operand: SourceExpr }[] = []
    const operators: InfixOp[] = []
    const operand = (part: { prefixes: PrefixOp[]; operand: SourceExpr }): void => void operands.push(part)
    operand(this.SUBRULE1(this.sizeOperand))
    this.MANY(() => {
      const operator = this.CONSUME(t.Arithmetic)
      operators.push({ op: operator.image as BinaryOp, span: this.spanOf(operator) })
      operand(this.SUBRULE2(this.sizeOperand))
    })
    return this.ACTION(() => assembleOperators({ operands, operators }, () => undefined))
  })

  private readonly sizeOperand = this.RULE('sizeOperand', () => {
    const prefixes: PrefixOp[] = []
    this.MANY(() => {
      prefixes.push({ op: '-', span: this.spanOf(this.CONSUME(t.Minus)) })
    })
    const operand = this.OR<SourceExpr>([
      {
        ALT: () => {
          const token = this.CONSUME(t.NumberToken)
          return this.ACTION(() => this.numberOf(token))
        },
      },
      {
        ALT: () => {
          const path = this.SUBRULE(this.path)
          return this.ACTION((): SourceExpr => ({ kind: 'name', path, span: path.span }))
        },
      },
      {
        ALT: () => {
          const open = this.CONSUME(t.LParen)
          const inner = this.SUBRULE(this.size)
          this.CONSUME(t.RParen)
          return this.ACTION((): SourceExpr => ({ ...inner, span: this.spanFrom(open) }))
        },
      },
    ])
    return { prefixes, operand }
  })

  protected numberOf(token: IToken): SourceExpr {
    return {
      kind: 'number',
      value: valueOfNumber(token.image),
      integer: /^[0-9_]+$/.test(token.image),
      span: this.spanOf(token),
    }
  }

  readonly path: ParserMethod<[], Path> = this.RULE('path', (): Path => {
    const first = this.CONSUME1(t.Identifier)
    let second: IToken | undefined
    this.OPTION(() => {
      this.CONSUME(t.Dot)
      second = this.CONSUME2(t.Identifier)
    })
    if (second === undefined) return { name: this.nameOf(first), span: this.spanOf(first) }
    return { module: this.nameOf(first), name: this.nameOf(second), span: this.spanOf(first, second) }
  })

  readonly type: ParserMethod<[], TypeExpr> = this.RULE(
    'type',
    (): TypeExpr =>
      this.OR({
        DEF: [
          {
            GATE: () => this.afterBracket()?.tokenType === t.Arrow,
            ALT: () => this.SUBRULE(this.functionType),
          },
          { ALT: () => this.SUBRULE(this.valueType) },
        ],
        MAX_LOOKAHEAD: 1,
        IGNORE_AMBIGUITIES: true,
      }),
  )

  private readonly functionType: ParserMethod<[], TypeExpr> = this.RULE('functionType', (): TypeExpr => {
    const open = this.CONSUME(t.LParen)
    const params: TypeExpr[] = []
    this.MANY_SEP({ SEP: t.Comma, DEF: () => params.push(this.SUBRULE1(this.type)) })
    this.CONSUME(t.RParen)
    this.CONSUME(t.Arrow)
    const result = this.SUBRULE2(this.type)
    return this.ACTION(
      (): TypeExpr => ({ kind: 'fn', params, result, span: cover(this.spanOf(open), result.span) }),
    )
  })

  private readonly valueType: ParserMethod<[], TypeExpr> = this.RULE('valueType', (): TypeExpr => {
    let type = this.OR([
      { ALT: () => this.SUBRULE(this.indexType) },
      { ALT: () => this.SUBRULE(this.tupleType) },
      { ALT: () => this.SUBRULE1(this.namedType) },
    ])
    this.OPTION({
      GATE: () => this.sameLine() && this.LA(0).image === 'f32',
      DEF: () => {
        this.CONSUME(t.PerKeyword)
        const of = this.SUBRULE2(this.namedType)
        const scalar = type
        type = this.ACTION((): TypeExpr => ({ kind: 'per', of, span: cover(scalar.span, of.span) }))
      },
    })
    this.MANY({
      GATE: () => this.sameLine(),
      DEF: () => {
        this.CONSUME(t.LBracket)
        const dims: SourceExpr[] = []
        this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => dims.push(this.SUBRULE(this.size)) })
        this.CONSUME(t.RBracket)
        const element = type
        type = this.ACTION(
          (): TypeExpr => ({
            kind: 'array',
            element,
            dims,
            span: { ...element.span, end: this.spanOf(this.LA(0)).end },
          }),
        )
      },
    })
    return type
  })

  private readonly indexType = this.RULE('indexType', (): TypeExpr => {
    const idx = this.CONSUME(t.IdxKeyword)
    this.CONSUME(t.LBracket)
    const bound = this.SUBRULE(this.size)
    this.CONSUME(t.RBracket)
    return this.ACTION((): TypeExpr => ({ kind: 'idx', bound, span: this.spanFrom(idx) }))
  })

  private readonly tupleType = this.RULE('tupleType', (): TypeExpr => {
    const open = this.CONSUME(t.LParen)
    const items: TypeExpr[] = []
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.type)) })
    this.CONSUME(t.RParen)
    return this.ACTION((): TypeExpr => {
      const span = this.spanFrom(open)
      return items.length === 1 ? { ...items[0]!, span } : { kind: 'tuple', items, span }
    })
  })

  private readonly namedType: ParserMethod<[], TypeExpr> = this.RULE('namedType', (): TypeExpr => {
    const path = this.SUBRULE(this.path)
    const args: TypeArg[] = []
    this.OPTION({
      GATE: () => this.sameLine(),
      DEF: () => {
        this.CONSUME(t.LParen)
        this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => args.push(this.SUBRULE(this.typeArgument)) })
        this.CONSUME(t.RParen)
      },
    })
    return this.ACTION(
      (): TypeExpr => ({
        kind: 'named',
        path,
        args,
        span: { ...path.span, end: this.spanOf(this.LA(0)).end },
      }),
    )
  })

  private readonly typeArgument: ParserMethod<[], TypeArg> = this.RULE('typeArgument', (): TypeArg => {
    const name = this.CONSUME(t.Identifier)
    this.CONSUME(t.Equals)
    const value = this.OR<TypeArg['value']>({
      DEF: [
        {
          GATE: () => this.sizeAhead(),
          ALT: () => {
            const size = this.SUBRULE(this.size)
            return { kind: 'size' as const, size }
          },
        },
        {
          ALT: () => {
            const type = this.SUBRULE(this.type)
            return { kind: 'type' as const, type }
          },
        },
      ],
      MAX_LOOKAHEAD: 1,
      IGNORE_AMBIGUITIES: true,
    })
    return this.ACTION(() => ({ name: this.nameOf(name), value, span: this.spanFrom(name) }))
  })

  /** Whether the next tokens are a size: a number, or a path or group with an operator in or after it. */
  private sizeAhead(): boolean {
    const first = this.LA(1)
    if (t.isA(first, t.NumberToken) || t.isA(first, t.Minus)) return true
    if (first.tokenType === t.LParen) {
      const after = this.afterBracket()
      if (after === undefined || after.tokenType === t.Arrow) return false
      if (t.isA(after, t.Arithmetic)) return true
      for (let k = 2; this.LA(k) !== after; k++) {
        if ([t.Comma, t.LBracket, t.Arrow, t.Equals].includes(this.LA(k).tokenType)) return false
        if (t.isA(this.LA(k), t.Arithmetic) || t.isA(this.LA(k), t.NumberToken)) return true
      }
      return false
    }
    return t.isA(this.LA(this.LA(2).tokenType === t.Dot ? 4 : 2), t.Arithmetic)
  }

  /** `x`, `(a, (b, c))`: what `let` and `fold` bind. */
  readonly pattern: ParserMethod<[], Pattern> = this.RULE(
    'pattern',
    (): Pattern =>
      this.OR<Pattern>([
        {
          ALT: () => {
            const name = this.nameOf(this.CONSUME(t.Identifier))
            return { kind: 'name', name, span: name.span }
          },
        },
        {
          ALT: () => {
            const open = this.CONSUME(t.LParen)
            const items: Pattern[] = []
            this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => items.push(this.SUBRULE(this.pattern)) })
            this.CONSUME(t.RParen)
            return this.ACTION((): Pattern => {
              const span = this.spanFrom(open)
              return items.length === 1 ? { ...items[0]!, span } : { kind: 'tuple', items, span }
            })
          },
        },
      ]),
  )

  /** `t`, `t: T`, `(j, g)`. */
  readonly binder: ParserMethod<[], Binder> = this.RULE(
    'binder',
    (): Binder =>
      this.OR<Binder>([
        {
          ALT: () => {
            const name = this.CONSUME(t.Identifier)
            let range: SourceExpr | undefined
            this.OPTION(() => {
              this.CONSUME(t.Colon)
              range = this.SUBRULE(this.size)
            })
            return this.ACTION(() => ({
              kind: 'index',
              name: this.nameOf(name),
              ...(range && { range }),
              span: this.spanFrom(name),
            }))
          },
        },
        {
          ALT: () => {
            const open = this.CONSUME(t.LParen)
            const parts: Binder[] = []
            this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => parts.push(this.SUBRULE(this.binder)) })
            this.CONSUME(t.RParen)
            return this.ACTION((): Binder => {
              const span = this.spanFrom(open)
              return parts.length === 1 ? { ...parts[0]!, span } : { kind: 'product', parts, span }
            })
          },
        },
      ]),
  )

  readonly binders: ParserMethod<[], Binder[]> = this.RULE('binders', (): Binder[] => {
    const binders: Binder[] = []
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => binders.push(this.SUBRULE(this.binder)) })
    return binders
  })
}
