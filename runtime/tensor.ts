import type { DType } from '../compiler/types/type.js'
import type { Device } from './device.js'
import { DeviceError } from './errors.js'
import { bufferBytes } from './flags.js'

/** Row-major values on the host; `bool` comes back as 0 and 1. */
export type HostArray = Float32Array | Int32Array | Uint32Array

/** What may be uploaded as each type: `bool` also from bytes, any number but 0 being true. */
export type HostData = HostArray | Uint8Array

/** The product of the axes: 1 for a scalar. */
export const elementsOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1)

/** `f32[2, 3]`. */
export const showType = (dtype: DType, shape: readonly number[]): string =>
  shape.length === 0 ? dtype : `${dtype}[${shape.join(', ')}]`

const fits: Readonly<Record<DType, (data: HostData) => boolean>> = {
  f32: data => data instanceof Float32Array,
  i32: data => data instanceof Int32Array,
  u32: data => data instanceof Uint32Array,
  bool: data => data instanceof Uint8Array || data instanceof Uint32Array,
}

/** The values as the device stores them: `bool` as a `u32` of 0 or 1. */
export const encode = (dtype: DType, data: HostData): HostData =>
  dtype === 'bool' ? Uint32Array.from(data, value => (value === 0 ? 0 : 1)) : data

/** Bytes read from the device as values of this type. */
export const decode = (dtype: DType, bytes: ArrayBuffer): HostArray => {
  if (dtype === 'f32') return new Float32Array(bytes)
  return dtype === 'i32' ? new Int32Array(bytes) : new Uint32Array(bytes)
}

/** Plain numbers as values of this type. */
export const hostArray = (dtype: DType, data: readonly number[]): HostArray => {
  if (dtype === 'f32') return Float32Array.from(data)
  return dtype === 'i32' ? Int32Array.from(data) : Uint32Array.from(data)
}

/** A tensor in the device's memory, row-major, four bytes an element. It stays until it is destroyed or its device closed. */
export class DeviceTensor {
  readonly id: number
  readonly buffer: GPUBuffer
  /** Bytes of the elements; the buffer may be longer. */
  readonly bytes: number
  #destroyed = false

  constructor(
    readonly device: Device,
    readonly dtype: DType,
    readonly shape: readonly number[],
    readonly label = 'tensor',
  ) {
    this.id = device.nextId()
    this.bytes = 4 * elementsOf(shape)
    this.buffer = device.allocate(bufferBytes(this.bytes), label)
  }

  get destroyed(): boolean {
    return this.#destroyed
  }

  /**
   * Replaces the elements, after everything submitted before and ahead of everything submitted after.
   * Throws a {@link DeviceError} if type or number of elements differ.
   */
  write(data: HostData): void {
    const { dtype, shape } = this
    if (!fits[dtype](data) || data.length !== elementsOf(shape)) {
      throw new DeviceError('input', {
        what: `\`${this.label}\` can't take these values`,
        why: `It is ${showType(dtype, shape)}, ${elementsOf(shape)} elements, and was given ${data.length} in a ${data.constructor.name}.`,
        hint: 'Give a typed array of the same type with one value for each element, row by row.',
      })
    }
    this.check()
    const values = encode(dtype, data)
    if (values.byteLength > 0) {
      this.device.gpu.queue.writeBuffer(this.buffer, 0, values.buffer, values.byteOffset, values.byteLength)
    }
  }

  /** Throws a {@link DeviceError} if the tensor is destroyed or its device lost. */
  check(): void {
    this.device.check()
    if (this.#destroyed) {
      throw new DeviceError('input', {
        what: `\`${this.label}\` is used after it was destroyed`,
        hint: 'Destroy a tensor only after its last use.',
      })
    }
  }

  /** Gives the memory back. Work already submitted still sees the values. */
  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.device.release(this.buffer)
  }
}

/** A new tensor of zeros. */
export const zeros = (device: Device, dtype: DType, shape: readonly number[], label?: string): DeviceTensor =>
  new DeviceTensor(device, dtype, shape, label)

/** A new tensor with these values. Throws a {@link DeviceError} if they do not fit type and shape, or the device. */
export const upload = (
  device: Device,
  dtype: DType,
  shape: readonly number[],
  data: HostData,
  label?: string,
): DeviceTensor => {
  const tensor = new DeviceTensor(device, dtype, shape, label)
  try {
    tensor.write(data)
  } catch (error) {
    tensor.destroy()
    throw error
  }
  return tensor
}
