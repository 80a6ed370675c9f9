import type { Decl } from '../names/module-scopes.js'
import { lookupPath } from '../names/module-scopes.js'
import type { Path, SourceExpr } from '../syntax/ast.js'
import type { BodyContext } from './body-context.js'
import { isBuiltin } from './builtin-table.js'
import type { Env, Local, Method } from './locals.js'
import type { FnSignature } from './signatures.js'

/** The meaning of an expression that is called, or of a name. */
export type Callee =
  | { readonly kind: 'local'; readonly local: Local }
  | { readonly kind: 'method'; readonly name: string; readonly method: Method }
  | { readonly kind: 'fn'; readonly signature: FnSignature }
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'declared'; readonly path: Path; readonly decl: Decl }
  | { readonly kind: 'unknown'; readonly path: Path }
  | { readonly kind: 'broken' }
  /** Not a name. */
  | { readonly kind: 'expression' }

/** An expression as a name that a module declares, with or without its qualifier. Locals hide qualifiers. */
export const asDeclaredPath = (cx: BodyContext, env: Env, e: SourceExpr): Path | undefined => {
  if (e.kind === 'name')
    return e.path.module !== undefined && env.has(e.path.module.text) ? undefined : e.path
  if (e.kind !== 'field' || e.target.kind !== 'name' || e.target.path.module !== undefined) return undefined
  const qualifier = e.target.path.name
  return !env.has(qualifier.text) && cx.parts.scope.qualifiers.has(qualifier.text)
    ? { module: qualifier, name: e.field, span: e.span }
    : undefined
}

/** Looks a name up: locals first, then methods, then the module's declarations, then built-in names. */
export const resolveCallee = (cx: BodyContext, env: Env, e: SourceExpr): Callee => {
  const path = asDeclaredPath(cx, env, e)
  if (path === undefined) return { kind: 'expression' }
  const text = path.name.text
  if (path.module === undefined) {
    const local = env.get(text)
    if (local !== undefined) return { kind: 'local', local }
    const method = cx.parts.method?.(text, path.span)
    if (method === 'broken') return { kind: 'broken' }
    if (method !== undefined) return { kind: 'method', name: text, method }
  }
  const decl = lookupPath(cx.parts.scope, path)
  if (decl === 'broken') return { kind: 'broken' }
  if (decl?.kind === 'fn') return { kind: 'fn', signature: cx.declarations.signature(decl) }
  if (decl !== undefined) return { kind: 'declared', path, decl }
  if (path.module === undefined && isBuiltin(text)) return { kind: 'builtin', name: text }
  return { kind: 'unknown', path }
}
