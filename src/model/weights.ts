import type { Packing } from '../../compiler/artifact.js'
import type { InputSpec } from '../../compiler/specialise/parameters.js'
import { blockPacking, type Device, DeviceTensor, isBlockPacking, pack } from '../../runtime/index.js'
import { UserError } from '../errors/user-error.js'
import { blockOf, type Checkpoint, type StoredTensor } from '../safetensors/checkpoint.js'
import type { BoundParam, BoundTensor } from './bind.js'
import { blockTypeOf, readBlocks } from './block-weights.js'
import { requireFinite } from './finite.js'
import type { Model } from './model.js'
import type { WeightFormat } from './weight-format.js'

const dtypesOf = (t: BoundTensor, checkpoint: Checkpoint): readonly StoredTensor['dtype'][] =>
  t.names.map(n => checkpoint.tensors.get(n)!.dtype)

/** How a tensor is packed whose parts a checkpoint stores so: F32 and F64 are f32 on the device. */
const packingIn = (dtypes: readonly StoredTensor['dtype'][]): Packing | undefined => {
  const blocks = dtypes.map(blockTypeOf).filter(t => t !== undefined)
  if (blocks.length > 0 && blocks.length === dtypes.length) return blockPacking(blocks)
  return new Set(dtypes).size > 1
    ? undefined
    : dtypes[0] === 'F16'
      ? 'f16'
      : dtypes[0] === 'BF16'
        ? 'bf16'
        : undefined
}

/** The packings of inputs, by name. */
export type PackingOf = (name: string) => Packing | undefined

/**
 * How a tensor is packed in a format. f16, bf16 and q8 are for matrices; vectors (norms, biases), which are
 * small and count for much, stay as they are stored.
 */
const packingFor = (
  spec: InputSpec,
  format: WeightFormat,
  stored: Packing | undefined,
): Packing | undefined => {
  if (format === 'f32') return undefined
  return format !== 'auto' && spec.dims.length - spec.arrayAxes >= 2 ? format : stored
}

/** The packings of bound tensors in the model's format. */
export const packingOf = (bound: BoundParam, { checkpoint, format }: Model): PackingOf => {
  const packings = new Map(
    bound.tensors.map(t => [
      t.spec.name,
      packingFor(t.spec, format, checkpoint && packingIn(dtypesOf(t, checkpoint))),
    ]),
  )
  return name => packings.get(name)
}

/** The packings that tensors would have in a format, if a checkpoint stored them as f32. */
export const plannedPacking = (specs: readonly InputSpec[], format: WeightFormat): PackingOf => {
  const packings = new Map(specs.map(s => [s.name, packingFor(s, format, undefined)]))
  return name => packings.get(name)
}

const tensorKey = (t: BoundTensor, packing: Packing | undefined): string =>
  `${t.names.join()} ${t.shape.join()} ${packing ?? ''}`

/**
 * Names that have the same key are one tensor on the device (a tied head); a name that is not bound has none.
 */
export const tensorKeyOf = (bound: BoundParam, model: Model): ((name: string) => string | undefined) => {
  const packing = packingOf(bound, model)
  const keys = new Map(bound.tensors.map(t => [t.spec.name, tensorKey(t, packing(t.spec.name))]))
  return name => keys.get(name)
}

/** Elements uploaded at a time: whole blocks. */
const pieceElements = 1 << 20

/** After these bytes, uploading waits for the device: until then the host holds them too. */
const flushBytes = 128 << 20

/**
 * Calls `read` for each part of a range of a bound tensor, with the checkpoint's tensor, the position in it
 * and the position in the range.
 */
const inParts = async (
  t: BoundTensor,
  first: number,
  count: number,
  read: (name: string, at: number, from: number, to: number) => Promise<void>,
): Promise<void> => {
  const part = t.shape.reduce((a, b) => a * b, 1) / t.names.length
  for (let done = 0; done < count; ) {
    const at = (first + done) % part
    const length = Math.min(count - done, part - at)
    await read(t.names[Math.floor((first + done) / part)]!, at, done, done + length)
    done += length
  }
}

/** Whether a tensor may hold numbers that are not finite. */
type Allowed = (name: string) => boolean

const allowedBy =
  ({ allowed }: Pick<Model, 'allowed'>): Allowed =>
  name =>
    allowed?.has(name) === true

interface WeightSource {
  readonly checkpoint: Checkpoint
  readonly allowed: Allowed
}

/** Elements of a tensor, row-major, from `first` on. */
interface ElementRange {
  readonly first: number
  readonly count: number
}

