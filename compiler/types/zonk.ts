import type { CoreBinder, CoreExpr, CorePattern } from '../core/core.js'
import type { Size } from '../core/size.js'
import type { Instance, Type } from '../core/type.js'

/** The solutions of the unknowns of a body. */
export interface Substitution {
  readonly size: (p: Size) => Size
  readonly type: (t: Type) => Type
}

const zonkInstance = (instance: Instance, by: Substitution): Instance => ({
  sizes: new Map([...instance.sizes].map(([n, p]) => [n, by.size(p)])),
  types: new Map([...instance.types].map(([n, t]) => [n, by.type(t)])),
})

export const zonkPattern = (p: CorePattern, by: Substitution): CorePattern =>
  p.kind === 'name'
    ? { ...p, type: by.type(p.type) }
    : { kind: 'tuple', items: p.items.map(item => zonkPattern(item, by)) }

const zonkBinder = (b: CoreBinder, by: Substitution): CoreBinder =>
  b.kind === 'index'
    ? { ...b, bound: by.size(b.bound) }
    : { kind: 'product', parts: b.parts.map(part => zonkBinder(part, by)) }

/** A checked expression with every unknown size and type replaced by what was found for it. */
export const zonk = (e: CoreExpr, by: Substitution): CoreExpr => {
  const go = (x: CoreExpr): CoreExpr => zonk(x, by)
  const type = by.type(e.type)
  switch (e.kind) {
    case 'const':
    case 'choice':
    case 'var':
    case 'global':
      return { ...e, type }
    case 'size':
      return { ...e, size: by.size(e.size), type }
    case 'let':
      return { ...e, pattern: zonkPattern(e.pattern, by), value: go(e.value), body: go(e.body), type }
    case 'if':
      // biome-ignore lint/suspicious/noThenProperty: the branch of the core's `if`, never awaited
      return { ...e, condition: go(e.condition), then: go(e.then), otherwise: go(e.otherwise), type }
    case 'for':
    case 'reduce':
      return { ...e, binders: e.binders.map(b => zonkBinder(b, by)), body: go(e.body), type }
    case 'fold':
      return {
        ...e,
        pattern: zonkPattern(e.pattern, by),
        init: go(e.init),
        binder: { ...e.binder, bound: by.size(e.binder.bound) },
        body: go(e.body),
        type,
      }
    case 'lambda':
      return { ...e, params: e.params.map(p => ({ ...p, type: by.type(p.type) })), body: go(e.body), type }
    case 'call':
      return { ...e, instance: zonkInstance(e.instance, by), args: e.args.map(go), type }
    case 'apply':
      return { ...e, callee: go(e.callee), args: e.args.map(go), type }
    case 'fn':
      return { ...e, instance: zonkInstance(e.instance, by), type }
    case 'read':
      return { ...e, target: go(e.target), at: e.at.map(go), type }
    case 'at':
      return { ...e, target: go(e.target), at: e.at.map(go), otherwise: go(e.otherwise), type }
    case 'product':
      return { ...e, parts: e.parts.map(go), bounds: e.bounds.map(by.size), type }
    case 'op':
    case 'builtin':
      return { ...e, args: e.args.map(go), type }
    case 'cast':
      return { ...e, arg: go(e.arg), type }
    case 'tuple':
    case 'array':
      return { ...e, items: e.items.map(go), type }
    case 'record':
      return {
        ...e,
        ...(e.base !== undefined && { base: go(e.base) }),
        fields: new Map([...e.fields].map(([n, v]) => [n, go(v)])),
        type,
      }
    case 'field':
      return { ...e, target: go(e.target), type }
    case 'grad':
      return { ...e, fn: go(e.fn), at: go(e.at), type }
  }
}

/** The expressions directly inside one. */
export const subexpressionsOf = (e: CoreExpr): readonly CoreExpr[] => {
  switch (e.kind) {
    case 'let':
      return [e.value, e.body]
    case 'if':
      return [e.condition, e.then, e.otherwise]
    case 'for':
    case 'reduce':
    case 'lambda':
      return [e.body]
    case 'fold':
      return [e.init, e.body]
    case 'call':
    case 'op':
    case 'builtin':
      return e.args
    case 'apply':
      return [e.callee, ...e.args]
    case 'read':
      return [e.target, ...e.at]
    case 'at':
      return [e.target, ...e.at, e.otherwise]
    case 'product':
      return e.parts
    case 'cast':
      return [e.arg]
    case 'tuple':
    case 'array':
      return e.items
    case 'record':
      return [...(e.base === undefined ? [] : [e.base]), ...e.fields.values()]
    case 'field':
      return [e.target]
    case 'grad':
      return [e.fn, e.at]
    default:
      return []
  }
}
