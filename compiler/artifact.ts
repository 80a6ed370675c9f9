/**
 * The compiler's result for the runtime: kernels as WGSL, buffers, and the order of dispatches. It is plain
 * JSON: every number is finite, and none is −0. Everything is planned ahead, and nothing here depends on
 * values. An artifact computes the right values on every device that has what it `requires`.
 */
export interface Artifact {
  readonly format: 'jola-artifact-2'
  readonly name: string
  readonly requires: Requirements
  /** Physical buffers. Tensors whose live ranges do not overlap share one. */
  readonly buffers: readonly BufferDecl[]
  readonly inputs: readonly TensorDecl[]
  readonly outputs: readonly TensorDecl[]
  /** The sizes that a run decides; absent where there are none. Memory is laid out for the most of each. */
  readonly sizes?: readonly OpenSize[]
  readonly kernels: readonly KernelDecl[]
  readonly steps: readonly Step[]
  /** Bytes of all buffers together, inputs included. */
  readonly peakBytes: number
  /** The most bytes that are live at one moment. No plan of the same steps takes less. */
  readonly leastBytes: number
}

/**
 * The properties that a device must have for an artifact's kernels to be right: of each, the most that any
 * kernel needs.
 */
export interface Requirements {
  readonly features: readonly KernelFeature[]
  /** The lanes that every subgroup has, at least and at most; absent where no kernel uses subgroups. */
  readonly subgroups?: { readonly least: number; readonly most: number }
  /** Products that its matrix units must offer. */
  readonly matrices: readonly MatrixUnit[]
  readonly storageBuffersPerStage: number
  /** Limits of a binding and of a whole buffer. */
  readonly bindingBytes: number
  readonly bufferBytes: number
  /**
   * Bytes of which all offsets of bindings are multiples; absent where all bindings begin with their buffer.
   */
  readonly bindingAlignment?: number
  readonly workgroupInvocations: number
  /** In each dimension. */
  readonly workgroupSize: readonly [number, number, number]
  /** Limit of workgroup memory. */
  readonly workgroupBytes: number
  readonly workgroupsPerDimension: number
  /** Tensors that have more elements than a kernel can address. No device is enough for them. */
  readonly unaddressable: readonly UnaddressableTensor[]
  /**
   * Tensors that a kernel binds in several windows, since they are larger than a binding; absent where there
   * are none.
   */
  readonly windowed?: readonly WindowedTensor[]
}

/** A tensor that takes several of a kernel's bindings. */
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

/**
 * A buffer. The caller brings `input`s; the runtime uploads `literal`s once, and makes `output`s and `temp`s.
 */
export interface BufferDecl {
  readonly bytes: number
  readonly role: 'input' | 'output' | 'temp' | 'literal'
  /**
   * The content of a literal from the start of its buffer: 32-bit words as unsigned whole numbers; of an f32
   * its bits.
   */
  readonly words?: readonly number[]
}

/**
 * A tensor in a buffer. A `bool` is stored as u32 0 or 1. `offset` is in bytes from the start of the buffer.
 */
export interface TensorDecl {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly buffer: number
  readonly offset: number
  /**
   * For an i32 input that holds indices: its values must be at least 0 and below this. The caller checks
   * that.
   */
  readonly below?: number
  /** For an f32 input that the caller packs. */
  readonly packing?: Packing
  /**
   * For an output: the input that it replaces. Where both are in one buffer, the output is written in place.
   */
  readonly replaces?: string
}

/**
 * A kernel. `@group(0) @binding(i)` are `bindings` in order. A kernel with `loops` > 0 also has `@group(1)
 * @binding(0) var<uniform>` of type `vec4u`, whose components are the indices of the enclosing loops,
 * outermost first (four at most). The entry point is `main`.
 */
export interface KernelDecl {
  readonly name: string
  readonly wgsl: string
  readonly bindings: readonly ('read' | 'read_write')[]
  /** The number of enclosing loops, from the outermost on, up to the innermost one whose index it needs. */
  readonly loops: number
  /**
   * It also has `@group(1) @binding(1) var<uniform>` of type `vec4i`, whose components are the open sizes in
   * a run.
   */
  readonly sizes?: true
  readonly workgroupSize: readonly [number, number, number]
  /**
   * Work of one dispatch, for `explain` and profiles: arithmetic, and bytes read and written, each tensor
   * once.
   */
  readonly flops: number
  readonly bytes: number
  /** The schedule, in one line for people. */
  readonly schedule: string
  /** The schedule as data, with the candidates that it was chosen from. */
  readonly chosen?: ChosenSchedule
  readonly origins: readonly string[]
}

