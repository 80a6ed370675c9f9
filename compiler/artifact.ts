import type { Packing } from './ir/packing.js'
import type { Chosen } from './schedule/schedule.js'
import type { DType } from './types/type.js'
import type { Slice } from './wgsl/slices.js'

export type { Packing } from './ir/packing.js'
export type { Slice } from './wgsl/slices.js'

/**
 * What the compiler hands to the runtime: kernels as WGSL, buffers, and the order of dispatches. Plain JSON: every number is finite, and none
 * is −0. Everything is planned: nothing here depends on values. It is right on every device that has what it `requires`.
 */
export interface Artifact {
  readonly format: 'jola-artifact-2'
  readonly name: string
  readonly requires: Requirements
  /** Physical buffers; tensors whose lives do not overlap share one. */
  readonly buffers: readonly BufferDecl[]
  readonly inputs: readonly TensorDecl[]
  readonly outputs: readonly TensorDecl[]
  readonly kernels: readonly KernelDecl[]
  readonly steps: readonly Step[]
  /** Bytes of all buffers together, inputs included. */
  readonly peakBytes: number
  /** The most bytes that hold something needed at one moment: no plan of the same steps takes less. */
  readonly leastBytes: number
}

/** What a device must have for an artifact's kernels to compute what they should: the most of each that any kernel needs. */
export interface Requirements {
  readonly features: readonly KernelFeature[]
  /** How many lanes every subgroup has, at least and at most; absent where no kernel asks its subgroup. */
  readonly subgroups?: { readonly least: number; readonly most: number }
  /** Products that its matrix units must offer. */
  readonly matrices: readonly MatrixUnit[]
  readonly storageBuffersPerStage: number
  /** Of a binding, and of a whole buffer. */
  readonly bindingBytes: number
  readonly bufferBytes: number
  /** Of what all offsets of bindings are multiples, in bytes; absent where all begin with their buffer. */
  readonly bindingAlignment?: number
  readonly workgroupInvocations: number
  /** In each dimension. */
  readonly workgroupSize: readonly [number, number, number]
  /** Of workgroup memory. */
  readonly workgroupBytes: number
  readonly workgroupsPerDimension: number
  /** Of what kernels bind, what has more elements than they can address: no device will do. */
  readonly unaddressable: readonly Unaddressable[]
  /** Tensors that a kernel binds in several parts, since they are larger than a binding may be; absent where there are none. */
  readonly windowed?: readonly Windowed[]
}

/** A tensor that takes so many of a kernel's bindings. */
export interface Windowed {
  readonly tensor: string
  readonly bindings: number
}

/** A tensor of which a kernel binds more elements than the `most` that it can address. */
export interface Unaddressable {
  readonly tensor: string
  readonly elements: number
  readonly most: number
  readonly packing?: Packing
}

/** Features of a device that a kernel may need, by WebGPU's names. */
export type KernelFeature = 'subgroups' | 'shader-f16' | 'chromium-experimental-subgroup-matrix'

/** `input`s are brought by the caller, `literal`s uploaded once, `output`s and `temp`s made by the runtime. */
export interface BufferDecl {
  readonly bytes: number
  readonly role: 'input' | 'output' | 'temp' | 'literal'
  /** Content of a literal from the buffer's begin on: 32-bit words as whole numbers from 0; of f32 the bits. */
  readonly words?: readonly number[]
}

/** `bool` is stored as u32 0 or 1. `offset` is in bytes from the start of the buffer. */
export interface TensorDecl {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly buffer: number
  readonly offset: number
  /** Of an i32 input that holds indices: its values must be at least 0 and below this. Whoever brings them sees to that. */
  readonly below?: number
  /** Of an f32 input that is brought packed. */
  readonly packing?: Packing
  /** Of an output: the input whose tensor it takes over. Where both are in one buffer it is written in place. */
  readonly replaces?: string
}

/**
 * `@group(0) @binding(i)` are `bindings` in order. A kernel with `loops` > 0 also has `@group(1) @binding(0) var<uniform>`
 * of type `vec4u` whose components are the indices of the enclosing loops, outermost first (four at most).
 * The entry point is `main`.
 */
export interface KernelDecl {
  readonly name: string
  readonly wgsl: string
  readonly bindings: readonly ('read' | 'read_write')[]
  /** How many of the enclosing loops, from the outermost, it needs the index of. */
  readonly loops: number
  readonly workgroupSize: readonly [number, number, number]
  /** For `explain` and profiles, a dispatch: arithmetic, bytes read and written once each, and where it came from. */
  readonly flops: number
  readonly bytes: number
  /** The schedule in a line for people. */
  readonly schedule: string
  /** The same as data, where there was a choice. */
  readonly chosen?: Chosen
  readonly origins: readonly string[]
}

export type Step =
  | {
      readonly kind: 'dispatch'
      readonly kernel: number
      readonly buffers: readonly number[]
      /** Of each buffer the part that is bound, `null` for the whole; absent where all are bound whole. */
      readonly slices?: readonly (Slice | null)[]
      readonly workgroups: readonly [number, number, number]
    }
  /** Runs `steps` with the loop's index at 0 … count - 1, or backwards. */
  | {
      readonly kind: 'loop'
      readonly count: number
      readonly direction: 'up' | 'down'
      readonly steps: readonly Step[]
    }
  | {
      readonly kind: 'copy'
      readonly from: number
      readonly fromOffset: number
      readonly to: number
      readonly toOffset: number
      readonly bytes: number
    }

/** What the compiler needs to know of a device to choose schedules. */
export interface DeviceTraits {
  readonly name: string
  /** A software device (llvmpipe, SwiftShader) wants other schedules than a GPU. */
  readonly software: boolean
  /** 0 when the device has no subgroups, or their size is not fixed. */
  readonly subgroupSize: number
  readonly storageBuffersPerStage: number
  readonly bindingBytes: number
  /** The largest buffer. */
  readonly bufferBytes: number
  /** What offsets of bindings are multiples of, in bytes. */
  readonly bindingAlignment: number
  readonly workgroupInvocations: number
  readonly workgroupBytes: number
  readonly workgroupsPerDimension: number
  /** What products under a sum may be computed in: `f16` where the device has it and whoever opened it allows it. */
  readonly precision: Precision
  /** What its matrix units multiply; empty where WGSL can't reach any. */
  readonly matrices: readonly MatrixUnit[]
}

/** `f16`: operands may be rounded to it, where the device gains by that; sums are f32 always. */
export type Precision = 'f32' | 'f16'

/** A subgroup's product of an `m × k` and a `k × n` matrix of `component`s, summed in `result`s. */
export interface MatrixUnit {
  readonly component: 'f16' | 'f32'
  readonly result: 'f16' | 'f32'
  readonly m: number
  readonly n: number
  readonly k: number
}
