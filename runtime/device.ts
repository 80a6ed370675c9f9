/// <reference types="@webgpu/types" preserve="true" />
import type { DeviceTraits, MatrixUnit, Precision } from '../compiler/artifact.js'
import { DeviceError, showBytes } from './errors.js'
import { usage } from './flags.js'
import type { Helper } from './helpers.js'
import { held, type Limits, requiredLimits } from './limits.js'
import { Watch } from './lost.js'
import { PipelineCache } from './pipelines.js'
import { plainWait, type Wait } from './wait.js'

/** What a platform (Node or a browser) adds to a device. */
export interface DeviceOptions {
  readonly adapter?: GPURequestAdapterOptions
  /**
   * The precision that products may be computed in; `f32` if absent. `f16` also uses matrix units where the
   * platform offers them.
   */
  readonly precision?: Precision
  /** The most bytes that the device may hold in all; no limit if absent. */
  readonly memory?: number
  /** Limits that the device keeps, even if the adapter could do more. */
  readonly limits?: Limits
  /** How to wait for promises of this device; plain `await` if absent. */
  readonly wait?: (traits: DeviceTraits) => Wait
  /**
   * Memory that the device could still take, if that is known (software devices share the machine's memory).
   */
  readonly availableBytes?: (traits: DeviceTraits) => number | undefined
  /**
   * Starts processes that compile kernels into the cache of this device's driver. Absent, or returning none,
   * if processes cannot share that cache.
   */
  readonly helpers?: (traits: DeviceTraits) => readonly Helper[]
}

const wantedFeatures = ['subgroups', 'shader-f16', 'timestamp-query', 'subgroup-size-control']

const matrixFeature = 'chromium-experimental-subgroup-matrix'

const wantedLimits = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'minStorageBufferOffsetAlignment',
  'minUniformBufferOffsetAlignment',
  'maxBufferSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
] as const

const softwareNames = /llvmpipe|lavapipe|swiftshader/i

const nameOf = (info: GPUAdapterInfo): string =>
  info.description ||
  info.device ||
  [info.vendor, info.architecture].filter(Boolean).join(' ') ||
  'unnamed device'

/** The entries of `subgroupMatrixConfigs`, which the types of WebGPU don't know yet. */
interface MatrixConfig {
  readonly componentType: string
  readonly resultComponentType: string
  readonly M: number
  readonly N: number
  readonly K: number
}

const floats: Readonly<Record<string, 'f16' | 'f32'>> = { f16: 'f16', f32: 'f32' }

const matricesOf = (info: GPUAdapterInfo): readonly MatrixUnit[] => {
  const { subgroupMatrixConfigs = [] } = info as { readonly subgroupMatrixConfigs?: Iterable<MatrixConfig> }
  return [...subgroupMatrixConfigs].flatMap(c => {
    const [component, result] = [floats[c.componentType], floats[c.resultComponentType]]
    return component && result ? [{ component, result, m: c.M, n: c.N, k: c.K }] : []
  })
}

const traitsOf = (gpu: GPUDevice, info: GPUAdapterInfo, precision: Precision): DeviceTraits => {
  const fixed = info.subgroupMinSize !== undefined && info.subgroupMinSize === info.subgroupMaxSize
  const limits = gpu.limits
  return {
    name: nameOf(info),
    software: softwareNames.test([info.description, info.device, info.architecture].join(' ')),
    subgroupSize: gpu.features.has('subgroups') && fixed ? info.subgroupMinSize : 0,
    storageBuffersPerStage: limits.maxStorageBuffersPerShaderStage,
    bindingBytes: limits.maxStorageBufferBindingSize,
    bufferBytes: limits.maxBufferSize,
    bindingAlignment: limits.minStorageBufferOffsetAlignment,
    workgroupInvocations: limits.maxComputeInvocationsPerWorkgroup,
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    workgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    precision: precision,
    matrices: gpu.features.has(matrixFeature) ? matricesOf(info) : [],
  }
}

/**
 * An open WebGPU device. It is reentrant: it does all operations in the order in which they were requested.
 * An error that belongs to no single call rejects every operation under way. Close the device when it is no
 * longer needed.
 */
export class Device {
  readonly traits: DeviceTraits
  readonly pipelines: PipelineCache
  readonly #watch: Watch
  readonly #wait: Wait
  readonly #options: DeviceOptions
  #closed = false
  #residentBytes = 0
  #nextId = 0

  constructor(
    readonly gpu: GPUDevice,
    readonly info: GPUAdapterInfo,
    options: DeviceOptions,
  ) {
    this.traits = held(traitsOf(gpu, info, options.precision ?? 'f32'), options.limits ?? {})
    this.pipelines = new PipelineCache(gpu)
    this.#options = options
    this.#watch = new Watch(gpu)
    this.#wait = options.wait?.(this.traits) ?? plainWait
  }

  /** Whether the device was asked for, and has, this feature. */
  has(feature: string): boolean {
    return this.gpu.features.has(feature)
  }

  /** Starts {@link DeviceOptions.helpers}; absent where there are none. */
  get helpers(): (() => readonly Helper[]) | undefined {
    const { helpers } = this.#options
    return helpers && (() => helpers(this.traits))
  }

