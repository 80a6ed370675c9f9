import type { DType } from '../compiler/artifact.js'
import { DeviceError } from './errors.js'
import { elementsOf, type HostArray, showType } from './tensor.js'

/**
 * Numbers of a tensor on the host: one number, a list of them row by row, or lists within lists that have the
 * tensor's shape.
 */
export type HostNumbers =
  | number
  | boolean
  | HostArray
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | readonly HostNumbers[]

/**
 * The value of an input. Without `shape` it has the shape of `data`. `bool` values are 0 and 1, or `false`
 * and `true`.
 */
export interface HostInput {
  readonly dtype: DType
  readonly shape?: readonly number[]
  readonly data: HostNumbers
}

/**
 * The type and shape of an input. If `below` is set, its values are indices: at least 0 and less than
 * `below`.
 */
export interface InputDeclaration {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly below?: number
}

/** Values row by row, of the input's own type or as float64. They may still be the caller's array. */
export type HostValues = HostArray | Float64Array

type List = Exclude<HostNumbers, number | boolean>

const isList = (x: unknown): x is List =>
  Array.isArray(x) || (ArrayBuffer.isView(x) && !(x instanceof DataView))

const isNested = (x: HostNumbers): boolean => Array.isArray(x) && x.some(isList)

const shapeIn = (x: HostNumbers): readonly number[] =>
  isList(x) ? [x.length, ...(isNested(x) ? shapeIn(x[0]!) : [])] : []

/** Lists within lists as one list; undefined where their lengths differ. */
const flattened = (x: HostNumbers, shape: readonly number[]): readonly unknown[] | undefined => {
  const out: unknown[] = []
  const walk = (y: HostNumbers, depth: number): boolean => {
    if (depth === shape.length) return !isList(y) && out.push(y) > 0
    return isList(y) && y.length === shape[depth] && Array.from(y).every(z => walk(z, depth + 1))
  }
  return walk(x, 0) ? out : undefined
}

const typed: Readonly<Record<DType, (x: unknown) => x is HostValues>> = {
  f32: (x): x is HostValues => x instanceof Float32Array || x instanceof Float64Array,
  i32: (x): x is HostValues => x instanceof Int32Array,
  u32: (x): x is HostValues => x instanceof Uint32Array,
  bool: (x): x is HostValues => x instanceof Uint32Array,
}

const ranges: Readonly<Record<Exclude<DType, 'f32'>, readonly [least: number, most: number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  bool: [0, 1],
}

/** The defect of a value, or undefined. */
const faultOf = (x: unknown, { dtype, below }: InputDeclaration): string | undefined => {
  if (typeof x !== 'number') return `is ${typeof x === 'string' ? JSON.stringify(x) : String(x)}, no number`
  if (dtype === 'f32')
    return Number.isFinite(x) && !Number.isFinite(Math.fround(x)) ? `is ${x}, too large for f32` : undefined
  if (!Number.isInteger(x)) return `is ${x}, and ${dtype} holds whole numbers`
  const [least, most] = below === undefined ? ranges[dtype] : [0, below - 1]
  if (x >= least && x <= most) return undefined
  if (below === undefined) return `is ${x}, and ${dtype} holds ${least} to ${most}`
  return `is ${x}, and an index must be at least 0 and below ${below}`
}

const place = (flat: number, shape: readonly number[]): string => {
  let rest = flat
  const at = [...shape].reverse().map(size => {
    const i = rest % size
    rest = Math.floor(rest / size)
    return i
  })
  return at.length === 0 ? '' : `[${at.reverse().join(', ')}]`
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i])

