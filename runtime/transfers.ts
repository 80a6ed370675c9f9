import type { Artifact, TensorDecl } from '../compiler/artifact.js'
import { allSteps } from './check-artifact.js'
import type { Device } from './device.js'
import { DeviceError } from './errors.js'
import { bufferBytes, usage } from './flags.js'
import { DeviceTensor, showType } from './tensor.js'

/** A record's own entry: a tensor may be named `constructor`. */
const own = (tensors: Readonly<Record<string, DeviceTensor>>, name: string): DeviceTensor | undefined =>
  Object.hasOwn(tensors, name) ? tensors[name] : undefined

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i])

const complaint = (
  device: Device,
  decl: TensorDecl,
  tensor: DeviceTensor | undefined,
): string | undefined => {
  const wanted = `\`${decl.name}\` must be ${showType(decl.dtype, decl.shape, decl.packing)}`
  if (tensor === undefined) return `${wanted}, and is missing.`
  if (!(tensor instanceof DeviceTensor)) return `${wanted}, and is no tensor of a device.`
  const { dtype, shape, packing } = tensor
  if (dtype !== decl.dtype || !sameShape(shape, decl.shape) || packing !== decl.packing) {
    return `${wanted}, and is ${showType(dtype, shape, packing)}.`
  }
  if (tensor.device !== device) return `\`${decl.name}\` is a tensor of another device.`
  return undefined
}

const refuse = (artifact: Artifact, what: string, complaints: readonly (string | undefined)[]): void => {
  const lines = complaints.filter(line => line !== undefined)
  if (lines.length === 0) return
  throw new DeviceError('input', {
    what: `\`${artifact.name}\` can't run with these ${what}`,
    why: lines.join(' '),
    hint: 'Give each tensor under its name, with the type and sizes that the artifact was compiled for.',
  })
}

/**
 * The input tensors in the artifact's order; other tensors are ignored. Throws a {@link DeviceError} that
 * lists all that do not fit.
 */
export const checkInputs = (
  device: Device,
  artifact: Artifact,
  inputs: Readonly<Record<string, DeviceTensor>>,
): readonly DeviceTensor[] => {
  const complaints = artifact.inputs.map(decl => complaint(device, decl, own(inputs, decl.name)))
  refuse(artifact, 'inputs', complaints)
  const tensors = artifact.inputs.map(({ name }) => inputs[name])
  for (const tensor of tensors) tensor.check()
  return tensors
}

/** The inputs that kernels overwrite: those that an output replaces. */
export const writtenInputs = ({ inputs, kernels, steps }: Artifact): ReadonlySet<string> => {
  const written = new Set(
    allSteps(steps).flatMap(step =>
      step.kind === 'copy'
        ? [step.to]
        : step.buffers.filter((_, i) => kernels[step.kernel].bindings[i] === 'read_write'),
    ),
  )
  return new Set(inputs.flatMap(({ name, buffer }) => (written.has(buffer) ? [name] : [])))
}

/**
 * Throws a {@link DeviceError} if a tensor that a run overwrites is also another input, which would be read
 * half written.
 */
export const checkAliases = (
  artifact: Artifact,
  written: ReadonlySet<string>,
  inputs: Readonly<Record<string, DeviceTensor>>,
): void => {
  if (written.size === 0) return
  const names = artifact.inputs.map(decl => decl.name)
  refuse(
    artifact,
    'inputs',
    [...written].map(name => {
      const other = names.find(n => n !== name && inputs[n] === inputs[name])
      return other === undefined
        ? undefined
        : `\`${name}\` is written in place, and its tensor is given as \`${other}\` too.`
    }),
  )
}

/**
 * The tensors that receive the outputs: the given ones, inputs that outputs replace, and new ones. Throws a
 * {@link DeviceError} like {@link checkInputs}.
 */
export const outputTensors = (
  device: Device,
  artifact: Artifact,
  inputs: Readonly<Record<string, DeviceTensor>>,
  into: Readonly<Record<string, DeviceTensor>>,
): Readonly<Record<string, DeviceTensor>> => {
  const given = artifact.outputs.filter(decl => own(into, decl.name) !== undefined)
  const declared = new Set(artifact.outputs.map(decl => decl.name))
  const targets = artifact.outputs.map(
    decl => own(into, decl.name) ?? (decl.replaces === undefined ? undefined : inputs[decl.replaces]),
  )
  refuse(artifact, 'targets', [
    ...given.map(decl => complaint(device, decl, into[decl.name])),
    ...artifact.outputs.map(({ name }, i) =>
      targets[i] !== undefined && targets.indexOf(targets[i]) < i
        ? `The target of \`${name}\` already takes another output.`
        : undefined,
    ),
    ...Object.keys(into).map(name => (declared.has(name) ? undefined : `There is no output \`${name}\`.`)),
  ])
  for (const { name } of given) into[name].check()
  const fresh: DeviceTensor[] = []
  const make = (decl: TensorDecl): DeviceTensor => {
    const made = new DeviceTensor(
      device,
      { dtype: decl.dtype, label: `${artifact.name} ${decl.name}` },
      decl.shape,
    )
    fresh.push(made)
    return made
  }
  try {
    return Object.fromEntries(artifact.outputs.map((decl, i) => [decl.name, targets[i] ?? make(decl)]))
  } catch (error) {
    for (const tensor of fresh) tensor.destroy()
    throw error
  }
}

interface Copy {
  readonly from: GPUBuffer
  readonly offset: number
  readonly to: GPUBuffer
  readonly bytes: number
}

/** A run's buffers, and the tensors that its outputs go to. */
export interface OutputPlaces {
  readonly buffers: readonly GPUBuffer[]
  readonly outputs: Readonly<Record<string, DeviceTensor>>
}

/**
 * Copies the outputs from the run's buffers into their tensors. An output may be an unchanged input, and an
 * input may also be a target. Values that would be overwritten too early then go through an extra buffer; the
 * caller destroys the returned buffers after the submission.
 */
export const encodeOutputs = (
  device: Device,
  encoder: GPUCommandEncoder,
  artifact: Artifact,
  { buffers, outputs }: OutputPlaces,
): readonly GPUBuffer[] => {
  const copies = artifact.outputs
    .map(
      (decl): Copy => ({
        from: buffers[decl.buffer],
        offset: decl.offset,
        to: outputs[decl.name].buffer,
        bytes: outputs[decl.name].bytes,
      }),
    )
    .filter(copy => copy.bytes > 0 && copy.from !== copy.to)
  const targets = new Set(copies.map(copy => copy.to))
  const spare: GPUBuffer[] = []
  const safe = copies.map((copy): Copy => {
    if (!targets.has(copy.from)) return copy
    const buffer = device.gpu.createBuffer({
      label: 'swapped output',
      size: bufferBytes(copy.bytes),
      usage: usage.copySource | usage.copyTarget,
    })
    spare.push(buffer)
    encoder.copyBufferToBuffer(copy.from, copy.offset, buffer, 0, copy.bytes)
    return { ...copy, from: buffer, offset: 0 }
  })
  for (const copy of safe) encoder.copyBufferToBuffer(copy.from, copy.offset, copy.to, 0, copy.bytes)
  return spare
}
