import type { KernelDecl } from '../compiler/artifact.js'
import type { Device } from './device.js'
import { usage } from './flags.js'
import { hasUniforms, uniformsOf } from './pipelines.js'
import { uniformGroup } from './uniforms.js'

/** Enough for any element type. Accesses past the end are harmless: WebGPU bounds them. */
const standInBytes = 4096

/**
 * Dispatches one workgroup of a kernel on scratch buffers, so that the driver compiles it. {@link destroy}
 * frees the buffers.
 */
export class FirstDispatch {
  readonly #standIns: GPUBuffer[] = []
  readonly #indices: GPUBuffer
  #destroyed = false

  constructor(private readonly device: Device) {
    this.#indices = device.gpu.createBuffer({ label: 'rehearsal', size: 16, usage: usage.uniform })
  }

  /** Resolves when the kernel has run. Rejects with a `DeviceError` if the device refuses it or is lost. */
  async run(kernel: KernelDecl): Promise<void> {
    const { gpu, pipelines } = this.device
    const pipeline = await this.device.wait(pipelines.pipeline(kernel))
    if (this.#destroyed) return
    const encoder = gpu.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(
      0,
      gpu.createBindGroup({
        layout: pipelines.storageLayout(kernel.bindings),
        entries: kernel.bindings.map((_, binding) => ({
          binding,
          resource: { buffer: this.#standIn(binding) },
        })),
      }),
    )
    const uniforms = uniformsOf(kernel)
    if (hasUniforms(uniforms))
      pass.setBindGroup(
        1,
        uniformGroup(this.device, uniforms, { loops: this.#indices, sizes: this.#indices }),
        uniforms.loops ? [0] : [],
      )
    pass.dispatchWorkgroups(1)
    pass.end()
    gpu.queue.submit([encoder.finish()])
    await this.device.idle()
  }

  destroy(): void {
    this.#destroyed = true
    for (const buffer of [...this.#standIns, this.#indices]) buffer.destroy()
  }

  #standIn(binding: number): GPUBuffer {
    this.#standIns[binding] ??= this.device.gpu.createBuffer({
      label: 'rehearsal',
      size: standInBytes,
      usage: usage.storage,
    })
    return this.#standIns[binding]
  }
}
