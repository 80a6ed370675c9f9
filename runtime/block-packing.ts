import type { BlockPacking, BlockType, Packing } from '../compiler/artifact.js'

/** How a block of a GGUF file lies on the device. */
interface DeviceBlock {
  readonly elements: number
  /** Bytes in the file. */
  readonly bytes: number
  /**
   * Bytes at its beginning, an f16, that lie behind the others on the device, so that those begin at a word.
   */
  readonly moved: 0 | 2
}

const deviceBlocks: Readonly<Record<BlockType, DeviceBlock>> = {
  Q4_0: { elements: 32, bytes: 18, moved: 2 },
  Q4_1: { elements: 32, bytes: 20, moved: 0 },
  Q5_0: { elements: 32, bytes: 22, moved: 2 },
  Q5_1: { elements: 32, bytes: 24, moved: 0 },
  Q8_0: { elements: 32, bytes: 34, moved: 2 },
  Q2_K: { elements: 256, bytes: 84, moved: 0 },
  Q3_K: { elements: 256, bytes: 110, moved: 0 },
  Q4_K: { elements: 256, bytes: 144, moved: 0 },
  Q5_K: { elements: 256, bytes: 176, moved: 0 },
  Q6_K: { elements: 256, bytes: 210, moved: 0 },
  IQ2_XXS: { elements: 256, bytes: 66, moved: 2 },
}

const isBlockType = (name: string | undefined): name is BlockType =>
  name !== undefined && Object.hasOwn(deviceBlocks, name)

/** Bytes of the table of magnitudes behind the blocks of a tensor with IQ2_XXS. */
export const tableBytes = 512

export const isBlockPacking = (packing: Packing | undefined): packing is BlockPacking =>
  packing?.startsWith('blocks ') === true

/** Bytes of a type's block on the device: whole words. */
const deviceBytes = (type: BlockType): number => Math.ceil(deviceBlocks[type].bytes / 4) * 4

/** The types of a tensor's equal parts, in order; undefined where a text is no such packing. */
export const partTypes = (packing: string): readonly BlockType[] | undefined => {
  const [kind, ...runs] = packing.split(' ')
  const types: BlockType[] = []
  if (kind !== 'blocks' || runs.length === 0) return undefined
  for (const run of runs) {
    const [, count, type] = /^([1-9]\d{0,5})\*(\w+)$/.exec(run) ?? []
    if (!isBlockType(type)) return undefined
    for (let i = 0; i < Number(count); i++) types.push(type)
  }
  return types
}

/** The packing of equal parts of these types. */
export const blockPacking = (types: readonly BlockType[]): BlockPacking => {
  const runs: { type: BlockType; count: number }[] = []
  for (const type of types) {
    const last = runs.at(-1)
    if (last?.type === type) last.count++
    else runs.push({ type, count: 1 })
  }
  return `blocks ${runs.map(r => `${r.count}*${r.type}`).join(' ')}`
}

const hasTable = (types: readonly BlockType[]): boolean => types.includes('IQ2_XXS')

/** Bytes of a tensor of so many elements. */
export const blockPackedBytes = (packing: BlockPacking, elements: number): number =>
  blockOffset(packing, elements, elements) + (hasTable(partTypes(packing)!) ? tableBytes : 0)

/** The byte at which the block of an element begins, the first of a block, or at which all blocks end. */
export const blockOffset = (packing: BlockPacking, elements: number, element: number): number => {
  const types = partTypes(packing)!
  const part = elements / types.length
  let at = 0
  for (const [i, type] of types.entries()) {
    const inside = Math.min(part, element - i * part)
    if (inside <= 0) break
    at += (inside / deviceBlocks[type].elements) * deviceBytes(type)
  }
  return at
}

/** Blocks as a file has them, as the device wants them. */
export const deviceLayout = (type: BlockType, blocks: Uint8Array): Uint8Array<ArrayBuffer> => {
  const { bytes, moved } = deviceBlocks[type]
  const size = deviceBytes(type)
  const count = blocks.length / bytes
  const out = new Uint8Array(count * size)
  for (let i = 0; i < count; i++) {
    const block = blocks.subarray(i * bytes, (i + 1) * bytes)
    out.set(block.subarray(moved), i * size)
    out.set(block.subarray(0, moved), i * size + bytes - moved)
  }
  return out
}
