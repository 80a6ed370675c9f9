import type { CoreExpr, CoreFn, CorePattern, VarId } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { fieldTypes } from './type-traversal.js'
import { subexpressionsOf } from './zonk.js'

/** Where a key is handed on or drawn from. */
export interface KeyUse {
  /**
   * Which key: a variable and the fields and indices that lead from it, or `key(7)` for one that is written.
   */
  readonly path: readonly string[]
  readonly root: VarId | undefined
  readonly name: string
  readonly span: Span
  /**
   * The arguments, if the use is a call of a local function; they may derive another key from the same one.
   */
  readonly with: string
}

/**
 * Where random numbers are drawn, from which keys in the end, and what makes the numbers of one place differ.
 */
export interface KeyDraw {
  /** Variables, and `seed` for keys that are written. */
  readonly roots: ReadonlySet<VarId | 'seed'>
  /** The indices and parameters that its position, or the key, is computed from. */
  readonly by: ReadonlySet<VarId>
  readonly name: string
  readonly span: Span
  /** Whether the index of some loop around it is among `by`. */
  readonly varied: boolean
}

/**
 * Facts about a variable: the indices and parameters behind it, the keys behind it, and a local
 * function's body.
 */
export interface KnownVariable {
  readonly by: ReadonlySet<VarId>
  readonly origin?: KeyOrigin
  readonly lambda?: Extract<CoreExpr, { kind: 'lambda' }>
}

export interface KeyOrigin {
  readonly roots: ReadonlySet<VarId | 'seed'>
  readonly by: ReadonlySet<VarId>
}

export type KeyEnv = ReadonlyMap<VarId, KnownVariable>

export const holdsKey = (t: Type): boolean =>
  t.kind === 'key' ||
  (t.kind === 'tuple' && t.items.some(holdsKey)) ||
  (t.kind === 'array' && holdsKey(t.element)) ||
  ((t.kind === 'record' || t.kind === 'fields') && [...fieldTypes(t).values()].some(holdsKey))

/** Whether a body has anything to do with keys; most have not. */
export const mentionsKeys = (e: CoreExpr, fns: ReadonlyMap<string, CoreFn>): boolean =>
  holdsKey(e.type) ||
  (e.kind === 'call' &&
    (fns.get(e.fn)?.params ?? [])
      .slice(e.args.length)
      .some(p => p.default !== undefined && holdsKey(p.type))) ||
  subexpressionsOf(e).some(c => mentionsKeys(c, fns))

const noVars: ReadonlySet<VarId> = new Set()

export const unionOfSets = <A>(...sets: readonly ReadonlySet<A>[]): ReadonlySet<A> =>
  new Set(sets.flatMap(s => [...s]))

/** The indices and parameters that an expression is computed from. */
export const indicesBehind = (e: CoreExpr, env: KeyEnv): ReadonlySet<VarId> =>
  e.kind === 'var'
    ? (env.get(e.id)?.by ?? noVars)
    : e.kind === 'let'
      ? indicesBehind(e.body, bindKnown(env, e.pattern, { by: indicesBehind(e.value, env) }))
      : unionOfSets(...subexpressionsOf(e).map(c => indicesBehind(c, env)))

/** The variables of a pattern, each with what is known of the whole. */
export const bindKnown = (env: KeyEnv, pattern: CorePattern, known: KnownVariable): KeyEnv => {
  const out = new Map(env)
  const go = (p: CorePattern): void => {
    if (p.kind === 'name') out.set(p.id, known)
    else p.items.forEach(go)
  }
  go(pattern)
  return out
}

const textOf = (e: CoreExpr): string =>
  e.span.source.text.slice(e.span.start, e.span.end).replaceAll(/\s+/g, ' ')

/** The arguments of a call as they are written. */
export const argumentText = (args: readonly CoreExpr[]): string => args.map(textOf).join(', ')

/** A variable, or a part of one reached by fields and indices. */
export const keyPathOf = (
  e: CoreExpr,
): { readonly root: VarId; readonly name: string; readonly path: readonly string[] } | undefined => {
  if (e.kind === 'var') return { root: e.id, name: e.name, path: [`${e.id}`] }
  if (e.kind !== 'field' && e.kind !== 'read') return undefined
  const of = keyPathOf(e.target)
  if (of === undefined) return undefined
  const step = e.kind === 'field' ? `.${e.name}` : `[${argumentText(e.at)}]`
  return { root: of.root, name: of.name + step, path: [...of.path, step] }
}

/** The key that `key(n)` makes. */
export const seedName = (e: CoreExpr): string => textOf(e)

/** The keys that an expression is made from. */
export const originOfKey = (e: CoreExpr, env: KeyEnv): KeyOrigin => {
  const path = keyPathOf(e)
  if (path !== undefined) {
    const known = env.get(path.root)?.origin ?? { roots: new Set([path.root]), by: noVars }
    return { roots: known.roots, by: unionOfSets(known.by, indicesBehind(e, env)) }
  }
  if (e.kind === 'builtin' && e.builtin === 'key')
    return { roots: new Set(['seed']), by: indicesBehind(e, env) }
  if (e.kind === 'let')
    return originOfKey(
      e.body,
      bindKnown(env, e.pattern, { by: indicesBehind(e.value, env), origin: originOfKey(e.value, env) }),
    )
  const made = subexpressionsOf(e)
    .filter(c => holdsKey(c.type))
    .map(c => originOfKey(c, env))
  return {
    roots: unionOfSets(...made.map(m => m.roots)),
    by: unionOfSets(
      ...made.map(m => m.by),
      e.kind === 'builtin' || e.kind === 'call' ? indicesInPositions(e.args, env) : noVars,
    ),
  }
}

/** The indices and parameters in the whole numbers among some arguments. */
export const indicesInPositions = (args: readonly CoreExpr[], env: KeyEnv): ReadonlySet<VarId> =>
  unionOfSets(
    ...args
      .filter(a => a.type.kind === 'idx' || (a.type.kind === 'scalar' && a.type.dtype !== 'f32'))
      .map(a => indicesBehind(a, env)),
  )

/** Whether two uses are of one key: the same variable, and the one path leads on from the other. */
export const sameKey = (a: KeyUse, b: KeyUse): boolean =>
  a.path.slice(0, b.path.length).join('') === b.path.slice(0, a.path.length).join('') &&
  (a.with === b.with || a.with === '' || b.with === '')
