import type { IToken, ParserMethod } from 'chevrotain'
import type { Span } from '../diagnostics/source.js'
import type * as Ast from './ast.js'
import { ExprRules } from './expr-rules.js'
import { parameterWithoutType, secondState } from './grammar-errors.js'
import { decodeString } from './lexical.js'
import * as t from './tokens.js'
import { valueOfNumber } from './type-rules.js'

/** The parts of declarations: parameters, fields, and where their data come from. */
export abstract class ItemRules extends ExprRules {
  /** The doc comment that belongs to what began at `first` and ends at the last token consumed. */
  protected docOf(first: IToken): { doc?: string } {
    const doc = this.parseInput.claimDoc(first, this.LA(0))
    return doc === undefined ? {} : { doc }
  }

  protected readonly params: ParserMethod<[], Ast.Param[]> = this.RULE('params', (): Ast.Param[] => {
    const params: Ast.Param[] = []
    let more = true
    this.CONSUME(t.LParen)
    this.MANY({
      GATE: () => more,
      DEF: () => {
        params.push(this.SUBRULE(this.param))
        more = this.OPTION(() => this.CONSUME(t.Comma)) !== undefined
      },
    })
    this.CONSUME(t.RParen)
    return params
  })

  private readonly param: ParserMethod<[], Ast.Param> = this.RULE('param', (): Ast.Param => {
    const name = this.CONSUME(t.Identifier)
    let type: Ast.TypeExpr | undefined
    let value: Ast.SourceExpr | undefined
    this.OPTION1(() => {
      this.CONSUME(t.Colon)
      type = this.SUBRULE(this.type)
    })
    this.OPTION2(() => {
      this.CONSUME(t.Equals)
      value = this.SUBRULE(this.expr)
    })
    return this.ACTION(() => ({
      name: this.nameOf(name),
      ...(type && { type }),
      ...(value && { default: value }),
      span: this.spanFrom(name),
    }))
  })

  /** `{ wk, wv: f32[K, D, E] from "…"  … }`: a Field a name. */
  protected readonly fields: ParserMethod<[], Ast.FieldDecl[]> = this.RULE('fields', (): Ast.FieldDecl[] => {
    const fields: Ast.FieldDecl[] = []
    this.CONSUME(t.LBrace)
    this.MANY(() => {
      const declared = this.SUBRULE(this.fieldLine)
      this.OPTION(() => this.CONSUME(t.Comma))
      this.ACTION(() => fields.push(...declared))
    })
    this.CONSUME(t.RBrace)
    return fields
  })

