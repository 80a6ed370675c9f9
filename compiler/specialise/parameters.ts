import type { DType } from '../artifact.js'
import type { CoreParam } from '../core/core.js'
import {
  type Size,
  evaluateSize as sizeOf,
  sizeText,
  substituteSizes as substitutePoly,
} from '../core/size.js'
import { holdsFunction, type Instance, type StoredName, type Type } from '../core/type.js'
import type { Builder } from '../ir/builder.js'
import { constant, index, read } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { abstract } from './abstract.js'
import { arrayAxes, dimensionsOf } from './fresh-axes.js'
import { requireExtent } from './given-sizes.js'
import { type CoreValue, scalar } from './value.js'

/**
 * A tensor that the program is given: `w.layers.wq`. `bound` is set for indices, whose values must be
 * checked to be at least 0 and below it where they enter.
 */
export interface InputSpec {
  readonly name: string
  readonly dtype: DType
  readonly dims: readonly Size[]
  readonly bound?: Size
  /**
   * The checkpoint's names for it, `{}` standing for the leading axes' indices in turn; the shape it is
   * stored in, without those axes, where that is not the field's own; and what to fill with when all names
   * are missing.
   */
  readonly from?: {
    readonly names: readonly StoredName[]
    readonly shape?: readonly Size[]
    readonly fill?: number
  }
  /** How many of the leading axes are those of arrays of records. */
  readonly arrayAxes: number
}

/**
 * The value of an input that does not exist: everywhere a constant, or at each position the last of its
 * indices.
 */
export type StandIn = number | 'last index'

/** A record's instance put into the types of its fields. */
export const instantiateFields = (t: Type, instance: Instance): Type => {
  const poly = (p: Size): Size => substitutePoly(p, n => instance.sizes.get(n))
  const go = (x: Type): Type => {
    switch (x.kind) {
      case 'idx':
        return { ...x, bound: poly(x.bound) }
      case 'tensor':
      case 'array':
        return { ...x, element: go(x.element), dims: x.dims.map(poly) }
      case 'record':
        return {
          ...x,
          instance: {
            sizes: new Map([...x.instance.sizes].map(([k, p]) => [k, poly(p)])),
            types: new Map([...x.instance.types].map(([k, y]) => [k, go(y)])),
          },
        }
      case 'fields':
        return { ...x, fields: new Map([...x.fields].map(([k, y]) => [k, go(y)])) }
      case 'tuple':
        return { ...x, items: x.items.map(go) }
      case 'fn':
        return { ...x, params: x.params.map(go), result: go(x.result) }
      case 'param':
        return instance.types.get(x.name) ?? x
      case 'per':
        return { ...x, of: go(x.of) }
      default:
        return x
    }
  }
  return go(t)
}

const join = (prefix: string, name: string): string => (prefix === '' ? name : `${prefix}.${name}`)

/** The surroundings of a part of a parameter's type. */
interface FieldPlace {
  /** The axes of the arrays of records around it. */
  readonly front: readonly Size[]
  /** The checkpoint's names of the records around it. */
  readonly prefixes: readonly StoredName[]
  /** The checkpoint's names of the field itself. */
  readonly from?: InputSpec['from']
}

/** The tensors of a parameter, in the order of `leavesOf`. Functions and choices have none. */
export const inputsOf = (name: string, t: Type): readonly InputSpec[] => {
  const go = (path: string, x: Type, place: FieldPlace): readonly InputSpec[] => {
    const { front, prefixes, from } = place
    const leaf = (dtype: DType, dims: readonly Size[], bound?: Size): InputSpec => ({
      name: path,
      dtype,
      dims: [...front, ...dims],
      ...(bound === undefined ? {} : { bound }),
      ...(from === undefined ? {} : { from }),
      arrayAxes: front.length,
    })
    switch (x.kind) {
      case 'scalar':
        return [leaf(x.dtype, [])]
      case 'idx':
        return [leaf('i32', [], x.bound)]
      case 'tensor':
        return x.element.kind === 'idx'
          ? [leaf('i32', x.dims, x.element.bound)]
          : [leaf(x.element.kind === 'scalar' ? x.element.dtype : 'f32', x.dims)]
      case 'record':
        return x.record.fields.flatMap(f => {
          const names = f.from?.names ?? []
          const own = prefixes.flatMap(p => names.map(n => ({ ...p, ...n, name: p.name + n.name })))
          const { sizes } = x.instance
          const shape = f.from?.shape?.map(p => substitutePoly(p, n => sizes.get(n)))
          const source: InputSpec['from'] =
            f.from === undefined
              ? undefined
              : {
                  names: own,
                  ...(shape === undefined ? {} : { shape }),
                  ...(f.from.fill === undefined ? {} : { fill: f.from.fill }),
                }
          const field = { front, prefixes: own.length > 0 ? own : prefixes, from: source }
          return go(join(path, f.name), instantiateFields(f.type, x.instance), field)
        })
      case 'fields':
        return [...x.fields].flatMap(([k, y]) => go(join(path, k), y, { front, prefixes }))
      case 'array':
        return go(path, x.element, { front: [...front, ...x.dims], prefixes, from })
      case 'tuple':
        return x.items.flatMap((y, i) => go(join(path, `${i}`), y, { front, prefixes }))
      case 'key':
        return [leaf('u32', [{ terms: new Map([['', 2]]) }])]
      case 'per':
        return x.of.kind === 'record' ? go(path, perRecord(x.of), { front, prefixes }) : [leaf('f32', [])]
      default:
        return []
    }
  }
  return go(name, t, { front: [], prefixes: [{ name: '' }] })
}

