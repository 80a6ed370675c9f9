import { index } from '../ir/expr.js'
import type { Expr } from '../ir/ir.js'
import { isMultiple } from '../ir/open-extent.js'
import { countAll } from '../kernel/count.js'
import type { Product } from '../kernel/product.js'
import {
  type LoadDirection,
  loadDirectionOf,
  type OperandTile,
  piecesPerThread,
} from '../schedule/operand-tile.js'
import { Block, quarterAxis, type TextValue } from './block.js'
import { placeColumns, quarterPosition, range, replaceAxis } from './product-frame.js'
import type { Writer } from './writer.js'

/** A loaded value, and the texts of the first element of the tile that it belongs to. */
export interface LoadedPiece {
  readonly value: TextValue
  readonly direction: LoadDirection
  readonly outer: string
  readonly k: string
}

/** An operand, and the text of the flat position along the sum at which its tile begins. */
export interface TileLoad {
  readonly operand: OperandTile
  readonly start: string
}

/**
 * Writes the loads of a thread's share of a tile, with the operand's prologue. The tile begins at the
 * position `start` along the flattened sum. Elements beyond the end of the sum are 0; those beyond the last
 * row or column are arbitrary.
 */
export const loadTile = (
  p: Product,
  { operand: o, start }: TileLoad,
  block: Block,
  w: Writer,
): readonly LoadedPiece[] => {
  const direction = loadDirectionOf(p, o.role)
  const length = countAll(p.k)
  const last = p.k.at(-1)!
  return range(piecesPerThread(o, direction)).map(j => {
    const here = new Block(block, undefined)
    const name = (text: string, prefix: string): string => w.nameIndex(here, text, prefix).text
    const piece = j === 0 ? 'thread' : name(`thread + ${j * o.threads}`, 'piece')
    const [perK, perOuter] = [
      direction === 'k' ? o.k / 4 : o.k,
      direction === 'outer' ? o.outer / 4 : o.outer,
    ]
    // Neighbouring threads load neighbours in memory.
    const [slow, fast] =
      direction === 'k'
        ? [`${piece} / ${perK}`, `${piece} % ${perK}`]
        : [`${piece} / ${perOuter}`, `${piece} % ${perOuter}`]
    const [outer, k] =
      direction === 'k'
        ? [name(slow, 'o'), name(`4 * (${fast})`, 'q')]
        : [name(direction === 'outer' ? `4 * (${fast})` : fast, 'o'), name(slow, 'q')]
    const position = name(`${start} + ${k}`, 'k')
    placeSum(p, { direction, position }, here, w)
    const e = placeOuter(p, { role: o.role, direction, outer }, here, w)
    const loaded = w.emit(e, here)
    const value = direction === 'one' ? loaded : w.widen(loaded)
    const bounds =
      typeof length === 'number' && length % o.k === 0
        ? undefined
        : direction === 'k' && !isMultiple(last, 4)
          ? `${position} + vec4i(0, 1, 2, 3) < vec4i(${w.count(length)})`
          : `${position} < ${w.count(length)}`
    const zero = direction === 'one' ? '0.0' : 'vec4f()'
    const text = bounds === undefined ? value.text : `select(${zero}, ${value.text}, ${bounds})`
    block.close(here)
    return {
      value: w.name(
        block,
        { text, dtype: 'f32', width: direction === 'one' ? 1 : 4 },
        o.role === 'left' ? 'a' : 'b',
      ),
      direction,
      outer,
      k,
    }
  })
}

/** Gives the axes of the sum their positions, from a flat position. */
const placeSum = (
  p: Product,
  { direction, position }: { readonly direction: LoadDirection; readonly position: string },
  block: Block,
  w: Writer,
): void => {
  if (direction !== 'k') {
    w.unflatten(position, p.k, block)
    return
  }
  const last = p.k.at(-1)!
  const quarter = w.axisInParts('quarter', last, 4)
  w.unflatten(w.nameIndex(block, `${position} / 4`, 'q').text, [...p.k.slice(0, -1), quarter], block)
  block.places.set(last.id, { kind: 'vector', quarter: quarter.id })
}

/**
 * Gives the row or column axes their positions, from a position in the tile, and returns the operand there.
 */
const placeOuter = (
  p: Product,
  { role, direction, outer }: Pick<OperandTile, 'role'> & Pick<LoadedPiece, 'direction' | 'outer'>,
  block: Block,
  w: Writer,
): Expr => {
  const name = (text: string, prefix: string): string => w.nameIndex(block, text, prefix).text
  if (role === 'left') {
    if (direction === 'outer') {
      const quarter = w.axisInParts('quarter', p.m, 4)
      block.places.set(quarter.id, { kind: 'scalar', text: name(`(row + ${outer}) / 4`, 'q') })
      block.places.set(p.m.id, { kind: 'vector', quarter: quarter.id })
    } else block.places.set(p.m.id, { kind: 'scalar', text: name(`row + ${outer}`, 'm') })
    const e = w.intern(p.left)
    w.announce(e)
    return e
  }
  placeColumns(p, { columns: 4, owner: name(`across + ${outer} / 4`, 'owner') }, w, block)
  if (direction === 'outer') {
    const e = w.intern(p.right)
    w.announce(e)
    return e
  }
  // One of the owner's four columns.
  const last = p.n.at(-1)!
  const place = block.place(last.id)!.place as { readonly quarter: number }
  const quarter = quarterAxis(place.quarter)
  const own = w.axisLike('n', last)
  block.places.set(own.id, {
    kind: 'scalar',
    text: name(`${w.emit(w.intern(quarterPosition(quarter, 0)), block).text} + ${outer} % 4`, 'n'),
  })
  const e = w.intern(replaceAxis(p.right, last, index(own)))
  w.announce(e)
  return e
}
