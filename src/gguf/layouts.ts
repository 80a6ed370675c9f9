/**
 * How the numbers of a GGUF file's tensors lie beside those of the checkpoint that they were made from.
 */
import { bf16ToF32, f16ToF32 } from '../../runtime/float.js'
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'
import { dequantise } from './dequantise.js'
import type { GgufFamily } from './families.js'
import type { GgufTensor } from './header.js'
import { isLayerMatrix, isNorm, rowsOf } from './tensor-names.js'
import { type GgufType, ggufBlocks, isQuantType, type QuantType } from './tensor-types.js'

/**
 * Rows in another order, in pieces of so many rows that lie together in both. `from`: the piece of the file
 * that is a piece of the checkpoint. `inPairs`: whether the rows of a piece lie in llama.cpp's order.
 */
export interface RowOrder {
  readonly pieceRows: number
  readonly from: (piece: number) => number
  readonly inPairs: boolean
}

/** Numbers that are computed from all bytes of a tensor. */
export interface Conversion {
  readonly type: Exclude<GgufType, QuantType>
  readonly shape: readonly number[]
  readonly convert: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>
}

/** How a tensor is read where its bytes are not those of the checkpoint. */
export interface StoredLayout {
  readonly rows?: RowOrder
  readonly conversion?: Conversion
}

/** Rows of a head's first half at even places, of its second half at odd ones: undone. */
export const unpaired = (head: Uint8Array, rows: number): Uint8Array => {
  const width = head.length / rows
  const out = new Uint8Array(head.length)
  for (let row = 0; row < rows; row++) {
    const from = row < rows / 2 ? 2 * row : 2 * row - rows + 1
    out.set(head.subarray(from * width, (from + 1) * width), row * width)
  }
  return out
}

/** A type's numbers as f32. */
export const toFloats = (type: GgufType, bytes: Uint8Array<ArrayBuffer>, out: Float32Array): void => {
  const { buffer } = bytes
  if (type === 'F32') out.set(new Float32Array(buffer))
  else if (type === 'F64') out.set(new Float64Array(buffer))
  else if (type === 'F16') f16ToF32(new Uint16Array(buffer), out)
  else if (type === 'BF16') bf16ToF32(new Uint16Array(buffer), out)
  else dequantise(type, bytes, out)
}

/** The bytes of numbers as f32. */
const floatsOf = (type: GgufType, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> => {
  const { elements, bytes: block } = ggufBlocks[type]
  const out = new Float32Array((bytes.length / block) * elements)
  toFloats(type, bytes, out)
  return out
}

/** What a file adds to the weights of a norm, taken off again: those of a checkpoint are added to 1. */
const shifted = ({ type, shape }: GgufTensor, shift: number): Conversion => ({
  type: 'F32',
  shape,
  convert: bytes => new Uint8Array(floatsOf(type, bytes).map(x => x - shift).buffer),
})

/** Rows and columns exchanged. Quantised numbers share scales along rows, so they become f32. */
const transposed = ({ type, shape }: GgufTensor): Conversion => {
  const [rows = 1, columns = 1] = shape
  const into = isQuantType(type) ? 'F32' : type
  const width = ggufBlocks[into].bytes
  return {
    type: into,
    shape: [columns, rows],
    convert: stored => {
      const bytes = isQuantType(type) ? new Uint8Array(floatsOf(type, stored).buffer) : stored
      const out = new Uint8Array(bytes.length)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          const from = (row * columns + column) * width
          out.set(bytes.subarray(from, from + width), (column * rows + row) * width)
        }
      return out
    },
  }
}

/** The heads of a configuration: those of queries, and those of keys and values. */
const headsOf = (config: JsonObject): { readonly queries: number; readonly keys: number } => {
  const { num_attention_heads: queries, num_key_value_heads: keys = queries } = config
  return { queries: Number(queries), keys: Number(keys) }
}

/** The order of rows of the heads of queries or keys, or of queries, keys and values in one. */
const rowOrder = (part: 'queries' | 'keys' | 'fused', rows: number, config: JsonObject): RowOrder => {
  const { queries, keys } = headsOf(config)
  if (part !== 'fused')
    return { pieceRows: rows / (part === 'queries' ? queries : keys), from: piece => piece, inPairs: true }
  const from = (piece: number): number => (piece % 3) * queries + Math.floor(piece / 3)
  return { pieceRows: rows / (3 * queries), from, inPairs: false }
}

/**
 * How a tensor of a family's file becomes the checkpoint's. Throws a `UserError` where its rows are not those
 * of whole heads. `config`: what `configOf` gives.
 */
export const storedLayout = (
  file: string,
  name: string,
  tensor: GgufTensor,
  { family, config }: { readonly family: GgufFamily; readonly config: JsonObject },
): StoredLayout => {
  const { shape } = tensor
  if (family.normShift !== undefined && isNorm(name)) return { conversion: shifted(tensor, family.normShift) }
  if (family.transposed === true && isLayerMatrix(name) && shape.length === 2)
    return { conversion: transposed(tensor) }
  const part = rowsOf(name)
  if (part === undefined || family.rows === undefined) return {}
  if ((part === 'fused') !== (family.rows === 'fused')) return {}
  const rows = rowOrder(part, shape[0] ?? 0, config)
  const { pieceRows, inPairs } = rows
  const rowBytes = (tensor.end - tensor.begin) / (shape[0] ?? 0)
  const whole = Number.isInteger(pieceRows) && pieceRows > 0 && (!inPairs || pieceRows % 2 === 0)
  if (whole && Number.isInteger(rowBytes)) return { rows }
  const { queries, keys } = headsOf(config)
  const heads =
    part === 'fused' ? `${queries} heads` : `${part === 'queries' ? queries : keys} heads of ${part}`
  throw new UserError({
    what: `the tensor '${name}' has ${shape[0]} rows, which are not those of whole heads`,
    where: file,
    why: `there are ${heads}, each of ${inPairs ? 'an even' : 'the same'} number of rows`,
    hint: 'the file is damaged or of another architecture than it says: fetch it again',
  })
}
