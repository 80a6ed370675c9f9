import type { DType } from '../artifact.js'
import type { Axis, AxisId, Expr } from '../ir/ir.js'

/** A WGSL expression: a scalar, or four neighbours along the block's vector axis. */
export interface TextValue {
  readonly text: string
  readonly dtype: DType
  readonly width: 1 | 4
  /** Whether the text is a name or a literal, which may be repeated and needs no parentheses. */
  readonly atom: boolean
}

/** The WGSL type of four values. */
export const vectorType = (dtype: DType): string =>
  dtype === 'bool' ? 'vec4<bool>' : `vec4${{ f32: 'f', i32: 'i', u32: 'u' }[dtype]}`

export const vectorComponents = ['x', 'y', 'z', 'w'] as const

/** The largest i32. */
export const largestI32 = 2 ** 31 - 1

/**
 * The quarter of a vector axis as an axis, where only its id is known. The extent is the largest for which
 * every position `4 · quarter + 3` is an i32.
 */
export const quarterAxis = (id: AxisId): Axis => ({ id, name: `quarter${id}`, extent: 2 ** 29 })

/**
 * An axis in a block: one position, or four neighbours `4 · quarter + (0, 1, 2, 3)`, where `quarter` is an
 * axis of the block too.
 */
export type AxisPlace =
  | { readonly kind: 'scalar'; readonly text: string }
  | { readonly kind: 'vector'; readonly quarter: AxisId }

/**
 * A part of a kernel in braces, or without them: its lines, and the axes, values and locals that are known in
 * it. It grows while the kernel is written.
 */
export class Block {
  readonly lines: (string | Block)[] = []
  readonly places = new Map<AxisId, AxisPlace>()
  readonly values = new Map<Expr, TextValue>()
  readonly locals = new Map<number, TextValue>()
  readonly depth: number

  constructor(
    readonly parent: Block | undefined,
    readonly head: string | undefined,
    readonly tail = '}',
  ) {
    this.depth = parent === undefined ? 0 : parent.depth + 1
  }

  /** A block inside this one. `close` puts it in place, so that lines hoisted out of it come before it. */
  inner(head: string, tail = '}'): Block {
    return new Block(this, head, tail)
  }

  /** Puts a finished inner block into this one, after everything that was hoisted out of it. */
  close(block: Block): void {
    this.lines.push(block)
  }

  add(...lines: readonly string[]): void {
    this.lines.push(...lines)
  }

  /** This block, or the block around it at a depth. */
  at(depth: number): Block {
    return this.depth <= depth || this.parent === undefined ? this : this.parent.at(depth)
  }

  place(axis: AxisId): { readonly place: AxisPlace; readonly depth: number } | undefined {
    const own = this.places.get(axis)
    return own !== undefined ? { place: own, depth: this.depth } : this.parent?.place(axis)
  }

  local(id: number): { readonly value: TextValue; readonly depth: number } | undefined {
    const own = this.locals.get(id)
    return own !== undefined ? { value: own, depth: this.depth } : this.parent?.local(id)
  }

  value(e: Expr): TextValue | undefined {
    return this.values.get(e) ?? this.parent?.value(e)
  }

  render(indent = ''): string[] {
    const deeper = this.head === undefined ? indent : `${indent}  `
    const body = this.lines.flatMap(l => (typeof l === 'string' ? [deeper + l] : l.render(deeper)))
    return this.head === undefined ? body : [indent + this.head, ...body, indent + this.tail]
  }
}
