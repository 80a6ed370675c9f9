/**
 * Packings by blocks of llama.cpp's types. The name of such a packing is its layout: `blocks 2*Q2_K
 * 20*IQ2_XXS` means that the tensor is cut into 22 equal parts, as a model's layers cut it, the first 2 of
 * which are stored as Q2_K and the others as IQ2_XXS. Parts lie one after another, each of whole blocks, each
 * block of whole words.
 */
import type { BlockPacking, BlockType, Packing } from '../artifact.js'

/** Elements of a block, and the words that it takes. */
export interface PackedBlock {
  readonly elements: number
  readonly words: number
}

export const packedBlocks: Readonly<Record<BlockType, PackedBlock>> = {
  Q4_0: { elements: 32, words: 5 },
  Q4_1: { elements: 32, words: 5 },
  Q5_0: { elements: 32, words: 6 },
  Q5_1: { elements: 32, words: 6 },
  Q8_0: { elements: 32, words: 9 },
  Q2_K: { elements: 256, words: 21 },
  Q3_K: { elements: 256, words: 28 },
  Q4_K: { elements: 256, words: 36 },
  Q5_K: { elements: 256, words: 44 },
  Q6_K: { elements: 256, words: 53 },
  IQ2_XXS: { elements: 256, words: 17 },
}

/** Words of the table of magnitudes that tensors with IQ2_XXS have behind their blocks. */
const tableWords = 128

export const isBlockPacking = (packing: Packing | undefined): packing is BlockPacking =>
  packing?.startsWith('blocks ') === true

/** Neighbouring parts of one type: the elements from `first` to `end`, in words from `word` on. */
export interface BlockRun {
  readonly type: BlockType
  readonly first: number
  readonly end: number
  readonly word: number
}

/** Where the parts of a tensor of so many elements lie. */
export interface BlockLayout {
  readonly runs: readonly BlockRun[]
  /** The word at which the table of IQ2_XXS begins, if there is one. */
  readonly table: number
  readonly words: number
}

export const blockLayout = (packing: BlockPacking, elements: number): BlockLayout => {
  const counts = packing
    .split(' ')
    .slice(1)
    .map(part => {
      const [count, type] = part.split('*')
      return { count: Number(count), type: type as BlockType }
    })
  const part = elements / counts.reduce((n, c) => n + c.count, 0)
  let [first, word] = [0, 0]
  const runs = counts.map(({ count, type }): BlockRun => {
    const block = packedBlocks[type]
    const run = { type, first, end: first + count * part, word }
    first = run.end
    word += ((count * part) / block.elements) * block.words
    return run
  })
  const hasTable = counts.some(c => c.type === 'IQ2_XXS')
  return { runs, table: word, words: word + (hasTable ? tableWords : 0) }
}
