/**
 * Vectors that a kernel over rows computes before its rows. Each lane of the subgroup keeps the elements that
 * it has computed, in a variable of its own, and reads them again in loops that run in the same way:
 *
 *     var own: array<vec4f, 9>;
 *     for (var j = 0; j < 9; j++) { own[j] = x[8 * j + lane] * scale; }
 *     for (var j = 0; j < 9; j++) { sum += dot(w[72 * row + 8 * j + lane], own[j]); }
 */
import type { DType } from '../artifact.js'
import { readsOf } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import type { Block } from './block.js'
import { vectorType } from './block.js'
import type { Writer } from './writer.js'

/** A lane's part of a vector: one number, or four neighbours, for each turn of a loop. */
export interface KeptVector {
  readonly name: string
  readonly dtype: DType
  readonly width: 1 | 4
}

/** Declares a lane's part of a vector of so many turns. */
export const declareKept = (
  { dtype, width, turns }: Pick<KeptVector, 'dtype' | 'width'> & { readonly turns: number },
  w: Writer,
): KeptVector => {
  const name = w.fresh('own')
  w.root.add(`var ${name}: array<${width === 4 ? vectorType(dtype) : dtype}, ${turns}>;`)
  return { name, dtype, width }
}

/** What a loop reads: its values, the text of its turn, and the rows that it computes at once. */
export interface KeptReads {
  readonly values: readonly Expr[]
  readonly turn: string
  /** The id by which a row reads a vector, of which `vector` is the id for the first row. */
  readonly idsOf: (vector: number) => readonly number[]
}

/** Gives the vectors that a loop reads their values in its turn. */
export const readKept = (
  kept: ReadonlyMap<number, KeptVector>,
  { values, turn, idsOf }: KeptReads,
  block: Block,
  w: Writer,
): void => {
  const read = new Set(readsOf(...values).map(r => r.node))
  for (const [vector, { name, dtype, width }] of kept) {
    const ids = idsOf(vector)
    if (!ids.some(id => read.has(id))) continue
    const element = w.name(block, { text: `${name}[${turn}]`, dtype, width })
    for (const id of ids) block.locals.set(id, element)
  }
}
