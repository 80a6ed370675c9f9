import type { DType } from '../../../compiler/artifact.js'
import { sizeText } from '../../../compiler/core/size.js'
import type { InputSpec } from '../../../compiler/specialise/parameters.js'
import type { HostTensor } from '../../engine/engine.js'
import { UserError } from '../../errors/user-error.js'
import type { Checkpoint, StoredTensor } from '../../safetensors/checkpoint.js'
import type { TensorData } from '../../safetensors/encode.js'
import { showElement } from '../show-values.js'

/** The stored types that a tensor of a program can be read from; the first is the one to write. */
export const storedAs: Readonly<Record<DType, readonly StoredTensor['dtype'][]>> = {
  f32: ['F32', 'F16', 'BF16', 'F64'],
  i32: ['I32', 'I64'],
  u32: ['U32'],
  bool: ['U32', 'U8', 'BOOL'],
}

/** `f32[B, T]`, or `idx[V][B, T]` for numbers with a bound. */
export const showSpec = (s: InputSpec): string => {
  const dims = s.dims.length === 0 ? '' : `[${s.dims.map(sizeText).join(', ')}]`
  return `${s.name} : ${s.bound === undefined ? s.dtype : `idx[${sizeText(s.bound)}]`}${dims}`
}

const outside = (path: string, what: string, why: string, hint: string): UserError =>
  new UserError({ what, where: path, why, hint })

const readNumbers = async (
  file: Checkpoint,
  name: string,
  wanted: DType,
): Promise<Float32Array | Int32Array | Uint32Array> => {
  const stored = file.tensors.get(name)!.dtype
  if (wanted === 'f32') return file.readF32(name)
  if (stored === 'I32' || stored === 'U32') return file.readInts(name)
  const bytes = await file.readRaw(name)
  if (stored !== 'I64') return Uint32Array.from(bytes)
  const wide = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8)
  const large = wide.findIndex(x => BigInt.asIntN(32, x) !== x)
  if (large >= 0)
    throw outside(
      file.path,
      'a whole number does not fit into 32 bits',
      `${showElement(name, file.tensors.get(name)!.shape, large)} is ${wide[large]}`,
      'i32 reaches from -2147483648 to 2147483647',
    )
  return Int32Array.from(wide, Number)
}

/**
 * A tensor of a file as one of a program. Throws a `UserError` for whole numbers that do not fit into 32
 * bits.
 */
export const readTensor = async (file: Checkpoint, spec: InputSpec): Promise<HostTensor> => ({
  dtype: spec.dtype,
  shape: file.tensors.get(spec.name)!.shape,
  data: await readNumbers(file, spec.name, spec.dtype),
})

/** Refuses indices outside their range: which element, its value, the bound. */
export const checkRange = (spec: InputSpec, bound: number, t: HostTensor, path: string): void => {
  if (spec.bound === undefined) return
  const wrong = t.data.findIndex(x => x < 0 || x >= bound)
  if (wrong < 0) return
  const name = sizeText(spec.bound)
  throw outside(
    path,
    'an index is out of range',
    `${showElement(spec.name, t.shape, wrong)} is ${t.data[wrong]}, and it must be at ` +
      `least 0 and below ${bound}${name === `${bound}` ? '' : ` (${name})`}`,
    'indices count from 0; token ids must come from the tokenizer of the same model',
  )
}

/** A result as a file holds it: f32 as F32, i32 as I32, u32 and bool as U32. */
export const stored = ({ dtype, shape, data }: HostTensor): TensorData =>
  dtype === 'f32'
    ? { dtype: 'F32', shape, data: Float32Array.from(data) }
    : dtype === 'i32'
      ? { dtype: 'I32', shape, data: Int32Array.from(data) }
      : { dtype: 'U32', shape, data: Uint32Array.from(data) }
