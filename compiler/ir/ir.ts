/*
 * The tensor IR: the form between the typed core and kernels.
 * A graph is a list of tensors. Besides inputs and literals there is one kind of node, `for dims ->
 * reduce(op, axes) -> scalar expression over reads of other nodes` (as in Halide and tinygrad: a pure
 * definition without a schedule), and one kind of region, the loop that a `fold` becomes. All sizes are
 * numbers. For example `softmax` of x: f32[4] becomes
 *     %1 = max i=4: x[i]        %2 = sum i=4: exp(x[i] - %1)        %3[i=4] = exp(x[i] - %1) / %2
 * `prims.ts` says what each scalar operation means, `verify.ts` what a well-formed graph is,
 * `interpret.ts` runs one.
 * Nothing here says how a graph is computed on a device: that is for the rooms `kernel`, `fuse` and
 * `schedule`.
 */
import type { DType, OpenExtent, OpenSize, Packing } from '../artifact.js'
import type { CoreOp } from '../core/core.js'
import type { Span } from '../diagnostics/source.js'

export type { DType, OpenExtent, OpenSize } from '../artifact.js'

/**
 * The tensor IR. A graph of values, each a tensor over named index variables. Apart from inputs and
 * literals there is one kind of node, `for dims -> reduce(op, axes) -> scalar expression over reads of
 * other nodes`, and one region, the loop that a `fold` becomes. All sizes are numbers here.
 */
export type NodeId = number
export type AxisId = number
export type RegionId = number

/**
 * An index variable: it runs from 0 to `extent` - 1. Its id is unique in the graph. With `open` a run may
 * make it shorter; `extent` is then the most, by which memory is laid out.
 */
export interface Axis {
  readonly id: AxisId
  readonly name: string
  readonly extent: number
  readonly open?: OpenExtent
}

/** Where a node came from: for `explain`, profiles and messages. */
export interface Origin {
  readonly label: string
  readonly span?: Span
}

export interface InputNode {
  readonly kind: 'input'
  readonly id: NodeId
  /** `tokens`, `w.layers.wq`. */
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /** The storage format, if an f32 input is stored in fewer bits. */
  readonly packing?: Packing
  /** The bound, if an i32 input holds indices: its values are at least 0 and below this. */
  readonly below?: number
  /** The dimensions whose extents a run decides; all others are absent. */
  readonly open?: readonly (OpenExtent | undefined)[]
  /** The input is the number that an open size has in a run, which is at most this. */
  readonly size?: { readonly number: number; readonly most: number }
  readonly origin: Origin
}

export interface LiteralNode {
  readonly kind: 'literal'
  readonly id: NodeId
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Row-major. */
  readonly data: readonly number[]
  readonly origin: Origin
}

export type ReduceOp = 'sum' | 'prod' | 'max' | 'min' | 'argmax' | 'argmin'

/**
 * `dims` are the tensor's dimensions in row-major order. Each is a product of axes (usually one): `[[j, g],
 * [t], [d]]` has shape `[|j|·|g|, |t|, |d|]` and is read at `[j·|g| + g, t, d]`. Every axis occurs once. In
 * a region the first dims are the axes of the region and of its parents, outermost first. argmax and argmin
 * have exactly one reduce axis, dtype i32, and take the first of equals.
 */
export interface ComputeNode {
  readonly kind: 'compute'
  readonly id: NodeId
  readonly dtype: DType
  readonly dims: readonly (readonly Axis[])[]
  readonly reduce?: { readonly op: ReduceOp; readonly axes: readonly Axis[] }
  readonly body: Expr
  /**
   * Conditions outside of which a reduction's term is the reduction's identity, as long as all numbers are
   * finite; without a reduction, outside of which the body is a `select`'s constant. Kernels need not go
   * there. Found by the room `band`, right before nodes are grouped.
   */
  readonly band?: readonly Expr[]
  /** Conditions outside of which no reader uses the value: memory may hold anything there. */
  readonly readBand?: readonly Expr[]
  readonly region?: RegionId
  readonly origin: Origin
}

/**
 * A value that a loop carries from one iteration to the next, as a tensor of all its values: shape `[count
 * + 1, …]` (after the axes of the parents of the region, if any). With `up`: slot 0 is `init`, iteration l
 * reads slot l, and slot l + 1 is `next` at l. With `down` iterations run from count - 1 to 0: slot count
 * is `init`, iteration l reads slot l + 1, and slot l is `next` at l. `init` lies outside the region (in
 * its parent), `next` inside.
 */
export interface CarryNode {
  readonly kind: 'carry'
  readonly id: NodeId
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly region: RegionId
  readonly init: NodeId
  readonly next: NodeId
  /** The dimensions whose extents a run decides; all others are absent. */
  readonly open?: readonly (OpenExtent | undefined)[]
  readonly origin: Origin
}

export type Node = InputNode | LiteralNode | ComputeNode | CarryNode

/** A loop over `axis`. Nodes of the region have its axis first; what does not depend on it stands outside. */
export interface Region {
  readonly id: RegionId
  readonly axis: Axis
  readonly direction: 'up' | 'down'
  readonly parent?: RegionId
  /**
   * Its iterations are chunks of an axis: who reads of it from outside at a position x of that reads slot
   * `x idiv length` at `x mod length`.
   */
  readonly chunks?: true
}

/**
 * Nodes in an order in which they can be evaluated: every read is of an earlier node, but for a carry's
 * `next`. The nodes of a region stand together, its carries first.
 */
export interface Graph {
  readonly nodes: readonly Node[]
  readonly regions: readonly Region[]
  readonly outputs: readonly Output[]
  /** The sizes that a run decides; absent where there are none. */
  readonly sizes?: readonly OpenSize[]
  /** Inputs that were declared and that no output needs; absent where there are none. */
  readonly unread?: readonly InputNode[]
}

/**
 * `replaces` names an input of the same type and shape whose place the output takes: after a run the old
 * value is no longer needed.
 */
export interface Output {
  readonly name: string
  readonly node: NodeId
  readonly replaces?: string
}

/**
 * Scalar expressions: a DAG whose sharing is by identity (passes keep it; the emitter turns it into
 * `let`s). `index` is an axis's value as i32. A `read` has as many positions as the node has dims. A
 * guarded read gives 0 outside the tensor; any other read is in range by construction, `trusted` data
 * included.
 */
export type Expr =
  | { readonly op: 'const'; readonly dtype: DType; readonly value: number }
  | { readonly op: 'index'; readonly dtype: 'i32'; readonly axis: Axis }
  | {
      readonly op: 'read'
      readonly dtype: DType
      readonly node: NodeId
      readonly at: readonly Expr[]
      readonly guarded: boolean
    }
  | { readonly op: PrimOp; readonly dtype: DType; readonly args: readonly Expr[] }

/**
 * One row each in `prims.ts`: typing rule, interpreter, derivative, WGSL. `cast` goes to the expression's
 * dtype.
 */
export type PrimOp =
  | CoreOp
  /** `select(condition, then, otherwise)`. */
  | 'select'
  | 'cast'
  | 'shr'
  /** Threefry-2x32-20 of key (k0, k1) and counter (c0, c1), all u32: its first and its second word. */
  | 'threefry0'
  | 'threefry1'
  /** The argument; its derivative is 0. */
  | 'stop'