  /** Bytes of all buffers of {@link allocate} that are not yet released. */
  get residentBytes(): number {
    return this.#residentBytes
  }

  /** The limit of memory that the device was opened with, in bytes. */
  get memory(): number | undefined {
    return this.#options.memory
  }

  /** Bytes that the device can hold in all, including those it holds now; `undefined` if that is unknown. */
  get capacityBytes(): number | undefined {
    const available = this.#options.availableBytes?.(this.traits)
    if (available === undefined) return this.memory
    return Math.min(this.memory ?? Number.POSITIVE_INFINITY, available + this.#residentBytes)
  }

  /** Throws a {@link DeviceError} if the device is lost or has refused something. */
  check(): void {
    this.#watch.check()
  }

  /**
   * Waits for a promise of the device; rejects with a {@link DeviceError} if the device is lost or has
   * refused something. `patience` is how many milliseconds late the end may be noticed: a larger one leaves a
   * software device more of the processor.
   */
  wait<T>(promise: Promise<T>, patience?: number): Promise<T> {
    return this.#wait(this.#watch.guard(promise), patience)
  }

  /** Waits until everything submitted so far has been done. */
  async idle(): Promise<void> {
    this.check()
    await this.wait(this.gpu.queue.onSubmittedWorkDone())
  }

  /** A number that no other tensor of this device has. */
  nextId(): number {
    this.#nextId += 1
    return this.#nextId
  }

  /**
   * A storage buffer that can be copied from and to. Throws a {@link DeviceError} if it is larger than any
   * buffer of this device; if memory runs out, the next {@link check} or {@link wait} says so.
   */
  allocate(bytes: number, label: string): GPUBuffer {
    this.check()
    const most = this.traits.bufferBytes
    if (bytes > most) {
      throw new DeviceError('too-small', {
        what: `\`${label}\` does not fit into one buffer of the device`,
        why:
          `It takes ${showBytes(bytes)}, and a buffer of ${this.traits.name} holds ` +
          `${showBytes(most)} at most.`,
        hint: 'Use smaller batches, shorter sequences or a smaller model, or another device.',
      })
    }
    const buffer = this.gpu.createBuffer({
      label,
      size: bytes,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    })
    this.#residentBytes += bytes
    return buffer
  }

  /** Gives back a buffer of {@link allocate}. */
  release(buffer: GPUBuffer): void {
    this.#residentBytes -= buffer.size
    buffer.destroy()
  }

  /**
   * Closes the device: pending operations are rejected and its buffers are freed. A second call does nothing.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#watch.lose('destroyed', '')
    this.gpu.destroy()
  }
}

const noAdapter = (why: string): DeviceError =>
  new DeviceError('no-adapter', {
    what: 'no WebGPU adapter was found',
    why,
    hint:
      'On Linux install mesa-vulkan-drivers (Mesa 24 or later) or your GPU’s Vulkan driver; ' +
      '`scripts/setup` does it on Debian and Ubuntu. In a browser switch WebGPU on.',
  })

const explain = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** An adapter of this implementation, or a {@link DeviceError} that says what to install. */
const requestAdapter = async (gpu: GPU, options: DeviceOptions): Promise<GPUAdapter> => {
  let adapter: GPUAdapter | null
  try {
    adapter = await gpu.requestAdapter({ powerPreference: 'high-performance', ...options.adapter })
  } catch (error) {
    // Dawn throws, with a list of the adapters, if no adapter has the requested name.
    throw noAdapter(explain(error))
  }
  if (adapter !== null) return adapter
  throw noAdapter(
    'WebGPU needs a GPU with a driver for Vulkan, Metal or Direct3D 12, or a software driver for Vulkan.',
  )
}

/**
 * Opens a device with every feature and limit that Jola's kernels can use, or within the given limits.
 * Rejects with a {@link DeviceError} if there is no adapter, if the adapter lacks the requested precision, or
 * if it gives no device.
 */
export const openDevice = async (gpu: GPU, options: DeviceOptions = {}): Promise<Device> => {
  const adapter = await requestAdapter(gpu, options)
  if (options.precision === 'f16' && !adapter.features.has('shader-f16')) {
    throw new DeviceError('too-small', {
      what: `${nameOf(adapter.info)} can't compute in f16`,
      why: 'The adapter has no shader-f16.',
      hint: 'Compute in f32 (--precision f32), or on another device.',
    })
  }
  const wanted = [...wantedFeatures, ...(options.precision === 'f16' ? [matrixFeature] : [])]
  const requiredFeatures = wanted.filter(name => adapter.features.has(name)) as GPUFeatureName[]
  const limits = options.limits ?? {}
  try {
    return new Device(
      await adapter.requestDevice({
        requiredFeatures,
        requiredLimits: requiredLimits(adapter.limits, wantedLimits, limits),
      }),
      adapter.info,
      options,
    )
  } catch (error) {
    throw new DeviceError('no-adapter', {
      what: `the adapter ${nameOf(adapter.info)} gives no device`,
      why: explain(error),
      hint: 'Another program may hold the GPU, or its driver may be broken: try again, or update the driver.',
    })
  }
}
