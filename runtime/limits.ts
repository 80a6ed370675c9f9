import type { DeviceTraits } from '../compiler/artifact.js'
import { DeviceError } from './errors.js'

/**
 * Limits of a device by the names that users write, each with WebGPU's own name where it has one and the
 * field of the traits.
 */
const known = {
  buffers: { webgpu: 'maxStorageBuffersPerShaderStage', trait: 'storageBuffersPerStage' },
  binding: { webgpu: 'maxStorageBufferBindingSize', trait: 'bindingBytes' },
  buffer: { webgpu: 'maxBufferSize', trait: 'bufferBytes' },
  alignment: { webgpu: 'minStorageBufferOffsetAlignment', trait: 'bindingAlignment' },
  invocations: { webgpu: 'maxComputeInvocationsPerWorkgroup', trait: 'workgroupInvocations' },
  memory: { webgpu: 'maxComputeWorkgroupStorageSize', trait: 'workgroupBytes' },
  workgroups: { webgpu: 'maxComputeWorkgroupsPerDimension', trait: 'workgroupsPerDimension' },
  subgroups: { webgpu: undefined, trait: 'subgroupSize' },
} as const

type LimitName = keyof typeof known
type LimitTrait = (typeof known)[LimitName]['trait']

/**
 * A device smaller than the adapter allows: upper bounds of these traits, and a lower bound of the alignment.
 */
export type Limits = Partial<Pick<DeviceTraits, LimitTrait>>

/** The limits that WebGPU's specification guarantees (section 3.6.2, Limits), without subgroups. */
export const baseline: Required<Limits> = {
  storageBuffersPerStage: 8,
  bindingBytes: 2 ** 27,
  bufferBytes: 2 ** 28,
  bindingAlignment: 256,
  workgroupInvocations: 256,
  workgroupBytes: 16384,
  workgroupsPerDimension: 65535,
  subgroupSize: 0,
}

const isName = (name: string): name is LimitName => Object.hasOwn(known, name)

/**
 * Parses limits as users write them: `baseline`, or entries such as `buffers=10` and `alignment=256` (bytes
 * for sizes; `subgroups=0` for none), or both, separated by commas; later entries win. An empty text sets no
 * limit. Throws a `DeviceError` for anything else.
 */
export const parseLimits = (text: string): Limits => {
  const limits: { -readonly [T in LimitTrait]?: number } = {}
  for (const entry of text.split(',').map(part => part.trim())) {
    if (entry === 'baseline') Object.assign(limits, baseline)
    if (entry === '' || entry === 'baseline') continue
    const [, name = '', digits = ''] = /^([a-z]+)=(\d{1,15})$/.exec(entry) ?? []
    const value = Number(digits)
    if (!isName(name) || (value === 0 && name !== 'subgroups'))
      throw new DeviceError('input', {
        what: `\`${entry}\` is no limit of a device`,
        why:
          `There are \`baseline\`, and ${Object.keys(known).join(', ')}, each with \`=\` and a ` +
          'whole number above 0.',
        hint: 'Write JOLA_LIMITS=baseline, or JOLA_LIMITS=buffers=10,alignment=256.',
      })
    limits[known[name].trait] = value
  }
  return limits
}

const isAlignment = (trait: LimitTrait): boolean => trait === 'bindingAlignment'

/**
 * The limits to request from an adapter. WebGPU grants its defaults if less is requested, so {@link held}
 * applies the limits to the traits too.
 */
export const requiredLimits = (
  adapter: GPUSupportedLimits,
  wanted: readonly (keyof GPUSupportedLimits & string)[],
  limits: Limits,
): Record<string, number> => {
  const byName = new Map<string, number>(
    Object.values(known).flatMap(({ webgpu, trait }) =>
      webgpu === undefined || limits[trait] === undefined ? [] : [[webgpu, limits[trait]]],
    ),
  )
  return Object.fromEntries(
    wanted.map(name => {
      const best = adapter[name] as number
      const own = byName.get(name)
      const better = name.startsWith('min') ? Math.max : Math.min
      return [name, own === undefined ? best : better(best, own)]
    }),
  )
}

/** A device's traits, bounded by the limits. */
export const held = (traits: DeviceTraits, limits: Limits): DeviceTraits => {
  const out: Record<LimitTrait, number> = { ...traits }
  for (const { trait } of Object.values(known)) {
    const most = limits[trait]
    if (most !== undefined) out[trait] = (isAlignment(trait) ? Math.max : Math.min)(traits[trait], most)
  }
  // The hardware fixes the size of a subgroup, so it cannot be reduced.
  const subgroupSize = out.subgroupSize < traits.subgroupSize ? 0 : traits.subgroupSize
  return { ...traits, ...out, subgroupSize, matrices: subgroupSize === 0 ? [] : traits.matrices }
}
