import type { IToken, ParserMethod } from 'chevrotain'
import { cover } from '../diagnostics/source.js'
import type { Name, Path, SourceExpr } from './ast.js'
import { Fault, longest } from './base-rules.js'
import { emptyParentheses, nestedTooDeeply, unguardedAt } from './grammar-errors.js'
import * as t from './tokens.js'
import { TypeRules } from './type-rules.js'

type RecordFields = { name: Name; value: SourceExpr }[]

/** The operands of operators: names, literals, groups, and what is called, read or updated. */
export abstract class PostfixRules extends TypeRules {
  abstract readonly expr: ParserMethod<[], SourceExpr>

  protected readonly postfix: ParserMethod<[], SourceExpr> = this.RULE('postfix', (): SourceExpr => {
    let target = this.SUBRULE(this.atom)
    let length = 0
    this.MANY({
      GATE: () => this.continues(target),
      DEF: () => {
        const before = target
        const extended = (node: (end: SourceExpr['span']) => SourceExpr): void => {
          length += 1
          if (length > longest) throw new Fault(nestedTooDeeply(this.spanOf(this.LA(0))))
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
              this.CONSUME1(t.WithKeyword)
              const fields = this.SUBRULE1(this.recordFields)
              extended(span => ({ kind: 'record', base: before, fields, span }))
            },
          },
          {
            ALT: () => {
              this.CONSUME2(t.WithKeyword)
              this.CONSUME3(t.LBracket)
              const at = this.SUBRULE3(this.list)
              this.CONSUME3(t.RBracket)
              this.CONSUME(t.Equals)
              const value = this.SUBRULE(this.expr)
              extended(span => ({ kind: 'replace', target: before, at, value, span }))
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
              let guarded: { at: SourceExpr[]; otherwise: SourceExpr } | undefined
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

  private continues(target: SourceExpr): boolean {
    switch (this.LA(1).tokenType) {
      case t.Dot:
        return true
      case t.LParen:
      case t.LBracket:
        return this.sameLine()
      case t.WithKeyword:
        return this.sameLine() && (this.LA(2).tokenType === t.LBrace || this.LA(2).tokenType === t.LBracket)
      case t.LBrace:
        return this.sameLine() && typeName(target) !== undefined
      default:
        return false
    }
  }

  /** `llama.logits` is one name where an import qualifies it, a record's field elsewhere. */
  private member(target: SourceExpr, field: Name, span: SourceExpr['span']): SourceExpr {
    if (
      target.kind === 'name' &&
      !target.path.module &&
      this.parseInput.qualifiers.has(target.path.name.text)
    ) {
      return { kind: 'name', path: { module: target.path.name, name: field, span }, span }
    }
    return { kind: 'field', target, field, span }
  }

  private readonly guard = this.RULE('guard', () => {
    const open = this.CONSUME(t.LParen)
    const at: SourceExpr[] = []
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
    this.CONSUME(t.ElseKeyword)
    this.CONSUME(t.Colon)
    const otherwise = this.SUBRULE2(this.expr)
    this.CONSUME(t.RParen)
    return { at, otherwise }
  })

  private readonly atom: ParserMethod<[], SourceExpr> = this.RULE(
    'atom',
    (): SourceExpr =>
      this.OR<SourceExpr>({
        DEF: [
          { ALT: () => this.named(this.CONSUME(t.Identifier)) },
          { ALT: () => this.named(this.CONSUME(t.Reducer)) },
          {
            ALT: () => {
              const token = this.CONSUME(t.NumberToken)
              return this.ACTION(() => this.numberOf(token))
            },
          },
          { ALT: () => ({ kind: 'bool', value: true, span: this.spanOf(this.CONSUME(t.TrueKeyword)) }) },
          { ALT: () => ({ kind: 'bool', value: false, span: this.spanOf(this.CONSUME(t.FalseKeyword)) }) },
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
              return this.ACTION((): SourceExpr => ({ kind: 'array', items, span: this.spanFrom(open) }))
            },
          },
          {
            ALT: () => {
              const first = this.ACTION(() => this.LA(1))
              const fields = this.SUBRULE(this.recordFields)
              return this.ACTION((): SourceExpr => ({ kind: 'record', fields, span: this.spanFrom(first) }))
            },
          },
        ],
        MAX_LOOKAHEAD: 1,
        IGNORE_AMBIGUITIES: true,
      }),
  )

  private named(token: IToken): SourceExpr {
    const name = this.nameOf(token)
    return { kind: 'name', path: { name, span: name.span }, span: name.span }
  }

  private group(items: readonly SourceExpr[], open: IToken): SourceExpr {
    const span = this.spanFrom(open)
    if (items.length === 0) throw new Fault(emptyParentheses(span))
    if (items.length > 1) return { kind: 'tuple', items, span }
    const inner = { ...items[0]!, span }
    this.grouped.add(inner)
    return inner
  }

  /** Expressions between commas; a comma may end the list. */
  private readonly list: ParserMethod<[], SourceExpr[]> = this.RULE('list', (): SourceExpr[] => {
    const items: SourceExpr[] = []
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
const typeName = (target: SourceExpr): Path | undefined => {
  if (target.kind === 'name') return /^[A-Z]/.test(target.path.name.text) ? target.path : undefined
  if (target.kind !== 'field' || target.target.kind !== 'name' || target.target.path.module) return undefined
  if (!/^[A-Z]/.test(target.field.text)) return undefined
  return { module: target.target.path.name, name: target.field, span: target.span }
}