/** Bytes as stored, filled up to whole words. */
const readStored = async (
  { checkpoint, allowed }: WeightSource,
  t: BoundTensor,
  { first, count }: ElementRange,
): Promise<Uint8Array> => {
  const tensor = checkpoint.tensors.get(t.names[0]!)!
  const { dtype } = tensor
  const width = blockOf(tensor).bytes
  const out = new Uint8Array(Math.ceil((count * width) / 4) * 4)
  await inParts(t, first, count, async (name, at, from, to) => {
    const part = out.subarray(from * width, to * width)
    await checkpoint.readElements(name, at, part)
    if (!allowed(name)) requireFinite(part, dtype, { checkpoint, name, at })
  })
  return out
}

const readFloats = async (
  { checkpoint, allowed }: WeightSource,
  t: BoundTensor,
  { first, count }: ElementRange,
): Promise<Float32Array> => {
  const out = new Float32Array(count)
  await inParts(t, first, count, async (name, at, from, to) => {
    const part = out.subarray(from, to)
    await checkpoint.readFloats(name, at, part)
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
    if (!allowed(name)) requireFinite(bytes, 'F32', { checkpoint, name, at })
  })
  return out
}

/**
 * The numbers of a bound tensor, row-major, part by part. Throws a `UserError` if one is not finite, unless
 * the user allows it.
 */
export const readBound = (
  checkpoint: Checkpoint,
  t: BoundTensor,
  model: Pick<Model, 'allowed'> = {},
): Promise<Float32Array> =>
  readFloats({ checkpoint, allowed: allowedBy(model) }, t, {
    first: 0,
    count: t.shape.reduce((a, b) => a * b, 1),
  })

/**
 * Puts the wanted ones of the bound tensors on the device, a piece at a time, so that the host never holds a
 * whole one: bytes as they are where the checkpoint stores them as the device is to, else converted. Tensors
 * that are one in the checkpoint (a tied head) are one on the device.
 */
export const uploadWeights = async (
  device: Device,
  model: Model,
  bound: BoundParam,
  wanted: ReadonlySet<string>,
): Promise<Readonly<Record<string, DeviceTensor>>> => {
  const { checkpoint } = model
  const allowed = allowedBy(model)
  const packing = packingOf(bound, model)
  const out: Record<string, DeviceTensor> = Object.create(null)
  const same = new Map<string, DeviceTensor>()
  let written = 0
  const bring = async (tensor: DeviceTensor, first: number, planes: readonly Uint8Array[]): Promise<void> => {
    tensor.writePlanes(first, planes)
    written += planes.reduce((n, plane) => n + plane.length, 0)
    if (written < flushBytes) return
    await device.idle()
    written = 0
  }
  try {
    for (const t of bound.tensors) {
      const { name } = t.spec
      if (!wanted.has(name) || checkpoint === undefined) continue
      const p = packing(name)
      const key = tensorKey(t, p)
      const tensor =
        same.get(key) ?? new DeviceTensor(device, { dtype: 'f32', label: name, packing: p }, t.shape)
      out[name] = tensor
      if (same.has(key)) continue
      same.set(key, tensor)
      const source = { checkpoint, allowed }
      const dtypes = dtypesOf(t, checkpoint)
      const asStored = packingIn(dtypes) === p && (p !== undefined || dtypes.every(d => d === 'F32'))
      const elements = t.shape.reduce((a, b) => a * b, 1)
      if (isBlockPacking(p)) {
        await readBlocks(t, { checkpoint, allowed }, (first, bytes) => bring(tensor, first, [bytes]))
        continue
      }
      for (let first = 0; first < elements; first += pieceElements) {
        const count = Math.min(pieceElements, elements - first)
        const planes = asStored
          ? [await readStored(source, t, { first, count })]
          : planesOf(await readFloats(source, t, { first, count }), p, name)
        await bring(tensor, first, planes)
      }
    }
  } catch (error) {
    for (const t of same.values()) t.destroy()
    throw error
  }
  return out
}

/** The largest finite number of f16. */
const largestF16 = 65504

const planesOf = (
  values: Float32Array,
  packing: Packing | undefined,
  name: string,
): readonly Uint8Array[] => {
  if (packing === undefined) return [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]
  const large =
    packing === 'f16' ? values.find(x => Math.abs(x) > largestF16 && Number.isFinite(x)) : undefined
  if (large !== undefined)
    throw new UserError({
      what: `the weights of \`${name}\` do not fit f16`,
      why: `one is ${large}, and f16 reaches to ${largestF16}`,
      hint: 'take --weights bf16 or f32',
    })
  return pack(packing, values)
}