export type Step =
  | {
      readonly kind: 'dispatch'
      readonly kernel: number
      readonly buffers: readonly number[]
      /** The bound part of each buffer, `null` for the whole; absent where all buffers are bound whole. */
      readonly slices?: readonly (Slice | null)[]
      /** A grid, which is the most where open sizes decide the number of workgroups. */
      readonly workgroups: readonly [number, number, number]
      /** The number of workgroups, where open sizes decide it: as many of the grid run, in its order. */
      readonly count?: Count
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

/** The properties of a device that the compiler chooses schedules by. */
export interface DeviceTraits {
  readonly name: string
  /** A software device (llvmpipe, SwiftShader) wants other schedules than a GPU. */
  readonly software: boolean
  /** 0 where the device has no subgroups, or where their size is not fixed. */
  readonly subgroupSize: number
  readonly storageBuffersPerStage: number
  readonly bindingBytes: number
  /** The largest buffer. */
  readonly bufferBytes: number
  /** Bytes of which offsets of bindings must be multiples. */
  readonly bindingAlignment: number
  readonly workgroupInvocations: number
  readonly workgroupBytes: number
  readonly workgroupsPerDimension: number
  /** The precision of products under a sum: `f16` where the device has it and its opener allows it. */
  readonly precision: Precision
  /** The products of its matrix units; empty where WGSL cannot use any. */
  readonly matrices: readonly MatrixUnit[]
}

/** With `f16`, operands may be rounded to it where the device gains by that. Sums are always f32. */
export type Precision = 'f32' | 'f16'

/**
 * A product that a subgroup computes at once: an `m × k` by a `k × n` matrix of `component`s, summed as
 * `result`s.
 */
export interface MatrixUnit {
  readonly component: 'f16' | 'f32'
  readonly result: 'f16' | 'f32'
  readonly m: number
  readonly n: number
  readonly k: number
}

/** A size that a run decides: a multiple of `step`, `most` at most. */
export interface OpenSize {
  readonly name: string
  readonly most: number
  readonly step: number
}

/**
 * An extent that a run decides, up to the most that a graph is made for: `⌈(scale · n + shift) / per⌉`, where
 * n is the open size's number in that run, a multiple of `step`.
 */
export interface OpenExtent {
  /** The number of the open size in the artifact's `sizes`. */
  readonly size: number
  readonly scale: number
  readonly shift: number
  readonly per: number
  readonly step: number
}

/**
 * A number of things that open sizes decide: `⌈(Π parts) / per⌉`, `most` where the sizes are the most. A
 * plain number is the same in every run.
 */
export type Count =
  | number
  | { readonly most: number; readonly per: number; readonly parts: readonly (Count | OpenExtent)[] }

/** The element types that a device stores. */
export type DType = 'f32' | 'i32' | 'u32' | 'bool'

/**
 * How an f32 input is stored in fewer bits. Kernels unpack it where they read it, and a program sees f32
 * values. The elements, in row-major order, are cut into blocks of 32, the last one filled up with zeros.
 * Words are little-endian.
 *
 * - `f16`, `bf16`: 16 bits an element.
 * - `q8`: first the blocks' elements, a signed byte each, then the blocks' scales, an f32 each; a value is
 *   byte · scale.
 * - `blocks …`: blocks of llama.cpp's types, of which the name is the layout (`ir/block-packing.ts`).
 */
export type Packing = 'f16' | 'bf16' | 'q8' | BlockPacking

/** Types of llama.cpp in which the elements of a block share scales. */
export type BlockType =
  | 'Q4_0'
  | 'Q4_1'
  | 'Q5_0'
  | 'Q5_1'
  | 'Q8_0'
  | 'Q2_K'
  | 'Q3_K'
  | 'Q4_K'
  | 'Q5_K'
  | 'Q6_K'
  | 'IQ2_XXS'

/** How many equal parts of a tensor are stored as which type, in order: `blocks 2*Q2_K 20*IQ2_XXS`. */
export type BlockPacking = `blocks ${string}`

/** The part of a buffer that a dispatch binds. */
export interface Slice {
  /**
   * Bytes: the start of the part in the first iteration of all loops, and for each loop, outermost first, how
   * far the start moves with its index.
   */
  readonly offset: number
  readonly strides: readonly number[]
  /** In bytes; less where the buffer ends. */
  readonly size: number
}

/** How a flat index space is laid over threads. */
export interface MapSchedule {
  readonly family: 'map'
  /** Threads of a workgroup. */
  readonly threads: number
  /** Positions that a thread handles one after another, each a workgroup's size after the last. */
  readonly steps: number
  /** Neighbours that a thread handles at a time. */
  readonly width: 1 | 4
}

/** How rows are laid over threads. */
export interface RowsSchedule {
  readonly family: 'rows'
  /** Threads that compute a row together: 1, or the lanes of a subgroup. */
  readonly lanes: number
  /** Rows, or fours of them, that are computed at once, so that shared operands are loaded once. */
  readonly rows: number
  /** Times that they do so, each time with the rows that follow. It saves launches. */
  readonly steps: number
  /** Threads of a workgroup. */
  readonly threads: number
  /** The axis along which four neighbours are handled at a time. */
  readonly vector: 'row' | 'inner' | 'none'
}

/** How slots are laid over threads: one thread for each slot. */
export interface ScatterSchedule {
  readonly family: 'scatter'
  /** Threads of a workgroup. */
  readonly threads: number
}

/** How a loop inside a kernel is laid over threads. */
export interface ScanSchedule {
  readonly family: 'scan'
  /** Threads that run a lane together: 1, or all of a workgroup. */
  readonly team: number
  /** Threads of a workgroup. */
  readonly threads: number
}

/**
 * The settings of the families without workgroup memory (register blocking): a thread owns some columns, and
 * all rows, of its workgroup's tile.
 */
export interface ColumnLayout {
  /** The operands are exchanged: the product's columns are the rows here. */
  readonly turned: boolean
  readonly rows: number
  /** Neighbouring columns a thread. */
  readonly columns: 1 | 4
  /** The axis along which four neighbours of the left operand are loaded, and of the right operand. */
  readonly left: 'k' | 'm'
  readonly right: 'k' | 'n'
  /** Positions along `k` in one iteration of the loop. */
  readonly step: 1 | 4
  /**
   * The epilogue is written once for each row, or runs in a loop that reads the sums back from the output.
   */
  readonly epilogue: 'unrolled' | 'loop'
  /** The axis along which consecutive workgroups lie; they share the other operand's tile in the cache. */
  readonly fastest: 'm' | 'n'
}

/** A workgroup is one subgroup, whose lanes share the rows of the left operand by broadcast. */
export interface BroadcastSchedule extends ColumnLayout {
  readonly family: 'broadcast'
  readonly lanes: number
}

/** Nothing is shared: every thread loads the rows of the left operand itself. */
export interface RegisterSchedule extends ColumnLayout {
  readonly family: 'register'
  readonly threads: number
}

/** The settings of the families with tiles in workgroup memory. */
export interface TileLayout {
  /** The operands are exchanged: the product's columns are the rows here. */
  readonly turned: boolean
  readonly rows: number
  readonly columns: number
  /** Positions along `k` of a tile. */
  readonly depth: number
  readonly fastest: 'm' | 'n'
}

/** Operands are tiles in workgroup memory, sums are in registers. */
export interface TileSchedule extends TileLayout {
  readonly family: 'tile'
  /** Threads along the rows and along the columns; `parts` groups of them divide `k` among them. */
  readonly threads: { readonly m: number; readonly n: number }
  readonly parts: number
  /** With two buffers, the next tile is loaded while the present one is multiplied (double buffering). */
  readonly buffers: 1 | 2
  /** With `f16`, four products are summed in f16 before they are added to a sum, which is always f32. */
  readonly arithmetic: 'f32' | 'f16'
}

/** Operands are tiles in workgroup memory, multiplied by the device's matrix units. */
export interface MatrixSchedule extends TileLayout {
  readonly family: 'matrix'
  readonly unit: MatrixUnit
  readonly lanes: number
  /** Subgroups along the rows and along the columns. */
  readonly subgroups: { readonly m: number; readonly n: number }
}

/** How a contraction is laid over threads. */
export type ContractSchedule = BroadcastSchedule | RegisterSchedule | TileSchedule | MatrixSchedule

/** How a kernel is laid over threads: plain data. The field `family` says which writer it is for. */
export type Schedule = ContractSchedule | MapSchedule | RowsSchedule | ScanSchedule | ScatterSchedule

/**
 * The schedule of a kernel, and the candidates that it was chosen from. Kernels with one `signature` have the
 * same candidates.
 */
export interface ChosenSchedule {
  readonly signature: string
  readonly schedule: Schedule
  readonly candidates: readonly Schedule[]
}
