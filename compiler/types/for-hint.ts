import type { CoreExpr } from '../core/core.js'
import type { Context } from './context.js'
import { quote } from './context.js'
import type { Poly } from './poly.js'

const dimsOf = (cx: Context, e: CoreExpr): readonly string[] => {
  const t = cx.solver.type(e.type)
  return t.kind === 'tensor' || t.kind === 'array' ? t.dims.map((d: Poly) => cx.showSize(d)) : []
}

const spare = ['i', 'j', 'k', 'l', 'm', 'n']

/** Index names for axes: the size's own letter where it is one. */
const indexNames = (dims: readonly string[]): readonly string[] => {
  const used = new Set<string>()
  return dims.map(d => {
    const own = /^[A-Z]$/.test(d) ? d.toLowerCase() : undefined
    const name = own !== undefined && !used.has(own) ? own : (spare.find(s => !used.has(s)) ?? 'i')
    used.add(name)
    return name
  })
}

/** The `for` that says what `x * y` of different shapes left open: `for t, e -> x[t, e] * w[e]`. */
export const forHint = (cx: Context, symbol: string, sides: readonly CoreExpr[]): string => {
  const shapes = sides.map(s => dimsOf(cx, s))
  const widest = shapes.reduce((a, b) => (b.length > a.length ? b : a), [])
  const names = indexNames(widest)
  const written = sides.map((s, i) => {
    const text = quote(s.span, s === sides[0] ? 'x' : 'y').replaceAll('`', '')
    const plain =
      /^[\w.[\], ()]+$/.test(text) && (/^[\w.]+$/.test(text) || /[\])]$/.test(text)) ? text : `(${text})`
    const dims = shapes[i]!
    if (dims.length === 0) return text
    let from = 0
    const indices = dims.map((d, k) => {
      const same = widest.findIndex((w, at) => at >= from && w === d && widest.length - at >= dims.length - k)
      const at = same >= 0 ? same : Math.max(from, widest.length - dims.length + k)
      from = at + 1
      return names[at] ?? '…'
    })
    return `${plain}[${indices.join(', ')}]`
  })
  const body = /^\w/.test(symbol) ? `${symbol}(${written.join(', ')})` : written.join(` ${symbol} `)
  return `for ${names.join(', ')} -> ${body}`
}
