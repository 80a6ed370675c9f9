import type { CoreExpr, VarId } from '../core/core.js'
import { showSize, showType } from '../core/show-type.js'
import type { Size } from '../core/size.js'
import { sizeName, sizeNamesIn } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { Decl, ModuleScope } from '../names/module-scopes.js'
import { didYouMean } from '../names/suggest.js'
import type { SourceExpr, TypeExpr } from '../syntax/ast.js'
import { type Choices, choicesOf, constantChoices } from './choices.js'
import type { Declarations } from './declarations.js'
import type { RecordInfo, TypeScope } from './resolve-type.js'
import { resolveType } from './resolve-type.js'
import type { SizeDefinitions } from './size-definitions.js'
import { definedSizes } from './size-definitions.js'
import { isSizeName, resolveSize } from './size-expr.js'
import { Solver } from './solver.js'

/** A `let`-bound lambda without written types: checked where it is first used, when its arguments' types are known. */
export interface UntypedLambda {
  readonly expr: SourceExpr & { kind: 'lambda' }
  readonly env: Env
  core?: CoreExpr
}

export interface Local {
  readonly id: VarId
  readonly name: string
  readonly type: Type
  readonly role: 'parameter' | 'variable' | 'index' | 'setting'
  readonly span: Span
  readonly lambda?: UntypedLambda
  /** What a lambda's parameter stands for, where that alone told its type. */
  readonly from?: Span
}

/** What the names inside a function stand for. */
export type Env = ReadonlyMap<string, Local>

/** Where a type was expected: it words the message when the type is another. */
export type ExpectedBy =
  | {
      readonly kind: 'argument'
      readonly fn: string
      readonly param: string
      readonly at?: Span
      /** The parameter's type as the function's signature has it. */
      readonly declared?: Type
      /** What a lambda in this place is handed. */
      readonly handed?: Span
    }
  | { readonly kind: 'result'; readonly fn: string; readonly at: Span }
  | { readonly kind: 'let'; readonly name: string; readonly at: Span }
  | { readonly kind: 'field'; readonly field: string; readonly record: string; readonly at?: Span }
  | { readonly kind: 'branch'; readonly at: Span }
  | { readonly kind: 'carry'; readonly at: Span }
  | { readonly kind: 'condition' }
  | { readonly kind: 'element'; readonly at: Span }
  | { readonly kind: 'operand'; readonly op: string; readonly at?: Span }
  | { readonly kind: 'plain'; readonly text: string; readonly at?: Span }

/** A recipe's method as the other methods see it. */
export interface Method {
  readonly id: VarId
  readonly type: Type & { kind: 'fn' }
  readonly span: Span
}

export interface BodyContextParts {
  readonly world: Declarations
  readonly scope: ModuleScope
  readonly definitions: SizeDefinitions
  /** The size names that may be used, after the definitions. */
  readonly sizes: ReadonlySet<string>
  readonly types: ReadonlySet<string>
  /** What is being checked, for messages: `the function \`f\``. */
  readonly owner: string
  /** Records that only this declaration knows: a recipe's `State`, `Batch` and `At`. */
  readonly records?: ReadonlyMap<string, RecordInfo>
  /** The types of a recipe's settings, whose choices are known beside those of constants. */
  readonly choices?: readonly Type[]
  readonly method?: (name: string, at: Span) => Method | 'broken' | undefined
  /** The type of a module's constant. */
  readonly constant: (decl: Decl & { kind: 'const' }) => Type
  /** Hears of every top-level function and constant that is used. */
  readonly uses: (id: string, at: Span) => void
}

/** All that checking one function body needs to know and finds out. */
export class BodyContext {
  readonly solver = new Solver()
  readonly locals = new Map<VarId, Local>()
  /** How many errors this body has had. */
  errors = 0
  /** The choices that a name alone may mean here. */
  readonly choices: Choices

  constructor(readonly parts: BodyContextParts) {
    this.choices = choicesOf([...constantChoices(parts.scope), ...(parts.choices ?? [])])
  }

  get world(): Declarations {
    return this.parts.world
  }

  report(d: Diagnostic): void {
    this.errors++
    this.parts.world.report(d)
  }

  show(t: Type): string {
    return showType(this.solver.type(t), this.showSize, leaf => this.solver.nameOpen(leaf))
  }

  readonly showSize = (p: Size): string => showSize(definedSizes(this.parts.definitions))(this.solver.size(p))

  bind(
    text: string,
    type: Type,
    role: Local['role'],
    span: Span,
    more: Pick<Local, 'lambda' | 'from'> = {},
  ): Local {
    const local: Local = { id: this.world.fresh(), name: text, type, role, span, ...more }
    this.locals.set(local.id, local)
    return local
  }

  /** Reads a type written inside the body. */
  resolve(expr: TypeExpr): Type {
    return resolveType(expr, this.typeScope())
  }

  typeScope(): TypeScope {
    const ts = this.world.typeScope(this.parts.scope.module.name, this.parts.definitions, () => undefined)
    return {
      ...ts,
      record: path =>
        (path.module === undefined ? this.parts.records?.get(path.name.text) : undefined) ?? ts.record(path),
      size: n => this.sizeNamed(n),
      report: d => this.report(d),
      param: () => undefined,
    }
  }

  /** A size expression written inside the body. */
  size(expr: SourceExpr): Size {
    return resolveSize(
      expr,
      n => this.sizeNamed(n),
      d => this.report(d),
    )
  }

  /** A size that the signature knows. */
  knownSize(text: string): Size | undefined {
    if (!isSizeName(text)) return undefined
    const poly = this.parts.definitions.get(text)?.poly ?? sizeName(text)
    return sizeNamesIn(poly).every(n => this.parts.sizes.has(n)) ? poly : undefined
  }

  private sizeNamed(n: { readonly text: string; readonly span: Span }): Size | undefined {
    const known = this.knownSize(n.text)
    if (known !== undefined) return known
    this.report({
      code: 'E0313',
      title: isSizeName(n.text)
        ? `${this.parts.owner} knows no size \`${n.text}\``
        : `\`${n.text}\` is not a size`,
      labels: [{ span: n.span, text: isSizeName(n.text) ? 'occurs in no parameter' : 'a size belongs here' }],
      ...(isSizeName(n.text)
        ? {
            hint:
              didYouMean(n.text, [...this.parts.sizes, ...this.parts.definitions.keys()]).hint ??
              'a body can use the sizes that occur in the types of its parameters',
          }
        : { hint: 'a size is made of whole numbers and capitalised size names' }),
    })
    return undefined
  }
}

/** The source of an expression, if it is short enough to be quoted. */
export const quoteSource = (span: Span, otherwise = 'this'): string => {
  const text = span.source.text.slice(span.start, span.end).trim()
  return text.length > 0 && text.length <= 48 && !text.includes('\n') ? `\`${text}\`` : otherwise
}
