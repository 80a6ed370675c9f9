import type {
  BufferDecl,
  DeviceTraits,
  MatrixUnit,
  Requirements,
  Step,
  UnaddressableTensor,
  WindowedTensor,
} from '../artifact.js'
import type { Storage } from '../kernel/placement.js'
import type { EmittedKernel } from '../wgsl/kernel.js'
import { elementsBound, mostElements } from '../wgsl/slices.js'

/** Bytes of the element types that kernels keep in workgroup memory. */
const sharedBytes: Readonly<Record<string, number>> = { f16: 2, f32: 4, i32: 4, u32: 4 }
const vectors: Readonly<Record<string, string>> = { f: 'f32', h: 'f16', i: 'i32', u: 'u32' }

/**
 * Bytes of workgroup memory that a kernel's text declares. Each variable is rounded up to 16 bytes, as WebGPU
 * counts it.
 */
export const workgroupBytes = (wgsl: string): number =>
  [...wgsl.matchAll(/^var<workgroup>.*$/gm)].reduce((sum, [line]) => {
    const found = /: array<(?:vec([234])(?:<(\w+)>|([fhiu]))|(\w+)), (\d+)>;$/.exec(line)
    const [, lanes = '1', long, short, plain, count] = found ?? []
    const element = sharedBytes[long ?? plain ?? vectors[short ?? ''] ?? '']
    if (element === undefined) throw new Error(`the size of this workgroup variable is not known: ${line}`)
    const wide = lanes === '3' ? 4 : Number(lanes)
    return sum + 16 * Math.ceil((element * wide * Number(count)) / 16)
  }, 0)

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

const maximum = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0)

const largestOf = (triples: readonly (readonly [number, number, number])[]) =>
  [0, 1, 2].map(i => Math.max(1, maximum(triples.map(t => t[i]!)))) as [number, number, number]

const unitsOf = (kernels: readonly EmittedKernel[]): readonly MatrixUnit[] => {
  const units = kernels.flatMap(({ decl: { chosen } }) =>
    chosen?.schedule.family === 'matrix' ? [chosen.schedule.unit] : [],
  )
  return [...new Map(units.map(u => [JSON.stringify(u), u])).values()]
}

/** The tensors that have more elements than a kernel's i32 addresses can count. */
const unaddressableTensors = (
  kernels: readonly EmittedKernel[],
  storages: readonly Storage[],
): UnaddressableTensor[] => {
  const most = new Map<number, number>()
  for (const k of kernels)
    for (const id of new Set(k.storages)) {
      const parts = k.slices.filter((_, i) => k.storages[i] === id)
      most.set(id, Math.max(most.get(id) ?? 0, elementsBound(storages[id]!, parts)))
    }
  return [...most].flatMap(([id, elements]) => {
    const { name, packing } = storages[id]!
    if (elements <= mostElements) return []
    return [{ tensor: name, elements, most: mostElements, ...(packing === undefined ? {} : { packing }) }]
  })
}

/** For each storage, the most bindings that a kernel takes for it. */
export const countStorageWindows = (kernels: readonly EmittedKernel[]): ReadonlyMap<number, number> => {
  const out = new Map<number, number>()
  for (const { storages } of kernels)
    for (const id of storages) out.set(id, Math.max(out.get(id) ?? 1, storages.filter(s => s === id).length))
  return out
}

const windowedTensors = (
  kernels: readonly EmittedKernel[],
  storages: readonly Storage[],
): readonly WindowedTensor[] =>
  [...countStorageWindows(kernels)].flatMap(([id, bindings]) =>
    bindings > 1 ? [{ tensor: storages[id]!.name, bindings }] : [],
  )

/** The buffers of an artifact, its steps, and the tensors in the buffers. */
export interface PlacedSteps {
  readonly buffers: readonly BufferDecl[]
  readonly steps: readonly Step[]
  readonly storages: readonly Storage[]
}

const dispatchesIn = (steps: readonly Step[]): readonly Extract<Step, { kind: 'dispatch' }>[] =>
  steps.flatMap(s => (s.kind === 'loop' ? dispatchesIn(s.steps) : s.kind === 'dispatch' ? [s] : []))

/**
 * The properties that a device must have for the kernels to be right. They are right on every device that has
 * them.
 */
export const requirementsOf = (
  kernels: readonly EmittedKernel[],
  traits: DeviceTraits,
  { buffers, steps, storages }: PlacedSteps,
): Requirements => {
  const features = [...new Set(kernels.flatMap(k => k.features))].sort()
  const dispatches = dispatchesIn(steps)
  const slices = dispatches.flatMap(d => (d.slices ?? []).filter(s => s !== null))
  const alignment = slices.flatMap(s => [s.offset, ...s.strides]).reduce(gcd, 0)
  const lanes = traits.subgroupSize
  const inWindows = windowedTensors(kernels, storages)
  return {
    features,
    ...(features.includes('subgroups') ? { subgroups: { least: lanes, most: lanes } } : {}),
    matrices: unitsOf(kernels),
    storageBuffersPerStage: maximum(kernels.map(k => k.storages.length)),
    bindingBytes: maximum(
      dispatches.flatMap(d =>
        d.buffers.map((id, i) =>
          Math.min(buffers[id]!.bytes, d.slices?.[i]?.size ?? Number.POSITIVE_INFINITY),
        ),
      ),
    ),
    bufferBytes: maximum(buffers.map(b => b.bytes)),
    ...(alignment === 0 ? {} : { bindingAlignment: alignment }),
    workgroupInvocations: Math.max(
      1,
      maximum(kernels.map(k => k.decl.workgroupSize.reduce((a, b) => a * b, 1))),
    ),
    workgroupSize: largestOf(kernels.map(k => k.decl.workgroupSize)),
    workgroupBytes: maximum(kernels.map(k => workgroupBytes(k.decl.wgsl))),
    workgroupsPerDimension: maximum(dispatches.flatMap(d => d.workgroups)),
    unaddressable: unaddressableTensors(kernels, storages),
    ...(inWindows.length === 0 ? {} : { windowed: inWindows }),
  }
}