/** `f32 per P` for a known P: the record with an f32 in place of each tensor. */
const perRecord = (t: Extract<Type, { kind: 'record' }>): Type => ({
  kind: 'fields',
  fields: new Map(
    t.record.fields.map(f => [f.name, { kind: 'per', of: instantiateFields(f.type, t.instance) } as Type]),
  ),
})

/** Makes the input nodes of a parameter and the value it has in the program. */
export const inputValue = (
  builder: Builder,
  name: string,
  t: Type,
  given: { readonly sizes: ReadonlyMap<string, number>; readonly absent: ReadonlyMap<string, StandIn> },
): CoreValue => {
  const extentOf = (p: Size): number => sizeOf(p, given.sizes)
  const made = new Map<string, (position: readonly Expr[]) => Expr>()
  for (const spec of inputsOf(name, t)) {
    const fill = given.absent.get(spec.name)
    if (fill !== undefined) {
      made.set(spec.name, at => (fill === 'last index' ? at.at(-1)! : constant(spec.dtype, fill)))
      continue
    }
    const below = spec.bound === undefined ? undefined : extentOf(spec.bound)
    const shape = spec.dims.map(d => requireExtent(spec.name, sizeText(d), extentOf(d)))
    const node = builder.input(spec.name, spec.dtype, shape, { below })
    made.set(spec.name, position => read(node, spec.dtype, position))
  }
  const go = (path: string, x: Type, front: readonly Expr[]): CoreValue => {
    const at = made.get(path)
    switch (x.kind) {
      case 'scalar':
      case 'idx':
        return scalar(at!(front))
      case 'tensor':
        return {
          kind: 'tensor',
          dtype: x.element.kind === 'scalar' ? x.element.dtype : 'i32',
          shape: x.dims.map(extentOf),
          at: position => at!([...front, ...position]),
        }
      case 'record':
        return {
          kind: 'record',
          fields: new Map(
            x.record.fields.map(f => [
              f.name,
              go(join(path, f.name), instantiateFields(f.type, x.instance), front),
            ]),
          ),
        }
      case 'fields':
        return {
          kind: 'record',
          fields: new Map([...x.fields].map(([k, y]) => [k, go(join(path, k), y, front)])),
        }
      case 'array': {
        const axes = arrayAxes(builder, x.dims.map(extentOf))
        return abstract(go(path, x.element, [...front, ...axes.map(index)]), dimensionsOf(axes))
      }
      case 'tuple':
        return { kind: 'tuple', items: x.items.map((y, i) => go(join(path, `${i}`), y, front)) }
      case 'key':
        return {
          kind: 'key',
          words: [
            at!([...front, { op: 'const', dtype: 'i32', value: 0 }]),
            at!([...front, { op: 'const', dtype: 'i32', value: 1 }]),
          ],
        }
      case 'per':
        return x.of.kind === 'record' ? go(path, perRecord(x.of), front) : scalar(at!(front))
      default:
        throw new Error(`specialise: a ${x.kind} cannot be an input`)
    }
  }
  return go(name, t, [])
}

/**
 * Parameters that are given as tensors: functions take their defaults, settings with choices are known
 * beforehand.
 */
export const isGiven = (p: CoreParam): boolean => !holdsFunction(p.type) && p.type.kind !== 'choice'
