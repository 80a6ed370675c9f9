import type { DType, Packing } from '../compiler/artifact.js'
import type { Device } from './device.js'
import { DeviceError, internalError } from './errors.js'
import { bufferBytes } from './flags.js'
import { blockElements, packed, packedBytes, planeOffsets, unpack } from './packing.js'

/** Row-major values on the host; `bool` comes back as 0 and 1. */
export type HostArray = Float32Array | Int32Array | Uint32Array

/** Arrays that can be uploaded. `bool` may come from bytes, where any number except 0 is true. */
export type HostData = HostArray | Uint8Array

/** The product of the axes: 1 for a scalar. */
export const elementsOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1)

/** `f32[2, 3]`, `f32[2, 3] as bf16`. */
export const showType = (dtype: DType, shape: readonly number[], packing?: Packing): string => {
  const sizes = shape.length === 0 ? '' : `[${shape.join(', ')}]`
  return `${dtype}${sizes}${packing === undefined ? '' : ` as ${packing}`}`
}

const fits: Readonly<Record<DType, (data: HostData) => boolean>> = {
  f32: data => data instanceof Float32Array,
  i32: data => data instanceof Int32Array,
  u32: data => data instanceof Uint32Array,
  bool: data => data instanceof Uint8Array || data instanceof Uint32Array,
}

/** The values as the device stores them: `bool` as a `u32` of 0 or 1. */
export const encode = (dtype: DType, data: HostData): HostData =>
  dtype === 'bool' ? Uint32Array.from(data, value => (value === 0 ? 0 : 1)) : data

/** A tensor's bytes, as read from the device, as values. */
export const decode = ({ dtype, shape, packing }: DeviceTensor, bytes: ArrayBuffer): HostArray => {
  if (packing !== undefined) return unpack(packing, bytes, elementsOf(shape))
  if (dtype === 'f32') return new Float32Array(bytes)
  return dtype === 'i32' ? new Int32Array(bytes) : new Uint32Array(bytes)
}

/** Plain numbers as values of this type. */
export const hostArray = (dtype: DType, data: readonly number[]): HostArray => {
  if (dtype === 'f32') return Float32Array.from(data)
  return dtype === 'i32' ? Int32Array.from(data) : Uint32Array.from(data)
}

/** A tensor's element type, its storage, and its name in messages (`tensor` by default). */
export interface TensorKind {
  readonly dtype: DType
  readonly label?: string | undefined
  /** f32 elements in fewer bits; four bytes an element unless given. */
  readonly packing?: Packing | undefined
}

/**
 * A tensor in the device's memory, row-major, with four bytes an element, or packed f32. It lives until it is
 * destroyed or its device is closed. It is reentrant: writes, runs and readings happen in the order of the
 * calls, and `write` has copied the values when it returns.
 */
export class DeviceTensor {
  readonly id: number
  readonly dtype: DType
  /** The name in messages. */
  readonly label: string
  readonly packing: Packing | undefined
  readonly buffer: GPUBuffer
  /** Bytes of the elements; the buffer may be longer. */
  readonly bytes: number
  #destroyed = false

  constructor(
    readonly device: Device,
    { dtype, label = 'tensor', packing }: TensorKind,
    readonly shape: readonly number[],
  ) {
    this.dtype = dtype
    this.label = label
    this.packing = packing
    this.id = device.nextId()
    const elements = elementsOf(shape)
    this.bytes = packing === undefined ? 4 * elements : packedBytes(packing, elements)
    this.buffer = device.allocate(bufferBytes(this.bytes), label)
  }

  get destroyed(): boolean {
    return this.#destroyed
  }

  /**
   * Replaces the elements, packing them if the tensor is packed. The write happens after all earlier
   * submissions and before all later ones. Throws a {@link DeviceError} if the type or the number of elements
   * differs.
   */
  write(data: HostData): void {
    const { dtype, shape, packing } = this
    if (!fits[dtype](data) || data.length !== elementsOf(shape)) {
      throw new DeviceError('input', {
        what: `\`${this.label}\` can't take these values`,
        why:
          `It is ${showType(dtype, shape, packing)}, ${elementsOf(shape)} elements, and was ` +
          `given ${data.length} in a ${data.constructor.name}.`,
        hint: 'Give a typed array of the same type with one value for each element, row by row.',
      })
    }
    this.check()
    const values = packing === undefined ? encode(dtype, data) : packed(packing, data as Float32Array)
    this.#writeBytes(0, values)
  }

  /**
   * Replaces bytes from an element on, one array for each plane of the tensor's packing. The element must
   * begin a block. So a tensor too large for the host is uploaded piece by piece.
   */
  writePlanes(element: number, planes: readonly Uint8Array[]): void {
    this.check()
    const { packing, shape } = this
    if (element % blockElements !== 0) throw internalError(`\`${this.label}\` is written from within a block`)
    const offsets =
      packing === undefined
        ? [4 * element]
        : planeOffsets(packing, elementsOf(shape), element / blockElements)
    offsets.forEach((offset, i) => {
      this.#writeBytes(offset, planes[i]!)
    })
  }

  #writeBytes(offset: number, values: HostData): void {
    if (values.byteLength > 0) {
      this.device.gpu.queue.writeBuffer(
        this.buffer,
        offset,
        values.buffer,
        values.byteOffset,
        values.byteLength,
      )
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

  /** Frees the memory. Submitted work still sees the values. */
  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.device.release(this.buffer)
  }
}

/** A new tensor of zeros. */
export const zeros = (device: Device, dtype: DType, shape: readonly number[], label?: string): DeviceTensor =>
  new DeviceTensor(device, { dtype, label }, shape)

/**
 * A new tensor with these values. Throws a {@link DeviceError} if they do not fit type and shape, or the
 * device. A type alone stands for a tensor without a label.
 */
export const upload = (
  device: Device,
  kind: DType | TensorKind,
  shape: readonly number[],
  data: HostData,
): DeviceTensor => {
  const tensor = new DeviceTensor(device, typeof kind === 'string' ? { dtype: kind } : kind, shape)
  try {
    tensor.write(data)
  } catch (error) {
    tensor.destroy()
    throw error
  }
  return tensor
}
