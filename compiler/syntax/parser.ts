import type { IToken, ParserMethod } from 'chevrotain'
import { cover } from '../diagnostics/source.js'
import type * as Ast from './ast.js'
import { foreignEntryOperator } from './grammar-errors.js'
import { ItemRules } from './item-rules.js'
import { decodeString } from './lexical.js'
import * as t from './tokens.js'
import { valueOfNumber } from './type-rules.js'

type Entry = Ast.ConfigExpr

/** The grammar's head: one import or one declaration at a time. */
class Parser extends ItemRules {
  constructor() {
    super()
    this.performSelfAnalysis()
  }

  readonly import: ParserMethod<[], Ast.ImportDecl> = this.RULE('import', (): Ast.ImportDecl => {
    const word = this.CONSUME(t.ImportKeyword)
    const segments: Ast.Name[] = []
    this.AT_LEAST_ONE_SEP1({ SEP: t.Dot, DEF: () => segments.push(this.nameOf(this.CONSUME1(t.Identifier))) })
    let alias: Ast.Name | undefined
    let names: Ast.Name[] | undefined
    this.OPTION1(() => {
      this.CONSUME(t.AsKeyword)
      alias = this.nameOf(this.CONSUME2(t.Identifier))
    })
    this.OPTION2(() => {
      const listed: Ast.Name[] = []
      let more = true
      this.CONSUME(t.LParen)
      this.AT_LEAST_ONE({
        GATE: () => more,
        DEF: () => {
          listed.push(this.nameOf(this.CONSUME3(t.Identifier)))
          more = this.OPTION3(() => this.CONSUME(t.Comma)) !== undefined
        },
      })
      this.CONSUME(t.RParen)
      names = listed
    })
    return this.ACTION(() => ({
      segments,
      ...(alias && { alias }),
      ...(names && { names }),
      span: this.spanFrom(word),
    }))
  })

  readonly item: ParserMethod<[], Ast.Item> = this.RULE(
    'item',
    (): Ast.Item =>
      this.OR<Ast.Item>([
        { ALT: () => this.SUBRULE(this.sizeItem) },
        { ALT: () => this.SUBRULE(this.typeItem) },
        { ALT: () => this.SUBRULE(this.constant) },
        { ALT: () => this.SUBRULE(this.record) },
        { ALT: () => this.SUBRULE(this.fn) },
        { ALT: () => this.SUBRULE(this.recipe) },
        { ALT: () => this.SUBRULE(this.test) },
      ]),
  )

