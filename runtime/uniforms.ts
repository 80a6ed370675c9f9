import type { Device } from './device.js'
import type { Uniforms } from './pipelines.js'

/** A bind group for the uniforms that a kernel has. */
export const uniformGroup = (
  device: Device,
  uniforms: Uniforms,
  buffers: { readonly loops: GPUBuffer | undefined; readonly sizes: GPUBuffer | undefined },
): GPUBindGroup =>
  device.gpu.createBindGroup({
    layout: device.pipelines.uniformLayout(uniforms),
    entries: [
      ...(uniforms.loops ? [{ binding: 0, resource: { buffer: buffers.loops!, size: 16 } }] : []),
      ...(uniforms.sizes ? [{ binding: 1, resource: { buffer: buffers.sizes!, size: 16 } }] : []),
    ],
  })
