import type { BlockPacking, Packing } from '../artifact.js'
import { blockLayout, isBlockPacking } from './block-packing.js'
import { elementsOf, shapeOf } from './graph.js'
import type { Graph } from './ir.js'

/** Elements of a block. */
export const blockElements = 32

const blockBytes: Readonly<Record<Exclude<Packing, BlockPacking>, number>> = { f16: 64, bf16: 64, q8: 36 }

const blocksOf = (elements: number): number => Math.ceil(elements / blockElements)

/** Bytes of so many elements, packed or as they are. */
export const bytesOf = (elements: number, packing: Packing | undefined): number =>
  packing === undefined
    ? 4 * elements
    : isBlockPacking(packing)
      ? 4 * blockLayout(packing, elements).words
      : blocksOf(elements) * blockBytes[packing]

/** The word at which the scales of a `q8` tensor begin. */
export const scalesAt = (elements: number): number => blocksOf(elements) * (blockElements / 4)

/**
 * Whether elements do not lie one after another, so that a kernel needs the whole of the tensor to read a
 * part.
 */
export const isScattered = (packing: Packing | undefined): boolean =>
  packing === 'q8' || isBlockPacking(packing)

/** The graph with its f32 inputs packed as `choose` says by name and shape. */
export const packInputs = (
  graph: Graph,
  choose: (name: string, shape: readonly number[]) => Packing | undefined,
): Graph => ({
  ...graph,
  nodes: graph.nodes.map(n => {
    if (n.kind !== 'input' || n.dtype !== 'f32' || elementsOf(n) === 0) return n
    const { packing: _, ...plain } = n
    const packing = choose(n.name, shapeOf(n))
    return packing === undefined ? plain : { ...plain, packing }
  }),
})
