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
  readonly unaddressable: readonly UnaddressableTensor[]
  /** Tensors that a kernel binds in several parts, since they are larger than a binding may be; absent where there are none. */
  readonly windowed?: readonly WindowedTensor[]
}

/** A tensor that takes so many of a kernel's bindings. */
export interface WindowedTensor {
  readonly tensor: string
  readonly bindings: number
}

/** A tensor of which a kernel binds more elements than the `most` that it can address. */
export interface UnaddressableTensor {
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
  readonly chosen?: ChosenSchedule
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

/** The element types that a device stores. */
export type DType = 'f32' | 'i32' | 'u32' | 'bool'

/**
 * How an f32 input is stored in fewer bits and unpacked where it is read; a program sees f32 values all the same. The elements, in
 * row-major order, are cut into blocks of 32, the last one filled up with zeros; words are little-endian.
 * - `f16`, `bf16`: 16 bits an element.
 * - `q8`: first the blocks' elements, a signed byte each, then the blocks' scales, an f32 each; a value is byte · scale.
 */
export type Packing = 'f16' | 'bf16' | 'q8'

/** The part of a buffer that a dispatch binds. */
export interface Slice {
  /** In bytes: where it begins in the loops' first iterations, and how much further on for each index of each loop, outermost first. */
  readonly offset: number
  readonly strides: readonly number[]
  /** In bytes; less where the buffer ends. */
  readonly size: number
}

/** How a flat index space is laid on threads. */
export interface MapSchedule {
  readonly family: 'map'
  /** Threads of a workgroup. */
  readonly threads: number
  /** Indices, a workgroup apart, that a thread handles in turn. */
  readonly steps: number
  /** Four neighbours a time, or one. */
  readonly width: 1 | 4
}

/** How rows are laid on threads. */
export interface RowsSchedule {
  readonly family: 'rows'
  /** Threads that go through a row together: 1, or the lanes of a subgroup. */
  readonly lanes: number
  /** Rows (or fours of them) that they make at once, so that what rows have in common is loaded once. */
  readonly rows: number
  /** How often they do so, going on with the rows that follow: what is launched once costs less than what is launched often. */
  readonly steps: number
  /** Threads of a workgroup. */
  readonly threads: number
  /** The axis of which four neighbours are handled at a time. */
  readonly vector: 'row' | 'inner' | 'none'
}

/** How slots are laid on threads: one thread each. */
export interface ScatterSchedule {
  readonly family: 'scatter'
  /** Threads of a workgroup. */
  readonly threads: number
}

/** What the families without shared memory have in common: a thread owns some columns, and all rows, of its workgroup's tile. */
export interface ColumnLayout {
  /** The operands' roles are exchanged: what are columns otherwise are rows. */
  readonly turned: boolean
  readonly rows: number
  /** Neighbouring columns a thread. */
  readonly columns: 1 | 4
  /** Along which axis four neighbours of the operand are loaded. */
  readonly left: 'k' | 'm'
  readonly right: 'k' | 'n'
  /** Positions along `k` in one turn of the loop. */
  readonly step: 1 | 4
  /** What follows the sum is in the text once for each row, or runs in a loop that reads the sums back. */
  readonly epilogue: 'unrolled' | 'loop'
  /** Which tiles follow one another: those that share the larger operand's tile, which then stays in the cache. */
  readonly fastest: 'm' | 'n'
}

/** A workgroup is one subgroup, whose lanes share the rows of the left operand by broadcast. */
export interface BroadcastSchedule extends ColumnLayout {
  readonly family: 'broadcast'
  readonly lanes: number
}

/** No sharing: every thread loads the rows of the left operand itself. */
export interface RegisterSchedule extends ColumnLayout {
  readonly family: 'register'
  readonly threads: number
}

/** What the families with tiles in workgroup memory have in common. */
export interface TileLayout {
  /** The operands' roles are exchanged: what are columns otherwise are rows. */
  readonly turned: boolean
  readonly rows: number
  readonly columns: number
  /** Positions along `k` of a tile. */
  readonly depth: number
  readonly fastest: 'm' | 'n'
}

/** Operands in tiles of workgroup memory, sums in registers. */
export interface TileSchedule extends TileLayout {
  readonly family: 'tile'
  /** Threads along the rows and along the columns, and groups of them that share out `k`. */
  readonly threads: { readonly m: number; readonly n: number }
  readonly parts: number
  /** With two buffers the next tile is brought while one is multiplied. */
  readonly buffers: 1 | 2
  /** In f16 four products are summed before they are added to a sum, which is f32 always. */
  readonly arithmetic: 'f32' | 'f16'
}

/** Operands in tiles of workgroup memory, multiplied by the device's matrix units. */
export interface MatrixSchedule extends TileLayout {
  readonly family: 'matrix'
  readonly unit: MatrixUnit
  readonly lanes: number
  /** Subgroups along the rows and along the columns. */
  readonly subgroups: { readonly m: number; readonly n: number }
}

/** How one contraction is laid over threads. */
export type ContractSchedule = BroadcastSchedule | RegisterSchedule | TileSchedule | MatrixSchedule

/** How one kernel is laid over threads: plain data, told apart by the family that writes it. */
export type Schedule = ContractSchedule | MapSchedule | RowsSchedule | ScatterSchedule

/** The schedule of a kernel, where it was chosen among several, and what it was chosen from. */
export interface ChosenSchedule {
  readonly signature: string
  readonly schedule: Schedule
  readonly candidates: readonly Schedule[]
}
