import { f32ToBf16 } from '../../runtime/float.js'
import { UserError } from '../errors/user-error.js'
import { type Dtype, dtypeBytes, elementCount } from './header.js'

/**
 * A tensor to write, numbers in row-major order. BF16 and F16 hold bits as `Uint16Array`; BF16 also takes
 * floats, which are rounded to nearest.
 */
export type TensorData =
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'I32'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'U32'; readonly shape: readonly number[]; readonly data: Uint32Array }
  | { readonly dtype: 'BF16'; readonly shape: readonly number[]; readonly data: Float32Array | Uint16Array }
  | { readonly dtype: 'F16'; readonly shape: readonly number[]; readonly data: Uint16Array }

const bytesOf = (tensor: TensorData): Uint8Array => {
  const stored =
    tensor.dtype === 'BF16' && tensor.data instanceof Float32Array ? f32ToBf16(tensor.data) : tensor.data
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength)
}

/**
 * Wide types first, so that every tensor is aligned; then by name, so that the same tensors give the same
 * bytes.
 */
const ordered = (tensors: ReadonlyMap<string, TensorData>): readonly (readonly [string, TensorData])[] =>
  [...tensors].sort(
    ([a, x], [b, y]) => dtypeBytes[y.dtype] - dtypeBytes[x.dtype] || (a < b ? -1 : a > b ? 1 : 0),
  )

const blank = 0x20

/** The eight bytes of length and the header, padded with blanks to a multiple of 8. */
const headerBytes = (
  tensors: readonly (readonly [string, TensorData])[],
  metadata: Readonly<Record<string, string>> | undefined,
): Uint8Array => {
  const described = new Map<string, { dtype: Dtype; shape: readonly number[]; data_offsets: number[] }>()
  let at = 0
  for (const [name, { dtype, shape }] of tensors) {
    const end = at + elementCount(shape) * dtypeBytes[dtype]
    described.set(name, { dtype, shape, data_offsets: [at, end] })
    at = end
  }
  const meta = metadata === undefined ? [] : [['__metadata__', metadata] as const]
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries([...meta, ...described])))
  const padded = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(blank)
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - 8), true)
  padded.set(json, 8)
  return padded
}

/**
 * The bytes of one safetensors file, in parts; the same tensors and metadata give the same bytes. Throws a
 * `UserError` that names `path` if a tensor's numbers don't fill its shape.
 */
export const encodeSafetensors = (
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata?: Readonly<Record<string, string>>,
): Iterable<Uint8Array> => {
  for (const [name, { shape, data }] of tensors) {
    if (data.length === elementCount(shape)) continue
    throw new UserError({
      what: `the tensor '${name}' can't be written`,
      where: path,
      why:
        `its shape [${shape.join(', ')}] has ${elementCount(shape)} elements, and there are ` +
        `${data.length}`,
    })
  }
  const list = ordered(tensors)
  const parts = function* () {
    yield headerBytes(list, metadata)
    for (const [, tensor] of list) yield bytesOf(tensor)
  }
  return parts()
}
