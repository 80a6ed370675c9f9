import type { CoreExpr, VarId } from '../core/core.js'
import { showSize, showType } from '../core/show-type.js'
import { type Size, sizeName, sizeNamesIn } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { Decl, ModuleScope } from '../names/module-scopes.js'
import { didYouMean } from '../names/suggest.js'
import type { SourceExpr, TypeExpr } from '../syntax/ast.js'
import { type Choices, choicesOf, constantChoices } from './choices.js'
import type { Declarations } from './declarations.js'
import type { Expected, ExpectedBy } from './expected.js'
import type { Env, Local, Method } from './locals.js'
import type { RecordInfo, TypeScope } from './resolve-type.js'
import { resolveType } from './resolve-type.js'
import type { SizeDefinitions } from './size-definitions.js'
import { definedSizes } from './size-definitions.js'
import { isSizeName, resolveSize } from './size-expr.js'
import { TypeSolver } from './type-solver.js'

/** The facts that the declaration around a body provides. */
export interface BodyContextParts {
  readonly declarations: Declarations
  readonly scope: ModuleScope
  readonly definitions: SizeDefinitions
  /** The size names that may be used. Names with a definition are replaced by it before. */
  readonly sizes: ReadonlySet<string>
  readonly types: ReadonlySet<string>
  /** The declaration that is checked, for messages: `the function \`f\``. */
  readonly owner: string
  /** Records that only this declaration knows: a recipe's `State`, `Batch` and `At`. */
  readonly records?: ReadonlyMap<string, RecordInfo>
  /** The types of a recipe's settings; their choices are known besides those of constants. */
  readonly choices?: readonly Type[]
  readonly method?: (name: string, at: Span) => Method | 'broken' | undefined
  /** The type of a module's constant. */
  readonly constant: (decl: Decl & { kind: 'const' }) => Type
  /** Called for every top-level function and constant that the body uses. */
  readonly uses: (id: string, at: Span) => void
}

/** The two directions of the checker. Each rule calls them for the parts of its expression. */
export interface Elaborator {
  readonly inferExpr: (cx: BodyContext, env: Env, e: SourceExpr) => CoreExpr
  readonly checkExpr: (cx: BodyContext, env: Env, e: SourceExpr, expected: Expected) => CoreExpr
}

/** The state of checking one body: its unknowns, its variables and its errors. */
export class BodyContext {
  readonly solver = new TypeSolver()
  readonly locals = new Map<VarId, Local>()
  /** How many errors this body has had. */
  errors = 0
  /** The choices that a name by itself may mean here. */
  readonly choices: Choices

  constructor(
    readonly parts: BodyContextParts,
    private readonly elaborator: Elaborator,
  ) {
    this.choices = choicesOf([...constantChoices(parts.scope), ...(parts.choices ?? [])])
  }

  get declarations(): Declarations {
    return this.parts.declarations
  }

  /** The typed expression; its type comes from the expression alone. */
  infer(env: Env, e: SourceExpr): CoreExpr {
    return this.elaborator.inferExpr(this, env, e)
  }

  /** The typed expression where `type` is expected. */
  check(env: Env, e: SourceExpr, type: Type, why: ExpectedBy): CoreExpr {
    return this.elaborator.checkExpr(this, env, e, { type, why })
  }

  report(d: Diagnostic): void {
    this.errors++
    this.parts.declarations.report(d)
  }

  show(t: Type): string {
    return showType(this.solver.resolve(t), this.showSize, leaf => this.solver.nameOpen(leaf))
  }

  readonly showSize = (size: Size): string =>
    showSize(definedSizes(this.parts.definitions))(this.solver.sizes.resolve(size))

  /** Gives a new variable an id. */
  bind(variable: Omit<Local, 'id'>): Local {
    const local: Local = { id: this.declarations.freshVariable(), ...variable }
    this.locals.set(local.id, local)
    return local
  }

  /** Reads a type written inside the body. */
  resolve(expr: TypeExpr): Type {
    return resolveType(expr, this.typeScope())
  }

  typeScope(): TypeScope {
    const { scope, definitions, records } = this.parts
    const outer = this.declarations.typeScope(scope.module.name, definitions, () => undefined)
    return {
      ...outer,
      record: path =>
        (path.module === undefined ? records?.get(path.name.text) : undefined) ?? outer.record(path),
      size: n => this.resolveSizeName(n),
      report: d => this.report(d),
      param: () => undefined,
    }
  }

  /** A size expression written inside the body. */
  size(expr: SourceExpr): Size {
    return resolveSize(
      expr,
      n => this.resolveSizeName(n),
      d => this.report(d),
    )
  }

  /** A size that the signature knows. */
  knownSize(text: string): Size | undefined {
    if (!isSizeName(text)) return undefined
    const size = this.parts.definitions.get(text)?.size ?? sizeName(text)
    return sizeNamesIn(size).every(n => this.parts.sizes.has(n)) ? size : undefined
  }

  private resolveSizeName(n: { readonly text: string; readonly span: Span }): Size | undefined {
    const known = this.knownSize(n.text)
    if (known !== undefined) return known
    const { owner, sizes, definitions } = this.parts
    this.report(
      isSizeName(n.text)
        ? {
            code: 'E0313',
            title: `${owner} knows no size \`${n.text}\``,
            labels: [{ span: n.span, text: 'occurs in no parameter' }],
            hint:
              didYouMean(n.text, [...sizes, ...definitions.keys()]).hint ??
              'a body can use the sizes that occur in the types of its parameters',
          }
        : {
            code: 'E0313',
            title: `\`${n.text}\` is not a size`,
            labels: [{ span: n.span, text: 'a size belongs here' }],
            hint: 'a size is made of whole numbers and capitalised size names',
          },
    )
    return undefined
  }
}
