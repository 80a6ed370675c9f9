import type { CoreExpr, VarId } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { SourceExpr } from '../syntax/ast.js'

/** A name that a body binds. */
export interface Local {
  readonly id: VarId
  readonly name: string
  readonly type: Type
  readonly role: 'parameter' | 'variable' | 'index' | 'setting'
  readonly span: Span
  readonly lambda?: UntypedLambda
  /** For a lambda's parameter that has its type from an argument alone: that argument. */
  readonly from?: Span
}

/** The names in scope. */
export type Env = ReadonlyMap<string, Local>

/**
 * A lambda without written types that a `let` binds. It is checked at its first use, which knows the types of
 * its arguments. `core` is the result.
 */
export interface UntypedLambda {
  readonly expr: SourceExpr & { kind: 'lambda' }
  readonly env: Env
  core?: CoreExpr
}

/** A recipe's method as the other methods see it. */
export interface Method {
  readonly id: VarId
  readonly type: Type & { kind: 'fn' }
  readonly span: Span
}