/** The values of an input, or a sentence about their defect. */
const read = (decl: InputDeclaration, given: HostInput | undefined): HostValues | string => {
  const { name, dtype } = decl
  const wanted = `\`${name}\` must be ${showType(dtype, decl.shape)}`
  if (given === undefined) return `${wanted}, and is missing.`
  if (typeof given !== 'object' || given === null || !('data' in given))
    return `${wanted}, given as { dtype, shape, data }.`
  const { data } = given
  if (!isList(data) && typeof data !== 'number' && typeof data !== 'boolean')
    return `${wanted}, and its data is no numbers: give a typed array, or a list.`
  const own = shapeIn(data)
  const shape = given.shape ?? own
  if (!Array.isArray(shape)) return `${wanted}, and its shape is no list of sizes.`
  if (given.dtype !== dtype || !sameShape(shape, decl.shape))
    return `${wanted}, and is ${showType(given.dtype, shape)}.`
  if (isNested(data) && !sameShape(own, shape))
    return `${wanted}, and its lists have the shape [${own.join(', ')}].`
  const elements = elementsOf(shape)
  const many = isNested(data) ? own : isList(data) ? [data.length] : []
  if (!isNested(data) && elementsOf(many) !== elements)
    return `${wanted}, ${elements} elements, and was given ${elementsOf(many)}.`
  const flat = typed[dtype](data) ? data : flattened(data, many)
  if (flat === undefined) return `${wanted}, and its lists are not all of one length.`
  const numbers = Array.isArray(flat) ? flat.map(x => (typeof x === 'boolean' ? Number(x) : x)) : flat
  const sure = typed[dtype](numbers) && (dtype === 'f32' ? numbers instanceof Float32Array : dtype !== 'bool')
  for (let i = 0; i < elements && !(sure && decl.below === undefined); i++) {
    const fault = faultOf(numbers[i], decl)
    if (fault !== undefined) return `\`${name}${place(i, shape)}\` ${fault}.`
  }
  return typed[dtype](numbers) ? numbers : Float64Array.from(numbers as readonly number[])
}

/** An input as a message lists it: `tokens: i32[8, 64]`. */
const showInput = ({ name, dtype, shape }: InputDeclaration): string => `${name}: ${showType(dtype, shape)}`

/**
 * The values of the `declared` inputs, by name. Throws a {@link DeviceError} of kind `input` that lists
 * everything that does not fit, with what is wanted and what was given: missing and unknown names, other
 * types and shapes, values that the type can't hold. `unread` inputs may be given and are not used.
 */
export const hostInputs = (
  declared: readonly InputDeclaration[],
  given: ReadonlyMap<string, HostInput>,
  unread: readonly InputDeclaration[] = [],
): ReadonlyMap<string, HostValues> => {
  const known = new Map([...declared, ...unread].map(decl => [decl.name, decl]))
  const values = new Map<string, HostValues>()
  const complaints: string[] = []
  if (!(given instanceof Map)) complaints.push('They must be a Map from names to tensors.')
  else {
    for (const decl of known.values()) {
      const tensor = given.get(decl.name)
      if (tensor === undefined && !declared.includes(decl)) continue
      const found = read(decl, tensor)
      if (typeof found === 'string') complaints.push(found)
      else if (declared.includes(decl)) values.set(decl.name, found)
    }
    for (const name of given.keys()) if (!known.has(name)) complaints.push(`There is no input \`${name}\`.`)
  }
  if (complaints.length === 0) return values
  const most = 12
  const more = complaints.length > most ? [`… and ${complaints.length - most} more.`] : []
  throw new DeviceError('input', {
    what: 'the inputs do not fit',
    why: [...complaints.slice(0, most), ...more].join(' '),
    hint:
      known.size === 0
        ? 'There are no inputs: give an empty Map.'
        : `The inputs are: ${[...known.values()].map(showInput).join(', ')}.`,
  })
}

/** Values in the typed array that the device takes for their type. */
export const asHostArray = (dtype: DType, values: HostValues): HostArray => {
  const own = values.buffer instanceof ArrayBuffer
  if (dtype === 'f32') return own && values instanceof Float32Array ? values : Float32Array.from(values)
  if (dtype === 'i32') return own && values instanceof Int32Array ? values : Int32Array.from(values)
  return own && values instanceof Uint32Array ? values : Uint32Array.from(values)
}