  private readonly sizeItem: ParserMethod<[], Ast.SizeItem> = this.RULE('sizeItem', (): Ast.SizeItem => {
    const word = this.CONSUME(t.SizeKeyword)
    const names: Ast.Name[] = []
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => names.push(this.nameOf(this.CONSUME(t.Identifier))) })
    const definition = this.OPTION1({
      GATE: () => names.length === 1,
      DEF: () => {
        this.CONSUME(t.Equals)
        return this.SUBRULE(this.size)
      },
    })
    const from = this.OPTION2({ GATE: () => names.length === 1, DEF: () => this.SUBRULE(this.from) })
    return this.ACTION(() => ({
      kind: 'size',
      names,
      ...(definition && { definition }),
      ...(from && { from }),
      ...this.docOf(word),
      span: this.spanFrom(word),
    }))
  })

  private readonly typeItem: ParserMethod<[], Ast.TypeItem> = this.RULE('typeItem', (): Ast.TypeItem => {
    const word = this.CONSUME(t.TypeKeyword)
    const name = this.CONSUME(t.Identifier)
    return this.ACTION(() => ({
      kind: 'type',
      name: this.nameOf(name),
      ...this.docOf(word),
      span: this.spanFrom(word),
    }))
  })

  private readonly constant: ParserMethod<[], Ast.ConstItem> = this.RULE('constant', (): Ast.ConstItem => {
    const word = this.CONSUME(t.ConstKeyword)
    const name = this.CONSUME(t.Identifier)
    const kind = this.OPTION1(() => {
      this.CONSUME(t.Colon)
      return this.OR<Pick<Ast.ConstItem, 'type' | 'choices'>>({
        DEF: [
          { GATE: () => this.choicesFollow(), ALT: () => ({ choices: this.SUBRULE(this.choices) }) },
          { ALT: () => ({ type: this.SUBRULE(this.type) }) },
        ],
        MAX_LOOKAHEAD: 1,
        IGNORE_AMBIGUITIES: true,
      })
    })
    this.CONSUME(t.Equals)
    const value = this.SUBRULE(this.expr)
    const from = this.OPTION2(() => this.SUBRULE(this.from))
    const when = from && this.OPTION3(() => this.SUBRULE(this.condition))
    return this.ACTION(() => ({
      kind: 'const',
      name: this.nameOf(name),
      ...kind,
      value,
      ...(from && { from }),
      ...(when && { when }),
      ...this.docOf(word),
      span: this.spanFrom(word),
    }))
  })

  /** `a | b` and not a type; one choice alone is told from a type by its value, `silu = silu`. */
  private choicesFollow(): boolean {
    const [word, next, value] = [this.LA(1), this.LA(2), this.LA(3)]
    return next.tokenType === t.Bar || (next.tokenType === t.Equals && value.image === word.image)
  }

  private readonly record: ParserMethod<[], Ast.RecordItem> = this.RULE('record', (): Ast.RecordItem => {
    const word = this.CONSUME(t.RecordKeyword)
    const name = this.CONSUME(t.Identifier)
    const fields = this.SUBRULE(this.fields)
    return this.ACTION(() => ({
      kind: 'record',
      name: this.nameOf(name),
      fields,
      ...this.docOf(word),
      span: this.spanFrom(word),
    }))
  })

  private readonly from: ParserMethod<[], Entry> = this.RULE('from', (): Entry => {
    this.CONSUME(t.FromKeyword)
    return this.SUBRULE(this.entries)
  })

  /**
   * `"head_dim" else "hidden_size" / "num_attention_heads"`, `"layer_type" is "sliding" not "full"`, `"eps"
   * or "epsilon" > 0 else refuse`.
   */
  private readonly entries: ParserMethod<[], Entry> = this.RULE('entries', (): Entry => {
    let left = this.SUBRULE1(this.entryTest)
    this.MANY(() => {
      this.CONSUME(t.ElseKeyword)
      const right = this.SUBRULE2(this.entryTest)
      const before = left
      left = this.ACTION(
        (): Entry => ({ kind: 'else', left: before, right, span: cover(before.span, right.span) }),
      )
    })
    return left
  })

  private readonly entryTest: ParserMethod<[], Entry> = this.RULE('entryTest', (): Entry => {
    const left = this.SUBRULE(this.entryNames)
    return this.OR<Entry>([
      { ALT: () => this.SUBRULE(this.wordTest, { ARGS: [left] }) },
      { ALT: () => this.SUBRULE(this.bound, { ARGS: [left] }) },
      { ALT: () => left },
    ])
  })

  /** `is "a" not "b" not "c"`, `is null`. */
  private readonly wordTest: ParserMethod<[Entry], Entry> = this.RULE('wordTest', (left: Entry): Entry => {
    this.CONSUME(t.IsKeyword)
    const text = this.OR<IToken>([
      { ALT: () => this.CONSUME1(t.StringToken) },
      { ALT: () => this.CONSUME(t.NullKeyword) },
    ])
    const not: IToken[] = []
    this.MANY(() => {
      this.CONSUME(t.NotKeyword)
      not.push(this.CONSUME2(t.StringToken))
    })
    return this.ACTION(
      (): Entry => ({
        kind: 'is',
        left,
        text: text.tokenType === t.NullKeyword ? null : decodeString(text.image),
        not: not.map(n => decodeString(n.image)),
        span: cover(left.span, this.spanOf(not.at(-1) ?? text)),
      }),
    )
  })

  /** `> 0`, `>= 0`. */
  private readonly bound: ParserMethod<[Entry], Entry> = this.RULE('bound', (left: Entry): Entry => {
    const op = this.OR<IToken>([
      { ALT: () => this.CONSUME(t.Greater) },
      { ALT: () => this.CONSUME(t.GreaterEqual) },
    ])
    const number = this.CONSUME(t.NumberToken)
    return this.ACTION(
      (): Entry => ({
        kind: 'bound',
        left,
        op: op.tokenType === t.Greater ? '>' : '>=',
        least: valueOfNumber(number.image),
        span: cover(left.span, this.spanOf(number)),
      }),
    )
  })

  /** `"rope_theta" or "rope_parameters.rope_theta"`: names of one entry. */
  private readonly entryNames: ParserMethod<[], Entry> = this.RULE('entryNames', (): Entry => {
    let left = this.SUBRULE1(this.entrySum)
    this.MANY(() => {
      this.CONSUME(t.OrKeyword)
      const right = this.SUBRULE2(this.entrySum)
      const before = left
      left = this.ACTION(
        (): Entry => ({ kind: 'or', left: before, right, span: cover(before.span, right.span) }),
      )
    })
    return left
  })

  private readonly entrySum: ParserMethod<[], Entry> = this.RULE('entrySum', (): Entry => {
    const operands: Entry[] = [this.SUBRULE1(this.entry)]
    const operators: IToken[] = []
    this.MANY(() => {
      operators.push(this.CONSUME(t.Arithmetic))
      operands.push(this.SUBRULE2(this.entry))
    })
    return this.ACTION(() => {
      const wrong = operators.find(o => o.image === '%' || o.image === '^')
      if (wrong) this.found.push(foreignEntryOperator(wrong.image, this.spanOf(wrong)))
      return leftToRight(operands, operators)
    })
  })

  private readonly entry: ParserMethod<[], Entry> = this.RULE(
    'entry',
    (): Entry =>
      this.OR<Entry>([
        {
          ALT: () => {
            const token = this.CONSUME(t.StringToken)
            return { kind: 'entry', path: decodeString(token.image), span: this.spanOf(token) }
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(t.NumberToken)
            return { kind: 'number', value: valueOfNumber(token.image), span: this.spanOf(token) }
          },
        },
        {
          ALT: () => {
            const token = this.CONSUME(t.RefuseKeyword)
            return { kind: 'refuse', span: this.spanOf(token) }
          },
        },
        {
          GATE: () => this.LA(1).image === 'floor',
          ALT: () => {
            const word = this.CONSUME(t.Identifier)
            this.CONSUME1(t.LParen)
            const left = this.SUBRULE1(this.entries)
            this.CONSUME1(t.RParen)
            return this.ACTION((): Entry => ({ kind: 'floor', left, span: this.spanFrom(word) }))
          },
        },
        {
          ALT: () => {
            const open = this.CONSUME(t.LParen)
            const inner = this.SUBRULE(this.entries)
            this.CONSUME(t.RParen)
            return this.ACTION((): Entry => ({ ...inner, span: this.spanFrom(open) }))
          },
        },
      ]),
  )
}

const isProduct = (operator: IToken): boolean => operator.image === '*' || operator.image === '/'

/** Products first, then sums, both from the left. */
const leftToRight = (operands: readonly Entry[], operators: readonly IToken[]): Entry => {
  const join = (op: IToken, left: Entry, right: Entry): Entry => ({
    kind: 'binary',
    op: op.image as '+' | '-' | '*' | '/',
    left,
    right,
    span: cover(left.span, right.span),
  })
  let sum: { readonly left: Entry; readonly op: IToken } | undefined
  let product = operands[0]!
  operators.forEach((op, at) => {
    const next = operands[at + 1]!
    if (isProduct(op)) {
      product = join(op, product, next)
      return
    }
    sum = { left: sum ? join(sum.op, sum.left, product) : product, op }
    product = next
  })
  return sum ? join(sum.op, sum.left, product) : product
}

/** One parser serves all: it keeps nothing between declarations. */
export const parser = new Parser()
