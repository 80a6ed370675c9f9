import type { DType } from '../artifact.js'
import type { Span } from '../diagnostics/source.js'
import type { Size } from './size.js'

/** Sizes and type parameters given to a declaration that mentions them by name. */
export interface Instance {
  readonly sizes: ReadonlyMap<string, Size>
  readonly types: ReadonlyMap<string, Type>
}

export type Type =
  | { readonly kind: 'scalar'; readonly dtype: DType }
  /** A number known to be at least 0 and below `bound`. */
  | { readonly kind: 'idx'; readonly bound: Size }
  /** At least one axis; the element is a scalar or an index. */
  | { readonly kind: 'tensor'; readonly element: Type; readonly dims: readonly Size[] }
  | { readonly kind: 'record'; readonly record: RecordDecl; readonly instance: Instance }
  /** A record written without its name: `{ loss, open: x }`. Fits any record of the same fields. */
  | { readonly kind: 'fields'; readonly fields: ReadonlyMap<string, Type> }
  /** An array of records or tuples. */
  | { readonly kind: 'array'; readonly element: Type; readonly dims: readonly Size[] }
  | { readonly kind: 'tuple'; readonly items: readonly Type[] }
  | { readonly kind: 'fn'; readonly params: readonly Type[]; readonly result: Type }
  | { readonly kind: 'key' }
  /** A `type P` of the function or record at hand: some record of `f32` tensors. */
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'per'; readonly of: Type }
  /** A recipe setting with a closed set of values, known when the program is specialised. */
  | { readonly kind: 'choice'; readonly names: readonly string[] }
  | { readonly kind: 'var'; readonly id: number }

/** Whether a value of the type is a function, or holds one. */
export const holdsFunction = (t: Type): boolean => {
  switch (t.kind) {
    case 'fn':
      return true
    case 'record':
      return t.record.fields.some(f => holdsFunction(f.type))
    case 'fields':
      return [...t.fields.values()].some(holdsFunction)
    case 'tuple':
      return t.items.some(holdsFunction)
    case 'array':
    case 'tensor':
      return holdsFunction(t.element)
    default:
      return false
  }
}

/**
 * `params` and `types` are the sizes and type parameters that the fields mention, after the module's
 * definitions.
 */
export interface RecordDecl {
  /** Qualified: `std.models.llama.Layer`. */
  readonly id: string
  readonly name: string
  readonly sizes: readonly string[]
  readonly types: readonly string[]
  readonly fields: readonly RecordField[]
  /** The module's size definitions (`H` ↦ `K * G`) that hold wherever this record is mentioned. */
  readonly definitions: ReadonlyMap<string, Size>
  readonly doc?: string
  readonly span: Span
}

/**
 * A name in a checkpoint. With `when`, the id of a `bool` constant, it is the tensor's where that is true,
 * and none of its names where it is false.
 */
export interface StoredName {
  readonly name: string
  readonly when?: string
}

export interface RecordField {
  readonly name: string
  readonly type: Type
  /** The function without parameters that gives the field's value where a literal leaves the field out. */
  readonly default?: string
  /**
   * Names of the checkpoint's tensor in the order to try; `{}` stands for an array's index. `shape` is the
   * stored one where it differs from the field's; it has as many elements, in the same row-major order.
   */
  readonly from?: {
    readonly names: readonly StoredName[]
    readonly shape?: readonly Size[]
    readonly fill?: number
  }
  readonly doc?: string
  readonly span: Span
}