  private readonly fieldLine: ParserMethod<[], Ast.FieldDecl[]> = this.RULE(
    'fieldLine',
    (): Ast.FieldDecl[] => {
      const names: IToken[] = []
      this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => names.push(this.CONSUME(t.Identifier)) })
      this.CONSUME(t.Colon)
      const type = this.SUBRULE(this.type)
      const value = this.OPTION1(() => {
        this.CONSUME(t.Equals)
        return this.SUBRULE(this.expr)
      })
      let from: Ast.TensorSource | undefined
      this.OPTION({
        GATE: () => this.LA(2).tokenType === t.StringToken,
        DEF: () => {
          from = this.SUBRULE(this.tensorSource)
        },
      })
      return this.ACTION(() => {
        const doc = this.docOf(names[0]!)
        return names.map(name => ({
          name: this.nameOf(name),
          type,
          ...(value && { default: value }),
          ...(from && { from }),
          ...doc,
          span: this.spanFrom(name),
        }))
      })
    },
  )

  /** `if biased`, behind what is read: the name of a constant. */
  protected readonly condition: ParserMethod<[], Ast.Name> = this.RULE('condition', (): Ast.Name => {
    this.CONSUME(t.IfKeyword)
    return this.nameOf(this.CONSUME(t.Identifier))
  })

  private readonly tensorName: ParserMethod<[], Ast.TensorName> = this.RULE(
    'tensorName',
    (): Ast.TensorName => {
      const name = this.CONSUME(t.StringToken)
      const when = this.OPTION(() => this.SUBRULE(this.condition))
      return this.ACTION(() => ({ text: decodeString(name.image), ...(when && { when }) }))
    },
  )

  /** `from "…" if biased else "…" as [H * D, E] else 0`. */
  private readonly tensorSource: ParserMethod<[], Ast.TensorSource> = this.RULE('tensorSource', () => {
    const word = this.CONSUME(t.FromKeyword)
    const names = [this.SUBRULE1(this.tensorName)]
    let fill: number | undefined
    this.MANY(() => {
      this.CONSUME1(t.ElseKeyword)
      names.push(this.SUBRULE2(this.tensorName))
    })
    const shape: Ast.SourceExpr[] = []
    this.OPTION3({
      // The next field may be called `as`.
      GATE: () => this.LA(2).tokenType === t.LBracket,
      DEF: () => {
        this.CONSUME(t.AsKeyword)
        this.CONSUME(t.LBracket)
        this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => shape.push(this.SUBRULE(this.size)) })
        this.CONSUME(t.RBracket)
      },
    })
    this.OPTION1(() => {
      this.CONSUME2(t.ElseKeyword)
      const minus = this.OPTION2(() => this.CONSUME(t.Minus))
      const value = valueOfNumber(this.CONSUME(t.NumberToken).image)
      fill = minus === undefined ? value : -value
    })
    return this.ACTION(() => ({
      names,
      ...(shape.length > 0 && { shape }),
      ...(fill !== undefined && { fill }),
      span: this.spanFrom(word),
    }))
  })

  protected makeFn(
    first: IToken,
    name: IToken,
    parts: Pick<Ast.FnItem, 'params' | 'result' | 'body'>,
  ): Ast.FnItem {
    return {
      kind: 'fn',
      name: this.nameOf(name),
      ...parts,
      ...this.docOf(first),
      span: this.spanFrom(first),
    }
  }

  protected readonly recipe: ParserMethod<[], Ast.RecipeItem> = this.RULE('recipe', (): Ast.RecipeItem => {
    const word = this.CONSUME(t.RecipeKeyword)
    const name = this.CONSUME(t.Identifier)
    const params = this.OPTION(() => this.SUBRULE(this.params)) ?? []
    const settings: Ast.SettingDecl[] = []
    const methods: Ast.FnItem[] = []
    let state: { readonly fields: Ast.FieldDecl[]; readonly span: Span } | undefined
    this.CONSUME(t.LBrace)
    this.MANY(() =>
      this.OR({
        DEF: [
          {
            GATE: () => t.isName(this.LA(2)),
            ALT: () => settings.push(this.SUBRULE(this.settingLine)),
          },
          {
            GATE: () => this.LA(2).tokenType === t.LBrace,
            ALT: () => {
              const head = this.spanOf(this.CONSUME(t.StateKeyword))
              const fields = this.SUBRULE(this.fields)
              if (state) this.found.push(secondState(name.image, state.span, head))
              this.ACTION(() => {
                state = { fields, span: head }
              })
            },
          },
          { ALT: () => methods.push(this.SUBRULE(this.method)) },
        ],
        MAX_LOOKAHEAD: 1,
        IGNORE_AMBIGUITIES: true,
      }),
    )
    this.CONSUME(t.RBrace)
    return this.ACTION(() => ({
      kind: 'recipe',
      name: this.nameOf(name),
      params,
      settings,
      state: state?.fields ?? [],
      methods,
      ...this.docOf(word),
      span: this.spanFrom(word),
    }))
  })

  /** `linear | cosine` */
  protected readonly choices: ParserMethod<[], Ast.Name[]> = this.RULE('choices', (): Ast.Name[] => {
    const choices: Ast.Name[] = []
    this.AT_LEAST_ONE_SEP({ SEP: t.Bar, DEF: () => choices.push(this.nameOf(this.CONSUME(t.Identifier))) })
    return choices
  })

  private readonly settingLine: ParserMethod<[], Ast.SettingDecl> = this.RULE(
    'setting',
    (): Ast.SettingDecl => {
      const word = this.CONSUME(t.SettingKeyword)
      const name = this.CONSUME(t.Identifier)
      let size = false
      let choices: Ast.Name[] | undefined
      this.OPTION(() => {
        this.CONSUME(t.Colon)
        this.OR([
          {
            ALT: () => {
              this.CONSUME(t.SizeKeyword)
              size = true
            },
          },
          {
            ALT: () => {
              choices = this.SUBRULE(this.choices)
            },
          },
        ])
      })
      this.CONSUME(t.Equals)
      const value = this.SUBRULE(this.expr)
      return this.ACTION(() => ({
        name: this.nameOf(name),
        ...(size && { size }),
        ...(choices && { choices }),
        value,
        ...this.docOf(word),
        span: this.spanFrom(word),
      }))
    },
  )

  private readonly method: ParserMethod<[], Ast.FnItem> = this.RULE('method', (): Ast.FnItem => {
    const name = this.CONSUME(t.Identifier)
    const params = this.SUBRULE(this.params)
    const result = this.OPTION(() => {
      this.CONSUME(t.Arrow)
      return this.SUBRULE(this.type)
    })
    this.CONSUME(t.Equals)
    const body = this.SUBRULE(this.expr)
    return this.ACTION(() => this.makeFn(name, name, { params, ...(result && { result }), body }))
  })

  protected readonly fn: ParserMethod<[], Ast.FnItem> = this.RULE('fn', (): Ast.FnItem => {
    const word = this.CONSUME(t.FnKeyword)
    const name = this.CONSUME(t.Identifier)
    const params = this.SUBRULE(this.params)
    this.CONSUME(t.Arrow)
    const result = this.SUBRULE(this.type)
    this.CONSUME(t.Equals)
    const body = this.SUBRULE(this.expr)
    return this.ACTION(() => {
      for (const p of params) if (!p.type) this.found.push(parameterWithoutType(p.name.text, p.name.span))
      return this.makeFn(word, name, { params, result, body })
    })
  })

  protected readonly test: ParserMethod<[], Ast.TestItem> = this.RULE('test', (): Ast.TestItem => {
    const word = this.CONSUME(t.TestKeyword)
    const title = this.CONSUME(t.StringToken)
    const statements: Ast.TestStatement[] = []
    this.CONSUME(t.LBrace)
    this.MANY(() => statements.push(this.SUBRULE(this.statement)))
    this.CONSUME(t.RBrace)
    return this.ACTION(() => ({
      kind: 'test',
      title: decodeString(title.image),
      statements,
      span: this.spanFrom(word),
    }))
  })

  private readonly statement: ParserMethod<[], Ast.TestStatement> = this.RULE(
    'statement',
    (): Ast.TestStatement =>
      this.OR<Ast.TestStatement>([
        {
          ALT: () => {
            const word = this.CONSUME(t.LetKeyword)
            const pattern = this.SUBRULE(this.pattern)
            const type = this.OPTION1(() => {
              this.CONSUME(t.Colon)
              return this.SUBRULE(this.type)
            })
            this.CONSUME(t.Equals)
            const value = this.SUBRULE1(this.expr)
            return this.ACTION(() => ({
              kind: 'let',
              pattern,
              ...(type && { type }),
              value,
              span: this.spanFrom(word),
            }))
          },
        },
        {
          ALT: () => {
            const word = this.CONSUME(t.ExpectKeyword)
            const claim = this.SUBRULE2(this.expr)
            const within = this.OPTION2(() => {
              this.CONSUME(t.WithinKeyword)
              return this.SUBRULE3(this.expr)
            })
            return this.ACTION(() => {
              const compared = claim.kind === 'binary' && claim.op === '==' && !this.grouped.has(claim)
              const sides = compared ? { actual: claim.left, expected: claim.right } : { actual: claim }
              return { kind: 'expect', ...sides, ...(within && { within }), span: this.spanFrom(word) }
            })
          },
        },
      ]),
  )
}
