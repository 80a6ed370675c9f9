import { f32ToBf16 } from '../../runtime/float.js'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { type Dtype, dtypeBytes, elementCount } from '../safetensors/header.js'

/**
 * A tensor to write, numbers in row-major order. BF16 and F16 hold bits as `Uint16Array`; BF16 also takes floats, which
 * are rounded to nearest.
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

/** Wide types first, so that every tensor is aligned; then by name, so that the same tensors give the same bytes. */
const ordered = (tensors: ReadonlyMap<string, TensorData>): readonly (readonly [string, TensorData])[] =>
  [...tensors].sort(
    ([a, x], [b, y]) => dtypeBytes[y.dtype] - dtypeBytes[x.dtype] || (a < b ? -1 : a > b ? 1 : 0),
  )

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
  const json = Buffer.from(JSON.stringify(Object.fromEntries([...meta, ...described])), 'utf8')
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ')
  padded.writeBigUInt64LE(BigInt(padded.length - 8), 0)
  json.copy(padded, 8)
  return padded
}

/**
 * Writes tensors as one safetensors file, atomically (see {@link writeAtomic}); the same tensors and metadata give the
 * same bytes. Throws a `UserError` if a tensor's numbers don't fill its shape, or the file can't be written.
 */
export const writeSafetensors = async (
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> => {
  for (const [name, { shape, data }] of tensors) {
    if (data.length === elementCount(shape)) continue
    throw new UserError({
      what: `the tensor '${name}' can't be written`,
      where: path,
      why: `its shape [${shape.join(', ')}] has ${elementCount(shape)} elements, and there are ${data.length}`,
    })
  }
  const list = ordered(tensors)
  const chunks = function* () {
    yield headerBytes(list, metadata)
    for (const [, tensor] of list) yield bytesOf(tensor)
  }
  await writeAtomic(path, chunks())
}
