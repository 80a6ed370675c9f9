import type { CoreExpr, VarId } from './core.js'

/** Fields that hold no expressions. */
const aside = new Set(['type', 'span'])

/** The variables that an expression reads. */
export const variablesIn = (e: CoreExpr): ReadonlySet<VarId> => {
  const found = new Set<VarId>()
  const visit = (x: unknown): void => {
    if (typeof x !== 'object' || x === null) return
    if (Array.isArray(x) || x instanceof Map) {
      for (const item of x.values()) visit(item)
      return
    }
    const node = x as CoreExpr
    if (node.kind === 'var') found.add(node.id)
    for (const [name, value] of Object.entries(x)) if (!aside.has(name)) visit(value)
  }
  visit(e)
  return found
}
