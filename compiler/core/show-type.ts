import type { Size } from './size.js'
import { sameSize, sizeName, sizeText } from './size.js'
import type { Type } from './type.js'

/** How a size is written in a message. */
export type ShowSize = (size: Size) => string

/** A size with unsolved parts shown as `_` and a defined name (`H`) instead of what it stands for. */
export const showSize =
  (definitions: ReadonlyMap<string, Size>): ShowSize =>
  size => {
    for (const [n, p] of definitions) if (sameSize(p, size)) return n
    return sizeText(size).replace(/\?\w+/g, '_')
  }

const wrapped = (size: ShowSize, p: Size): string => size(p)

/** A type as the user would write it. */
export const showType = (type: Type, size: ShowSize, unknown: (t: Type) => string = () => '_'): string => {
  const go = (t: Type): string => showType(t, size, unknown)
  switch (type.kind) {
    case 'scalar':
      return type.dtype
    case 'idx':
      return `idx[${wrapped(size, type.bound)}]`
    case 'tensor':
    case 'array':
      return `${type.element.kind === 'fn' ? `(${go(type.element)})` : go(type.element)}[${type.dims.map(size).join(', ')}]`
    case 'record': {
      const args = [
        ...[...type.instance.sizes]
          .filter(([n, p]) => !sameSize(p, sizeName(n)))
          .map(([n, p]) => `${n} = ${size(p)}`),
        ...[...type.instance.types]
          .filter(([n, t]) => !(t.kind === 'param' && t.name === n))
          .map(([n, t]) => `${n} = ${go(t)}`),
      ].filter(arg => !arg.endsWith('= _') && !/^(\w+) = \1$/.test(arg))
      return args.length === 0 ? type.record.name : `${type.record.name}(${args.join(', ')})`
    }
    case 'fields':
      return `{ ${[...type.fields].map(([n, t]) => `${n}: ${go(t)}`).join(', ')} }`
    case 'tuple':
      return `(${type.items.map(go).join(', ')})`
    case 'fn':
      return `(${type.params.map(go).join(', ')}) -> ${go(type.result)}`
    case 'key':
      return 'key'
    case 'param':
      return type.name
    case 'per':
      return `f32 per ${go(type.of)}`
    case 'choice':
      return type.names.join(' | ')
    case 'var':
      return unknown(type)
  }
}

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth']
/** `first`, `second`, … of a zero-based position. */
export const ordinal = (position: number): string => ordinals[position] ?? `${position + 1}th`

const numbers = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
/** `one axis`, `two axes`. */
export const countOf = (n: number, one: string, many = `${one}s`): string =>
  `${numbers[n] ?? n} ${n === 1 ? one : many}`
