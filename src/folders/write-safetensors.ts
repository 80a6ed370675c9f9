import { writeAtomic } from '../files/atomic.js'
import { encodeSafetensors, type TensorData } from '../safetensors/encode.js'

/**
 * Writes tensors as one safetensors file, atomically (see {@link writeAtomic}). Throws a `UserError` if a
 * tensor's numbers don't fill its shape, or the file can't be written.
 */
export const writeSafetensors = async (
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> => {
  await writeAtomic(path, encodeSafetensors(path, tensors, metadata))
}
