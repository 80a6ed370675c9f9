import type { Artifact, MatrixUnit, Packing, Requirements } from '../compiler/artifact.js'
import { isBlockPacking } from './block-packing.js'
import { checkArtifact } from './check-artifact.js'
import type { Device } from './device.js'
import { DeviceError, showBytes } from './errors.js'

/** Bytes for people, to the byte where another number would read the same. */
const bytesBeside = (bytes: number, other: number): string => {
  const [own, its] = [bytes, other].map(n => showBytes(n).replace('.0 ', ' '))
  return bytes !== other && own === its ? `${bytes.toLocaleString('en')} bytes` : showBytes(bytes)
}

/** A requirement of an artifact's kernels, the device's value, and a sentence with both. */
type Need = readonly [unmet: boolean, sentence: string]

const lanesOf = (least: number, most: number): string => (least === most ? `${least}` : `${least} to ${most}`)

/**
 * The size of a subgroup differs between devices. A kernel compiled for another size would compute wrong
 * numbers in silence.
 */
const subgroupNeed = ({ info }: Device, wanted: Requirements['subgroups']): Need => {
  if (wanted === undefined) return [false, '']
  const { subgroupMinSize: least, subgroupMaxSize: most } = info
  const known = least !== undefined && most !== undefined
  return [
    !known || least < wanted.least || most > wanted.most,
    `A kernel counts on subgroups of ${lanesOf(wanted.least, wanted.most)} lanes; ` +
      (known ? `the device's have ${lanesOf(least, most)}.` : 'the device does not tell how many its have.'),
  ]
}

const showUnit = ({ m, n, k, component, result }: MatrixUnit): string =>
  `${m}×${n}×${k} ${component} to ${result}`

const missingUnits = ({ traits }: Device, wanted: readonly MatrixUnit[]): readonly string[] => {
  const has = new Set(traits.matrices.map(showUnit))
  return wanted.map(showUnit).filter(unit => !has.has(unit))
}

/** Which tensors take many of a kernel's bindings, the largest first. */
const windowsOf = ({ windowed = [] }: Requirements): string => {
  const named = [...windowed]
    .sort((a, b) => b.bindings - a.bindings)
    .slice(0, 3)
    .map(w => `\`${w.tensor}\` takes ${w.bindings}`)
  const rest =
    windowed.length > named.length ? `, and ${windowed.length - named.length} more take several` : ''
  return named.length === 0 ? '' : ` Larger than one binding, ${named.join(', ')}${rest}.`
}

/** Bytes that an element takes; a scale of q8 is shared by 32, and blocks take at least two bits. */
const elementBytes = (packing: Packing | 'f32'): number =>
  isBlockPacking(packing as Packing)
    ? 0.25
    : { f32: 4, f16: 2, bf16: 2, q8: 1.125 }[packing as 'f32' | 'f16' | 'bf16' | 'q8']

/**
 * Storage formats for inputs that take several bindings of a kernel, with which the bindings suffice; empty
 * if none suffices.
 */
const smallerInputs = ({ traits }: Device, { requires, inputs }: Artifact): string => {
  const excess = requires.storageBuffersPerStage - traits.storageBuffersPerStage
  const large = (requires.windowed ?? []).flatMap(w => {
    const input = inputs.find(i => i.name === w.tensor && i.dtype === 'f32')
    return input === undefined ? [] : [{ ...w, bytes: elementBytes(input.packing ?? 'f32') }]
  })
  const enough = (['f16', 'q8'] as const).find(format => {
    const saved = large.map(w =>
      Math.max(0, w.bindings - Math.ceil((w.bindings * elementBytes(format)) / w.bytes)),
    )
    return excess > 0 && saved.reduce((a, b) => a + b, 0) >= excess
  })
  if (enough === undefined) return ''
  const names = large.slice(0, 3).map(w => `\`${w.tensor}\``)
  return (
    ` Where ${names.join(', ')} ${large.length === 1 ? 'is a weight' : 'are weights'} of ` +
    `a model, \`--weights ${enough}\` makes ${large.length === 1 ? 'it' : 'them'} small ` +
    'enough.'
  )
}

