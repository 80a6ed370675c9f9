import type { DType } from '../artifact.js'
import type { AxisId, Expr } from '../ir/ir.js'

/** A WGSL expression of a scalar, or of four neighbours along the block's vector axis. */
export interface TextValue {
  readonly text: string
  readonly dtype: DType
  readonly width: 1 | 4
  /** A name or a literal: may be repeated and needs no parentheses. */
  readonly atom: boolean
}

export const vectorType = (dtype: DType): string =>
  dtype === 'bool' ? 'vec4<bool>' : `vec4${{ f32: 'f', i32: 'i', u32: 'u' }[dtype]}`

export const vectorComponents = ['x', 'y', 'z', 'w'] as const

/**
 * What an axis is in a block: one position, or four neighbours `4 · quarter + (0, 1, 2, 3)`, where `quarter`
 * is itself an axis of the block.
 */
export type AxisPlace =
  | { readonly kind: 'scalar'; readonly text: string }
  | { readonly kind: 'vector'; readonly quarter: AxisId }

/**
 * A stretch of a kernel in braces (or none): lines, and what is known in it. Grows while a kernel is written.
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

  /**
   * A block inside this one, placed when it is opened: what is hoisted to here later must come before, see
   * `close`.
   */
  inner(head: string, tail = '}'): Block {
    return new Block(this, head, tail)
  }

  /** Puts a finished inner block into this one. Everything hoisted out of it stands before it. */
  close(block: Block): void {
    this.lines.push(block)
  }

  add(...lines: readonly string[]): void {
    this.lines.push(...lines)
  }

  /** This block or the one around it at a depth. */
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
