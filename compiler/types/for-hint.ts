import type { CoreExpr, VarId } from '../core/core.js'
import type { Size } from '../core/size.js'
import { sameSize } from '../core/size.js'
import type { BodyContext } from './body-context.js'
import type { Local } from './locals.js'
import { sourceText } from './wording.js'
import { subexpressionsOf } from './zonk.js'

const dimsOf = (cx: BodyContext, e: CoreExpr): readonly string[] => {
  const t = cx.solver.resolve(e.type)
  return t.kind === 'tensor' || t.kind === 'array' ? t.dims.map((d: Size) => cx.showSize(d)) : []
}

const spare = ['i', 'j', 'k', 'l', 'm', 'n']

/** Index names for axes, other than those taken: the size's own letter where it is one. */
const indexNames = (dims: readonly string[], taken: Iterable<string>): readonly string[] => {
  const used = new Set(taken)
  return dims.map(d => {
    const own = /^[A-Z]$/.test(d) ? d.toLowerCase() : undefined
    const name = own !== undefined && !used.has(own) ? own : (spare.find(s => !used.has(s)) ?? 'i')
    used.add(name)
    return name
  })
}

/** A tensor's source with more indices: `k[s]` and `d` make `k[s, d]`. */
const readWith = (text: string, e: CoreExpr, indices: readonly string[]): string => {
  if (e.kind === 'read' && text.endsWith(']')) return `${text.slice(0, -1)}, ${indices.join(', ')}]`
  const plain =
    /^[\w.[\], ()]+$/.test(text) && (/^[\w.]+$/.test(text) || /[\])]$/.test(text)) ? text : `(${text})`
  return `${plain}[${indices.join(', ')}]`
}

const joined = (symbol: string, written: readonly string[]): string =>
  /^\w/.test(symbol) ? `${symbol}(${written.join(', ')})` : written.join(` ${symbol} `)

/** The indices that an expression reads with. */
const indicesIn = (cx: BodyContext, e: CoreExpr): ReadonlyMap<VarId, Local> => {
  const local = e.kind === 'var' ? cx.locals.get(e.id) : undefined
  if (local?.role === 'index') return new Map([[local.id, local]])
  return new Map(subexpressionsOf(e).flatMap(c => [...indicesIn(cx, c)]))
}

/**
 * `q[t, d] * k[s, d]` for `q[t, d] * k[s]`: what is missing on one side is an index that the other side has.
 */
export const suggestReads = (
  cx: BodyContext,
  symbol: string,
  sides: readonly [CoreExpr, CoreExpr],
): string | undefined => {
  const inScope = sides.map(s => indicesIn(cx, s))
  const written = sides.map((s, i) => {
    const t = cx.solver.head(s.type)
    const text = sourceText(s.span, i === 0 ? 'x' : 'y')
    if (t.kind !== 'tensor') return text
    const free = [...inScope[1 - i]!.values()].filter(local => !inScope[i]!.has(local.id))
    const fitting = t.dims.map(dim => {
      const at = free.findIndex(local => {
        const index = cx.solver.head(local.type)
        return (
          index.kind === 'idx' && sameSize(cx.solver.sizes.resolve(index.bound), cx.solver.sizes.resolve(dim))
        )
      })
      return at < 0 ? undefined : free.splice(at, 1)[0]!.name
    })
    return fitting.every(name => name !== undefined) ? readWith(text, s, fitting) : undefined
  })
  return written.every(w => w !== undefined) ? joined(symbol, written) : undefined
}

/** The `for` that says what `x * y` of different shapes left open: `for t, e -> x[t, e] * w[e]`. */
export const suggestFor = (cx: BodyContext, symbol: string, sides: readonly CoreExpr[]): string => {
  const shapes = sides.map(s => dimsOf(cx, s))
  const widest = shapes.reduce((a, b) => (b.length > a.length ? b : a), [])
  const taken = [...cx.locals.values()].map(local => local.name)
  const names = indexNames(widest, taken)
  const written = sides.map((s, i) => {
    const text = sourceText(s.span, s === sides[0] ? 'x' : 'y')
    const dims = shapes[i]!
    if (dims.length === 0) return text
    let from = 0
    const indices = dims.map((d, k) => {
      const same = widest.findIndex((w, at) => at >= from && w === d && widest.length - at >= dims.length - k)
      const at = same >= 0 ? same : Math.max(from, widest.length - dims.length + k)
      from = at + 1
      return names[at] ?? '…'
    })
    return readWith(text, s, indices)
  })
  return `for ${names.join(', ')} -> ${joined(symbol, written)}`
}
