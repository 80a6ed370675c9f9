import type { Size } from '../core/size.js'
import { substituteSizes } from '../core/size.js'
import { holdsFunction, type Instance, type Type } from '../core/type.js'

/** Rebuilds a type: every size through `size`, every leaf (`param`, `var`) through `leaf`. */
export const mapType = (type: Type, size: (p: Size) => Size, leaf: (t: Type) => Type): Type => {
  const go = (t: Type): Type => mapType(t, size, leaf)
  switch (type.kind) {
    case 'idx':
      return { kind: 'idx', bound: size(type.bound) }
    case 'tensor':
    case 'array':
      return { kind: type.kind, element: go(type.element), dims: type.dims.map(size) }
    case 'record':
      return {
        kind: 'record',
        record: type.record,
        instance: {
          sizes: new Map([...type.instance.sizes].map(([n, p]) => [n, size(p)])),
          types: new Map([...type.instance.types].map(([n, t]) => [n, go(t)])),
        },
      }
    case 'fields':
      return { kind: 'fields', fields: new Map([...type.fields].map(([n, t]) => [n, go(t)])) }
    case 'tuple':
      return { kind: 'tuple', items: type.items.map(go) }
    case 'fn':
      return { kind: 'fn', params: type.params.map(go), result: go(type.result) }
    case 'per':
      return { kind: 'per', of: go(type.of) }
    case 'param':
    case 'var':
      return leaf(type)
    case 'scalar':
    case 'key':
    case 'choice':
      return type
  }
}

/** A declaration's type as seen from where it is used. */
export const instantiateType = (type: Type, instance: Instance): Type =>
  mapType(
    type,
    p => substituteSizes(p, n => instance.sizes.get(n)),
    t => (t.kind === 'param' ? (instance.types.get(t.name) ?? t) : t),
  )

/** The fields of a record, with the sizes and types of this mention of it, or of a record without a name. */
export const fieldTypes = (t: Type): ReadonlyMap<string, Type> => {
  if (t.kind === 'fields') return t.fields
  if (t.kind !== 'record') return new Map()
  return new Map(t.record.fields.map(f => [f.name, instantiateType(f.type, t.instance)]))
}

/** Every size that occurs in a type, in order of appearance. */
export const sizesIn = (type: Type): readonly Size[] => {
  const out: Size[] = []
  mapType(
    type,
    p => {
      out.push(p)
      return p
    },
    t => t,
  )
  return out
}

/** The sizes of the numbers that a value of the type consists of: those of its functions do not count. */
export const sizesOfData = (type: Type): readonly Size[] => {
  if (type.kind === 'fn') return []
  if (!holdsFunction(type)) return sizesIn(type)
  const parts = type.kind === 'tuple' ? type.items : [...fieldTypes(type).values()]
  return parts.flatMap(sizesOfData)
}

/** The type parameters that occur in a type. */
export const paramsIn = (type: Type): readonly string[] => {
  const out: string[] = []
  mapType(
    type,
    p => p,
    t => {
      if (t.kind === 'param') out.push(t.name)
      return t
    },
  )
  return out
}

/** A tensor or array type; dimensions of an element that has its own come last. */
export const arrayOf = (element: Type, dims: readonly Size[]): Type => {
  if (dims.length === 0) return element
  if (element.kind === 'tensor' || element.kind === 'array')
    return { kind: element.kind, element: element.element, dims: [...dims, ...element.dims] }
  const plain = element.kind === 'scalar' || element.kind === 'idx' || element.kind === 'var'
  return { kind: plain ? 'tensor' : 'array', element, dims }
}
