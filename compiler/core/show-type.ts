import { type Size, sameSize, sizeName, sizeText } from './size.js'
import type { Type } from './type.js'

/** How a size is written in a message. */
export type ShowSize = (size: Size) => string

/** A size with `_` for its unknowns. A size that a name is defined as (`H`) is written by that name. */
export const showSize =
  (definitions: ReadonlyMap<string, Size>): ShowSize =>
  size => {
    for (const [n, p] of definitions) if (sameSize(p, size)) return n
    return sizeText(size).replace(/\?\w+/g, '_')
  }

/** A type as the user would write it. `unknown` writes type variables. */
export const showType = (type: Type, size: ShowSize, unknown: (t: Type) => string = () => '_'): string => {
  const show = (t: Type): string => showType(t, size, unknown)
  switch (type.kind) {
    case 'scalar':
      return type.dtype
    case 'idx':
      return `idx[${size(type.bound)}]`
    case 'tensor':
    case 'array': {
      const element = type.element.kind === 'fn' ? `(${show(type.element)})` : show(type.element)
      return `${element}[${type.dims.map(size).join(', ')}]`
    }
    case 'record': {
      const sizes = [...type.instance.sizes]
        .filter(([n, p]) => !sameSize(p, sizeName(n)))
        .map(([n, p]) => [n, size(p)] as const)
      const types = [...type.instance.types]
        .filter(([n, t]) => !(t.kind === 'param' && t.name === n))
        .map(([n, t]) => [n, show(t)] as const)
      // An argument that says nothing is left out: an unknown, or a name that is given itself.
      const args = [...sizes, ...types].filter(([n, text]) => text !== n && text !== '_')
      const written = args.map(([n, text]) => `${n} = ${text}`).join(', ')
      return args.length === 0 ? type.record.name : `${type.record.name}(${written})`
    }
    case 'fields':
      return `{ ${[...type.fields].map(([n, t]) => `${n}: ${show(t)}`).join(', ')} }`
    case 'tuple':
      return `(${type.items.map(show).join(', ')})`
    case 'fn':
      return `(${type.params.map(show).join(', ')}) -> ${show(type.result)}`
    case 'key':
      return 'key'
    case 'param':
      return type.name
    case 'per':
      return `f32 per ${show(type.of)}`
    case 'choice':
      return type.names.join(' | ')
    case 'var':
      return unknown(type)
  }
}
