import type { CoreExpr, VarId } from '../core/core.js'
import type { Diagnostic } from '../diagnostic.js'
import type { Span } from '../source.js'
import type { Type } from './type.js'
import { childrenOf } from './zonk.js'

type Uses = ReadonlyMap<VarId, { readonly span: Span; readonly name: string }>

const holdsKey = (t: Type): boolean =>
  t.kind === 'key' ||
  (t.kind === 'tuple' && t.items.some(holdsKey)) ||
  (t.kind === 'fields' && [...t.fields.values()].some(holdsKey))

/**
 * A key is used at most once on every path through a body: two draws from one key would be the same numbers.
 * The branches of an `if` are alternatives; a use inside a lambda counts as one.
 */
export const keyErrors = (body: CoreExpr): readonly Diagnostic[] => {
  const errors: Diagnostic[] = []
  const told = new Set<VarId>()
  const inOrder = (parts: readonly CoreExpr[]): Uses => {
    const all = new Map<VarId, { readonly span: Span; readonly name: string }>()
    for (const part of parts)
      for (const [id, use] of usesOf(part)) {
        const first = all.get(id)
        if (first === undefined) all.set(id, use)
        else if (!told.has(id)) {
          told.add(id)
          errors.push(usedTwice(use.name, first.span, use.span))
        }
      }
    return all
  }
  const usesOf = (e: CoreExpr): Uses => {
    if (e.kind === 'var')
      return holdsKey(e.type) ? new Map([[e.id, { span: e.span, name: e.name }]]) : new Map()
    if (e.kind !== 'if') return inOrder(childrenOf(e))
    const condition = usesOf(e.condition)
    const branches = new Map([...usesOf(e.then), ...usesOf(e.otherwise)])
    for (const [id, use] of branches) {
      const first = condition.get(id)
      if (first === undefined || told.has(id)) continue
      told.add(id)
      errors.push(usedTwice(use.name, first.span, use.span))
    }
    return new Map([...branches, ...condition])
  }
  usesOf(body)
  return errors
}

const usedTwice = (name: string, first: Span, second: Span): Diagnostic => ({
  code: 'E0401',
  title: `the key \`${name}\` is used twice`,
  labels: [
    { span: second, text: 'used again' },
    { span: first, text: 'used first' },
  ],
  text: 'Two draws from one key give the same numbers.',
  hint: `split it: \`let (${name}1, ${name}2) = split(${name})\``,
})