const needsOf = (device: Device, { requires, buffers }: Artifact): readonly Need[] => {
  const { traits, gpu } = device
  const { limits } = gpu
  const missing = requires.features.filter(feature => !device.has(feature))
  const units = missing.length > 0 ? [] : missingUnits(device, requires.matrices)
  const largest = buffers.reduce((bytes, buffer) => Math.max(bytes, buffer.bytes), requires.bufferBytes)
  const most = traits.bufferBytes
  const [x, y, z] = requires.workgroupSize
  const sides = [
    limits.maxComputeWorkgroupSizeX,
    limits.maxComputeWorkgroupSizeY,
    limits.maxComputeWorkgroupSizeZ,
  ] as const
  const { bindingAlignment } = requires
  return [
    [missing.length > 0, `It has no ${missing.join(' and no ')}.`],
    [units.length > 0, `It has no matrix units of ${units.join(' and of ')}.`],
    missing.length > 0 ? [false, ''] : subgroupNeed(device, requires.subgroups),
    [
      requires.storageBuffersPerStage > traits.storageBuffersPerStage,
      `A kernel binds ${requires.storageBuffersPerStage} storage buffers; the device allows ` +
        `${traits.storageBuffersPerStage}.${windowsOf(requires)}`,
    ],
    [
      requires.bindingBytes > traits.bindingBytes,
      `A kernel binds ${bytesBeside(requires.bindingBytes, traits.bindingBytes)} at once; ` +
        `the device allows ${bytesBeside(traits.bindingBytes, requires.bindingBytes)}.`,
    ],
    [
      bindingAlignment !== undefined && bindingAlignment % traits.bindingAlignment !== 0,
      `Bindings begin at multiples of ${bindingAlignment} bytes; the device allows ` +
        `multiples of ${traits.bindingAlignment}.`,
    ],
    [
      requires.workgroupInvocations > traits.workgroupInvocations,
      `A workgroup has ${requires.workgroupInvocations} invocations; the device allows ` +
        `${traits.workgroupInvocations}.`,
    ],
    [
      x > sides[0] || y > sides[1] || z > sides[2],
      `A workgroup is ${x} × ${y} × ${z}; the device allows ${sides.join(' × ')}.`,
    ],
    [
      requires.workgroupBytes > traits.workgroupBytes,
      `A workgroup keeps ${showBytes(requires.workgroupBytes)} of memory; the device allows ` +
        `${showBytes(traits.workgroupBytes)}.`,
    ],
    [
      requires.workgroupsPerDimension > traits.workgroupsPerDimension,
      `A dispatch has ${requires.workgroupsPerDimension} workgroups side by side; the ` +
        `device allows ${traits.workgroupsPerDimension}.`,
    ],
    [
      largest > most,
      `A buffer takes ${bytesBeside(largest, most)}; the device allows ${bytesBeside(most, largest)}.`,
    ],
  ]
}

/**
 * The error by which a device refuses an artifact however much memory is free; undefined if the device can
 * run it.
 */
export const refusalOf = (device: Device, artifact: Artifact): DeviceError | undefined => {
  const { unaddressable } = artifact.requires
  if (unaddressable.length > 0) {
    const count = (n: number): string => n.toLocaleString('en')
    const q8 = unaddressable.some(t => t.packing === 'q8')
    return new DeviceError('too-small', {
      what: `\`${artifact.name}\` has tensors that are too large for a kernel`,
      why: unaddressable
        .map(
          t =>
            `Of \`${t.tensor}\` a kernel binds ${count(t.elements)} elements; it can address ` +
            `${count(t.most)}.`,
        )
        .join(' '),
      hint: q8
        ? 'Leave such weights as f16 or bf16, of which a kernel binds one layer at a time, or ' +
          'use a smaller model.'
        : 'Use smaller sizes (batch, sequence) or a smaller model; another device does not help.',
    })
  }
  const lines = needsOf(device, artifact).flatMap(([unmet, sentence]) => (unmet ? [sentence] : []))
  if (lines.length === 0) return undefined
  return new DeviceError('too-small', {
    what: `\`${artifact.name}\` can't run on ${device.traits.name}`,
    why: lines.join(' '),
    hint:
      'Compile it for this device, with smaller sizes (batch, sequence) where it is too ' +
      `large, or use another device; \`jola devices\` lists what there is.${smallerInputs(device, artifact)}`,
  })
}

/**
 * Throws a {@link DeviceError} (`too-small`, `out-of-memory`) with all the numbers if the device can't run
 * the artifact, and one of kind `artifact` if the value is not an artifact. It runs before anything is
 * allocated.
 */
export const checkRequirements = (device: Device, artifact: Artifact): void => {
  checkArtifact(artifact)
  const refusal = refusalOf(device, artifact)
  if (refusal !== undefined) throw refusal
  const { name } = device.traits
  const capacity = device.capacityBytes
  const own = artifact.buffers.reduce((n, { role, bytes }) => n + (role === 'input' ? 0 : bytes), 0)
  const bytes = Math.max(artifact.peakBytes, device.residentBytes + own)
  if (capacity !== undefined && bytes > capacity) {
    throw new DeviceError('out-of-memory', {
      what: `\`${artifact.name}\` does not fit into memory`,
      why:
        `It needs ${showBytes(bytes)}, what the device holds already included, and ${name} ` +
        `can have ${showBytes(capacity)}: ${showBytes(bytes - capacity)} too little.`,
      hint: 'Use a smaller batch or shorter sequences, or free memory that other programs hold.',
    })
  }
}
