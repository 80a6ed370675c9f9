import type { Artifact } from '../../../compiler/artifact.js'
import { workgroupBytes } from '../../../compiler/backend/requirements.js'

/** A tensor that a hand-written kernel reads: f32, row-major, bound in the order of the list. */
export interface HandInput {
  readonly name: string
  readonly shape: readonly number[]
}

/**
 * A kernel written by hand: `main` of a WGSL text whose bindings are the inputs in order and then the result.
 */
export interface HandKernel {
  /** Its name in the table. */
  readonly name: string
  readonly wgsl: string
  readonly inputs: readonly HandInput[]
  readonly shape: readonly number[]
  readonly workgroupSize: number
  /** Workgroups along x and y. */
  readonly grid: readonly [number, number]
  readonly subgroups: boolean
}

const bytesOf = (shape: readonly number[]): number => 4 * shape.reduce((a, b) => a * b, 1)

/**
 * A hand-written kernel as an artifact, so that it runs in the same way as a compiled one. Its output is
 * `result`.
 */
export const handArtifact = (kernel: HandKernel): Artifact => {
  const result = kernel.inputs.length
  const shapes = [...kernel.inputs.map(i => i.shape), kernel.shape]
  return {
    format: 'jola-artifact-2',
    name: kernel.name,
    requires: {
      features: kernel.subgroups ? ['subgroups'] : [],
      storageBuffersPerStage: shapes.length,
      matrices: [],
      bindingBytes: Math.max(...shapes.map(bytesOf)),
      bufferBytes: Math.max(...shapes.map(bytesOf)),
      workgroupInvocations: kernel.workgroupSize,
      workgroupSize: [kernel.workgroupSize, 1, 1],
      workgroupBytes: workgroupBytes(kernel.wgsl),
      workgroupsPerDimension: Math.max(...kernel.grid),
      unaddressable: [],
    },
    buffers: shapes.map((shape, i) => ({ bytes: bytesOf(shape), role: i === result ? 'output' : 'input' })),
    inputs: kernel.inputs.map((input, i) => ({ ...input, dtype: 'f32', buffer: i, offset: 0 })),
    outputs: [{ name: 'result', dtype: 'f32', shape: kernel.shape, buffer: result, offset: 0 }],
    kernels: [
      {
        name: 'hand',
        wgsl: kernel.wgsl,
        bindings: shapes.map((_, i) => (i === result ? 'read_write' : 'read')),
        loops: 0,
        workgroupSize: [kernel.workgroupSize, 1, 1],
        flops: 0,
        bytes: shapes.reduce((n, s) => n + bytesOf(s), 0),
        schedule: kernel.name,
        origins: [],
      },
    ],
    steps: [
      {
        kind: 'dispatch',
        kernel: 0,
        buffers: [...shapes.keys()],
        workgroups: [kernel.grid[0], kernel.grid[1], 1],
      },
    ],
    peakBytes: shapes.reduce((n, s) => n + bytesOf(s), 0),
    leastBytes: shapes.reduce((n, s) => n + bytesOf(s), 0),
  }
}

/** Declarations of bindings, all but the last read-only; each an array of one element type. */
export const bindings = (...list: readonly (readonly [name: string, element: string])[]): string =>
  list
    .map(
      ([name, element], i) =>
        `@group(0) @binding(${i}) var<storage, ` +
        `${i === list.length - 1 ? 'read_write' : 'read'}> ${name}: array<${element}>;`,
    )
    .join('\n')

/** 0 … n - 1, for unrolling. */
export const upTo = (n: number): readonly number[] => [...Array(n).keys()]
