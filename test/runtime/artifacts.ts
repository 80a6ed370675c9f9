import type { Artifact, BufferDecl, KernelDecl, Step, TensorDecl } from '../../compiler/artifact.js'

/** A kernel of 64 invocations a workgroup whose body sees `i`, its bindings as `b0`, `b1`, … and `loops`. */
export const kernel = (
  name: string,
  bindings: KernelDecl['bindings'],
  body: string,
  { type = 'f32', loops = 0 }: { readonly type?: string; readonly loops?: number } = {},
): KernelDecl => ({
  name,
  wgsl: [
    ...bindings.map((access, i) => `@group(0) @binding(${i}) var<storage, ${access}> b${i}: array<${type}>;`),
    ...(loops > 0 ? ['@group(1) @binding(0) var<uniform> loops: vec4u;'] : []),
    '@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {',
    '  let i = id.x;',
    `  ${body}`,
    '}',
  ].join('\n'),
  bindings,
  loops,
  workgroupSize: [64, 1, 1],
  flops: 0,
  bytes: 0,
  schedule: 'by hand',
  origins: [],
})

export const buffer = (role: BufferDecl['role'], elements: number): BufferDecl => ({
  role,
  bytes: 4 * elements,
})

export const tensor = (
  name: string,
  shape: readonly number[],
  number: number,
  dtype: TensorDecl['dtype'] = 'f32',
): TensorDecl => ({ name, dtype, shape, buffer: number, offset: 0 })

export const dispatch = (kernelNumber: number, buffers: readonly number[], elements: number): Step => ({
  kind: 'dispatch',
  kernel: kernelNumber,
  buffers,
  workgroups: [Math.ceil(elements / 64), 1, 1],
})

export const artifact = (
  parts: Pick<Artifact, 'buffers' | 'inputs' | 'outputs' | 'kernels' | 'steps'> & Partial<Artifact>,
): Artifact => ({
  format: 'jola-artifact-2',
  name: 'by hand',
  requires: {
    features: [],
    matrices: [],
    storageBuffersPerStage: 1,
    bindingBytes: 16,
    bufferBytes: 16,
    workgroupInvocations: 64,
    workgroupSize: [64, 1, 1],
    workgroupBytes: 0,
    workgroupsPerDimension: 1,
    unaddressable: [],
  },
  peakBytes: parts.buffers.reduce((sum, { bytes }) => sum + bytes, 0),
  leastBytes: parts.buffers.reduce((sum, { bytes }) => sum + bytes, 0),
  ...parts,
})

/** `sum[i] = x[i] + y[i]`. */
export const addition = (elements: number): Artifact =>
  artifact({
    name: 'addition',
    buffers: [buffer('input', elements), buffer('input', elements), buffer('output', elements)],
    inputs: [tensor('x', [elements], 0), tensor('y', [elements], 1)],
    outputs: [tensor('sum', [elements], 2)],
    kernels: [kernel('add', ['read', 'read', 'read_write'], `if i < ${elements} { b2[i] = b0[i] + b1[i]; }`)],
    steps: [dispatch(0, [0, 1, 2], elements)],
  })
