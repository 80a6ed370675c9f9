import type { KernelDecl } from '../compiler/artifact.js'
import { internalError } from './errors.js'
import { stage } from './flags.js'

const excerpt = (wgsl: string, line: number): string =>
  wgsl
    .split('\n')
    .map((text, i) => ({ text, number: i + 1 }))
    .filter(({ number }) => Math.abs(number - line) <= 3)
    .map(({ text, number }) => `${number === line ? '>' : ' '} ${String(number).padStart(4)} | ${text}`)
    .join('\n')

const refusal = async (kernel: KernelDecl, module: GPUShaderModule, error: unknown): Promise<Error> => {
  const { messages } = await module.getCompilationInfo()
  const first = messages.find(message => message.type === 'error')
  const detail = error instanceof Error ? error.message : String(error)
  return internalError(
    `the device refuses the kernel \`${kernel.name}\``,
    first === undefined || first.lineNum === 0
      ? detail
      : `line ${first.lineNum}: ${first.message}\n${excerpt(kernel.wgsl, first.lineNum)}`,
  )
}

/** Which uniforms a kernel has. */
export interface Uniforms {
  readonly loops: boolean
  readonly sizes: boolean
}

export const uniformsOf = (kernel: KernelDecl): Uniforms => ({
  loops: kernel.loops > 0,
  sizes: kernel.sizes === true,
})

export const hasUniforms = ({ loops, sizes }: Uniforms): boolean => loops || sizes

/** Kernels with the same key are compiled once. */
const keyOf = (kernel: KernelDecl): string =>
  `${kernel.bindings.join()} ${kernel.loops > 0} ${kernel.sizes === true} ${kernel.wgsl}`

/** A cached kernel. */
interface Kept {
  readonly pipeline: Promise<GPUComputePipeline>
  /** Whether a driver that compiles at the first dispatch has compiled it. */
  rehearsed: boolean
}

/**
 * Several times the kernels of a training session. Each takes some tens of kilobytes, most of them in the
 * driver.
 */
const mostKept = 1024

/**
 * A cache of the compiled kernels of one device, and the layouts that they share. Group 0 holds the storage
 * buffers; group 1 holds uniforms: for kernels inside loops the loop indices at a dynamic offset, and for
 * kernels whose extents a run decides the open sizes. The cache keeps the `most` kernels that were used last
 * (least recently used ones go first). An executable holds its own kernels, so a dropped kernel is compiled
 * again only for another executable.
 */
export class PipelineCache {
  /** The most recently used ones come last. */
  readonly #kept = new Map<string, Kept>()
  readonly #layouts = new Map<string, GPUBindGroupLayout>()
  readonly #uniformLayouts = new Map<string, GPUBindGroupLayout>()

  constructor(
    private readonly gpu: GPUDevice,
    private readonly most = mostKept,
  ) {}

  /** How many kernels are kept. */
  get size(): number {
    return this.#kept.size
  }

  /** The layout of group 0 for storage buffers of these kinds. */
  storageLayout(bindings: KernelDecl['bindings']): GPUBindGroupLayout {
    const key = bindings.join()
    const known = this.#layouts.get(key)
    if (known !== undefined) return known
    const layout = this.gpu.createBindGroupLayout({
      entries: bindings.map((binding, i) => ({
        binding: i,
        visibility: stage.compute,
        buffer: { type: binding === 'read' ? 'read-only-storage' : 'storage' },
      })),
    })
    this.#layouts.set(key, layout)
    return layout
  }

  /**
   * The layout of group 1: the loop indices as a `vec4u`, if there are any, and the open sizes as a `vec4i`,
   * if there are any.
   */
  uniformLayout({ loops, sizes }: Uniforms): GPUBindGroupLayout {
    const key = `${loops} ${sizes}`
    const known = this.#uniformLayouts.get(key)
    if (known !== undefined) return known
    const entry = (binding: number, hasDynamicOffset: boolean): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: stage.compute,
      buffer: { type: 'uniform', hasDynamicOffset, minBindingSize: 16 },
    })
    const layout = this.gpu.createBindGroupLayout({
      entries: [...(loops ? [entry(0, true)] : []), ...(sizes ? [entry(1, false)] : [])],
    })
    this.#uniformLayouts.set(key, layout)
    return layout
  }

  /**
   * Compiles a kernel, or finds it compiled. Rejects with an internal `DeviceError` that shows the refused
   * line.
   */
  pipeline(kernel: KernelDecl): Promise<GPUComputePipeline> {
    const key = keyOf(kernel)
    const known = this.#kept.get(key)
    const kept = known ?? { pipeline: this.#compile(kernel), rehearsed: false }
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    if (known !== undefined) return known.pipeline
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > this.most && oldest !== undefined) this.#kept.delete(oldest)
    // The caller sees the failure. It is not cached, so a later call tries again.
    kept.pipeline.catch(() => {
      if (this.#kept.get(key) === kept) this.#kept.delete(key)
    })
    return kept.pipeline
  }

  /** Those of the kernels, each once, that no {@link markRehearsed} has named since they were compiled. */
  unrehearsed(kernels: readonly KernelDecl[]): readonly KernelDecl[] {
    const distinct = new Map(kernels.map(kernel => [keyOf(kernel), kernel]))
    return [...distinct].flatMap(([key, kernel]) => (this.#kept.get(key)?.rehearsed ? [] : [kernel]))
  }

  /** Remembers that a driver which compiles at the first dispatch has compiled this one. */
  markRehearsed(kernel: KernelDecl): void {
    const kept = this.#kept.get(keyOf(kernel))
    if (kept !== undefined) kept.rehearsed = true
  }

  async #compile(kernel: KernelDecl): Promise<GPUComputePipeline> {
    const { gpu } = this
    const storage = this.storageLayout(kernel.bindings)
    const uniforms = uniformsOf(kernel)
    const layout = gpu.createPipelineLayout({
      bindGroupLayouts: [storage, ...(hasUniforms(uniforms) ? [this.uniformLayout(uniforms)] : [])],
    })
    // The scope keeps WebGPU from reporting a refused module again as an uncaptured error.
    gpu.pushErrorScope('validation')
    const module = gpu.createShaderModule({ label: kernel.name, code: kernel.wgsl })
    const scope = gpu.popErrorScope()
    try {
      return await gpu.createComputePipelineAsync({
        label: kernel.name,
        layout,
        compute: { module, entryPoint: 'main' },
      })
    } catch (error) {
      throw await refusal(kernel, module, error)
    } finally {
      await scope
    }
  }
}
