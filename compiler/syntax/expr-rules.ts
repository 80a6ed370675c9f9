import type { IToken, ParserMethod } from 'chevrotain'
import { cover } from '../source.js'
import type { BinaryOp, Expr, Name, Param, Path, Pattern, ReduceOp, TypeExpr } from './ast.js'
import { deepest, Fault, longest } from './base-rules.js'
import { chainedComparison, emptyParentheses, reductionAsCall, tooDeep, unguardedAt } from './faults.js'
import { assemble, type InfixOp, type PrefixOp } from './precedence.js'
import * as t from './tokens.js'
import { TypeRules } from './type-rules.js'

type RecordFields = { name: Name; value: Expr }[]

/** Expressions. */
export abstract class ExprRules extends TypeRules {
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
    this.AT_LEAST_ONE(() => {
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

  private readonly postfix: ParserMethod<[], Expr> = this.RULE('postfix', (): Expr => {
    let target = this.SUBRULE(this.atom)
    let length = 0
    this.MANY({
      GATE: () => this.continues(target),
      DEF: () => {
        const before = target
        const extended = (node: (end: Expr['span']) => Expr): void => {
          length += 1
          if (length > longest) throw new Fault(tooDeep(this.spanOf(this.LA(0))))
          target = this.ACTION(() => node(cover(before.span, this.spanOf(this.LA(0)))))
        }
        this.OR([
          {
            ALT: () => {
              this.CONSUME1(t.LParen)
              const args = this.SUBRULE1(this.list)
              this.CONSUME1(t.RParen)
              extended(span => ({ kind: 'call', callee: before, args, span }))
            },
          },
          {
            ALT: () => {
              this.CONSUME2(t.LBracket)
              const at = this.SUBRULE2(this.list)
              this.CONSUME2(t.RBracket)
              extended(span => ({ kind: 'index', target: before, at, span }))
            },
          },
          {
            ALT: () => {
              this.CONSUME(t.With)
              const fields = this.SUBRULE1(this.recordFields)
              extended(span => ({ kind: 'record', base: before, fields, span }))
            },
          },
          {
            ALT: () => {
              const fields = this.SUBRULE2(this.recordFields)
              extended(span => ({ kind: 'record', type: typeName(before)!, fields, span }))
            },
          },
          {
            ALT: () => {
              this.CONSUME(t.Dot)
              const name = this.CONSUME(t.Identifier)
              let guarded: { at: Expr[]; otherwise: Expr } | undefined
              this.OPTION({
                GATE: () => name.image === 'at' && this.sameLine(),
                DEF: () => {
                  guarded = this.SUBRULE(this.guard)
                },
              })
              extended(span =>
                guarded
                  ? { kind: 'at', target: before, ...guarded, span }
                  : this.member(before, this.nameOf(name), span),
              )
            },
          },
        ])
      },
    })
    return target
  })

  private continues(target: Expr): boolean {
    switch (this.LA(1).tokenType) {
      case t.Dot:
        return true
      case t.LParen:
      case t.LBracket:
        return this.sameLine()
      case t.With:
        return this.sameLine() && this.LA(2).tokenType === t.LBrace
      case t.LBrace:
        return this.sameLine() && typeName(target) !== undefined
      default:
        return false
    }
  }

  /** `llama.logits` is one name where an import qualifies it, a record's field elsewhere. */
  private member(target: Expr, field: Name, span: Expr['span']): Expr {
    if (target.kind === 'name' && !target.path.module && this.setting.qualifiers.has(target.path.name.text)) {
      return { kind: 'name', path: { module: target.path.name, name: field, span }, span }
    }
    return { kind: 'field', target, field, span }
  }

  private readonly guard = this.RULE('guard', () => {
    const open = this.CONSUME(t.LParen)
    const at: Expr[] = []
    let more = true
    this.MANY({
      GATE: () => more,
      DEF: () => {
        at.push(this.SUBRULE1(this.expr))
        more = this.OPTION(() => this.CONSUME(t.Comma)) !== undefined
      },
    })
    this.ACTION(() => {
      if (this.LA(1).tokenType === t.RParen) throw new Fault(unguardedAt(this.spanOf(open, this.LA(1))))
    })
    this.CONSUME(t.Else)
    this.CONSUME(t.Colon)
    const otherwise = this.SUBRULE2(this.expr)
    this.CONSUME(t.RParen)
    return { at, otherwise }
  })

  private readonly atom: ParserMethod<[], Expr> = this.RULE(
    'atom',
    (): Expr =>
      this.OR<Expr>({
        DEF: [
          { ALT: () => this.named(this.CONSUME(t.Identifier)) },
          { ALT: () => this.named(this.CONSUME(t.Reducer)) },
          {
            ALT: () => {
              const token = this.CONSUME(t.NumberToken)
              return this.ACTION(() => this.numberOf(token))
            },
          },
          { ALT: () => ({ kind: 'bool', value: true, span: this.spanOf(this.CONSUME(t.True)) }) },
          { ALT: () => ({ kind: 'bool', value: false, span: this.spanOf(this.CONSUME(t.False)) }) },
          {
            ALT: () => {
              const open = this.CONSUME(t.LParen)
              const items = this.SUBRULE1(this.list)
              this.CONSUME(t.RParen)
              return this.ACTION(() => this.group(items, open))
            },
          },
          {
            ALT: () => {
              const open = this.CONSUME(t.LBracket)
              const items = this.SUBRULE2(this.list)
              this.CONSUME(t.RBracket)
              return this.ACTION((): Expr => ({ kind: 'array', items, span: this.spanFrom(open) }))
            },
          },
          {
            ALT: () => {
              const first = this.ACTION(() => this.LA(1))
              const fields = this.SUBRULE(this.recordFields)
              return this.ACTION((): Expr => ({ kind: 'record', fields, span: this.spanFrom(first) }))
            },
          },
        ],
        IGNORE_AMBIGUITIES: true,
      }),
  )

  private named(token: IToken): Expr {
    const name = this.nameOf(token)
    return { kind: 'name', path: { name, span: name.span }, span: name.span }
  }

  private group(items: readonly Expr[], open: IToken): Expr {
    const span = this.spanFrom(open)
    if (items.length === 0) throw new Fault(emptyParentheses(span))
    if (items.length > 1) return { kind: 'tuple', items, span }
    const inner = { ...items[0]!, span }
    this.grouped.add(inner)
    return inner
  }

  /** Expressions between commas; a comma may end the list. */
  private readonly list: ParserMethod<[], Expr[]> = this.RULE('list', (): Expr[] => {
    const items: Expr[] = []
    let more = true
    this.MANY({
      GATE: () => more,
      DEF: () => {
        items.push(this.SUBRULE(this.expr))
        more = this.OPTION(() => this.CONSUME(t.Comma)) !== undefined
      },
    })
    return items
  })

  private readonly recordFields: ParserMethod<[], RecordFields> = this.RULE(
    'recordFields',
    (): RecordFields => {
      const fields: RecordFields = []
      let more = true
      this.CONSUME(t.LBrace)
      this.MANY({
        GATE: () => more,
        DEF: () => {
          const token = this.CONSUME(t.Identifier)
          let value = this.named(token)
          this.OPTION1(() => {
            this.CONSUME(t.Colon)
            value = this.SUBRULE(this.expr)
          })
          fields.push({ name: this.nameOf(token), value })
          more = this.OPTION2(() => this.CONSUME(t.Comma)) !== undefined
        },
      })
      this.CONSUME(t.RBrace)
      return fields
    },
  )
}

/** The path of an expression that can only name a record: its last part is capitalised. */
const typeName = (target: Expr): Path | undefined => {
  if (target.kind === 'name') return /^[A-Z]/.test(target.path.name.text) ? target.path : undefined
  if (target.kind !== 'field' || target.target.kind !== 'name' || target.target.path.module) return undefined
  if (!/^[A-Z]/.test(target.field.text)) return undefined
  return { module: target.target.path.name, name: target.field, span: target.span }
}
