import type { KernelDecl } from '../compiler/artifact.js'
import type { Device } from './device.js'
import { usage } from './flags.js'

/** Enough for any element type, and for kernels to read and write without harm: past its end they are held back. */
const standInBytes = 4096

/**
 * Has a software device compile kernels ahead of their first run. Its driver does so at a kernel's first dispatch, one after the
 * other, which takes seconds unless the driver's cache has them: so each is dispatched once, a single workgroup on buffers
 * of nobody, and `ready` is told how many are done. Does nothing on other devices, whose pipelines are complete once loaded.
 */
export const rehearse = async (
  device: Device,
  kernels: readonly KernelDecl[],
  ready: (done: number, total: number) => void,
): Promise<void> => {
  if (!device.traits.software) return
  const { gpu, pipelines } = device
  const distinct = [
    ...new Map(kernels.map(k => [`${k.bindings.join()} ${k.loops > 0} ${k.wgsl}`, k])).values(),
  ]
  const most = Math.max(0, ...distinct.map(k => k.bindings.length))
  const standIns = Array.from({ length: most }, () =>
    gpu.createBuffer({ label: 'rehearsal', size: standInBytes, usage: usage.storage }),
  )
  const indices = gpu.createBuffer({ label: 'rehearsal', size: 16, usage: usage.uniform })
  const loops = gpu.createBindGroup({
    layout: pipelines.loopLayout,
    entries: [{ binding: 0, resource: { buffer: indices, size: 16 } }],
  })
  try {
    for (const [i, kernel] of distinct.entries()) {
      const encoder = gpu.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(await device.wait(pipelines.pipeline(kernel)))
      pass.setBindGroup(
        0,
        gpu.createBindGroup({
          layout: pipelines.storageLayout(kernel.bindings),
          entries: kernel.bindings.map((_, binding) => ({
            binding,
            resource: { buffer: standIns[binding] },
          })),
        }),
      )
      if (kernel.loops > 0) pass.setBindGroup(1, loops, [0])
      pass.dispatchWorkgroups(1)
      pass.end()
      gpu.queue.submit([encoder.finish()])
      await device.idle()
      ready(i + 1, distinct.length)
    }
  } finally {
    for (const buffer of [...standIns, indices]) buffer.destroy()
  }
}
