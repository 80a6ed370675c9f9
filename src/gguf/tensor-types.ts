/**
 * How the tensors of a GGUF file are stored: a number's type, or blocks of numbers that share scales. The
 * table is that of ggml (`ggml.h`, `enum ggml_type`); types that are not in it are refused by name.
 */

import type { BlockShape } from '../safetensors/checkpoint.js'

/** The types that are read, by name. */
export const ggufBlocks = {
  F32: { elements: 1, bytes: 4 },
  F16: { elements: 1, bytes: 2 },
  BF16: { elements: 1, bytes: 2 },
  F64: { elements: 1, bytes: 8 },
  Q4_0: { elements: 32, bytes: 18 },
  Q4_1: { elements: 32, bytes: 20 },
  Q5_0: { elements: 32, bytes: 22 },
  Q5_1: { elements: 32, bytes: 24 },
  Q8_0: { elements: 32, bytes: 34 },
  Q2_K: { elements: 256, bytes: 84 },
  Q3_K: { elements: 256, bytes: 110 },
  Q4_K: { elements: 256, bytes: 144 },
  Q5_K: { elements: 256, bytes: 176 },
  Q6_K: { elements: 256, bytes: 210 },
  IQ2_XXS: { elements: 256, bytes: 66 },
} as const satisfies Readonly<Record<string, BlockShape>>

/** A type that is read. */
export type GgufType = keyof typeof ggufBlocks

/** Types in which neighbours share scales. */
export type QuantType = Exclude<GgufType, 'F32' | 'F16' | 'BF16' | 'F64'>

/** ggml's numbers of all its types, those that are not read among them. */
const names: readonly (readonly [number, string])[] = [
  ...([
    [0, 'F32'],
    [1, 'F16'],
    [2, 'Q4_0'],
    [3, 'Q4_1'],
    [6, 'Q5_0'],
    [7, 'Q5_1'],
    [8, 'Q8_0'],
    [9, 'Q8_1'],
  ] as const),
  ...([
    [10, 'Q2_K'],
    [11, 'Q3_K'],
    [12, 'Q4_K'],
    [13, 'Q5_K'],
    [14, 'Q6_K'],
    [15, 'Q8_K'],
  ] as const),
  ...([
    [16, 'IQ2_XXS'],
    [17, 'IQ2_XS'],
    [18, 'IQ3_XXS'],
    [19, 'IQ1_S'],
    [20, 'IQ4_NL'],
    [21, 'IQ3_S'],
    [22, 'IQ2_S'],
    [23, 'IQ4_XS'],
    [29, 'IQ1_M'],
  ] as const),
  ...([
    [24, 'I8'],
    [25, 'I16'],
    [26, 'I32'],
    [27, 'I64'],
    [28, 'F64'],
    [30, 'BF16'],
  ] as const),
  ...([
    [34, 'TQ1_0'],
    [35, 'TQ2_0'],
    [39, 'MXFP4'],
    [40, 'NVFP4'],
  ] as const),
]

const nameOf: ReadonlyMap<number, string> = new Map(names)

/** ggml's name of a type by its number; undefined for a number that it does not have. */
export const ggmlTypeName = (id: number): string | undefined => nameOf.get(id)

/** Whether a type's name is one of those that are read. */
export const isGgufType = (name: string | undefined): name is GgufType =>
  name !== undefined && Object.hasOwn(ggufBlocks, name)

/** Whether neighbours share scales in this type. */
export const isQuantType = (type: string): type is QuantType =>
  isGgufType(type) && ggufBlocks[type].elements > 1
