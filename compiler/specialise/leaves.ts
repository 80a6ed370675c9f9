import { index } from '../ir/expr.js'
import type { Axis, Expr } from '../ir/ir.js'
import { abstract } from './abstract.js'
import { arrayAxes, dimensionsOf } from './fresh-axes.js'
import type { Materialiser } from './materialiser.js'
import { type CoreValue, scalar, unexpected } from './value.js'

/** One tensor of a value: its name within it, and its shape. A key is two scalars. */
export interface Leaf {
  readonly name: string
  readonly shape: readonly number[]
  /** The element at a position. */
  readonly at: (position: readonly Expr[]) => Expr
}

const join = (prefix: string, name: string | number): string =>
  prefix === '' ? `${name}` : `${prefix}.${name}`

/** The tensors a value consists of, in order; those of an array of records carry its axes in front. */
export const leavesOf = (m: Materialiser, v: CoreValue, prefix = ''): readonly Leaf[] => {
  switch (v.kind) {
    case 'scalar':
      return [{ name: prefix, shape: [], at: () => v.expr }]
    case 'tensor':
      return [{ name: prefix, shape: v.shape, at: v.at }]
    case 'key':
      return v.words.map((w, i) => ({ name: join(prefix, i), shape: [], at: () => w }))
    case 'record':
      return [...v.fields].flatMap(([k, x]) => leavesOf(m, x, join(prefix, k)))
    case 'tuple':
      return v.items.flatMap((x, i) => leavesOf(m, x, join(prefix, i)))
    case 'array': {
      const n = v.shape.length
      const probe = arrayAxes(m.builder, v.shape)
      return leavesOf(m, v.at(probe.map(index)), prefix).map((leaf, k) => ({
        name: leaf.name,
        shape: [...v.shape, ...leaf.shape],
        at: position => leavesOf(m, v.at(position.slice(0, n)), prefix)[k]!.at(position.slice(n)),
      }))
    }
    default:
      return unexpected('value that can be stored', v)
  }
}

/** A value of the same structure as `like` whose tensors are `leaves`, in order. */
export const rebuild = (m: Materialiser, like: CoreValue, leaves: readonly Leaf[]): CoreValue => {
  const queue = [...leaves]
  const go = (v: CoreValue): CoreValue => {
    switch (v.kind) {
      case 'scalar':
        return scalar(queue.shift()!.at([]))
      case 'tensor': {
        const leaf = queue.shift()!
        return { ...v, at: leaf.at }
      }
      case 'key':
        return { kind: 'key', words: [queue.shift()!.at([]), queue.shift()!.at([])] }
      case 'record':
        return { kind: 'record', fields: new Map([...v.fields].map(([k, x]) => [k, go(x)])) }
      case 'tuple':
        return { kind: 'tuple', items: v.items.map(go) }
      case 'array': {
        const axes: readonly Axis[] = arrayAxes(m.builder, v.shape)
        const position = axes.map(index)
        const element = v.at(position)
        const n = leavesOf(m, element).length
        const inner = queue.splice(0, n).map(leaf => ({
          ...leaf,
          shape: leaf.shape.slice(axes.length),
          at: (more: readonly Expr[]) => leaf.at([...position, ...more]),
        }))
        return abstract(rebuild(m, element, inner), dimensionsOf(axes))
      }
      default:
        return unexpected('value that can be stored', v)
    }
  }
  return go(like)
}
