/**
 * WGSL that decodes blocks of llama.cpp's types where a kernel reads them. For each buffer there are two
 * functions, one for four aligned neighbours and one for a single element. The first finds the run of an
 * index and calls the function of the run's type with the first word of the block and the element's place in
 * it. Layouts and formulas: `ggml-quants.c`; blocks are filled up to words, and a scale that stands alone
 * before bytes is behind them (see `runtime/block-packing.ts`).
 */
import type { BlockPacking, BlockType } from '../artifact.js'
import { type BlockRun, blockLayout, packedBlocks } from '../ir/block-packing.js'

/** The text of a buffer's word at an index. */
type Word = (at: string) => string

/** The four bytes of a word, the lowest first. */
export const splitBytes = `fn bytes4(w: u32) -> vec4u {
  return (vec4u(w) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u);
}`

const signedBytes = (w: string): string =>
  `vec4f((vec4i(bitcast<i32>(${w})) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u))`

/** Bits of four neighbours: each byte of a word, shifted and masked. */
const bits = (w: string, shift: string, mask: number): string =>
  `(bytes4(${w}) >> vec4u(u32(${shift}))) & vec4u(${mask}u)`

const half = (w: string): string => `unpack2x16float(${w}).x`

/** Sixteen bytes with the low bits of the first 16 elements and the high ones of the others. */
const nibbles = (w: Word, at: number): string => bits(w(`b + ${at} + ((e & 15) >> 2)`), '4 * (e >> 4)', 15)

/** The bits of four neighbours in a word with one for each of 32 elements, in place of the fifth bit. */
const fifthBits = (w: string): string =>
  `(((vec4u(${w}) >> vec4u(u32(e), u32(e + 1), u32(e + 2), u32(e + 3))) & vec4u(1u)) << vec4u(4u))`

/** Two bits an element: 32 bytes for each 128 elements, four of them in each byte. */
const crumbs = (w: Word, at: number): string =>
  bits(w(`b + ${at} + ((e >> 7) << 3) + ((e & 31) >> 2)`), '2 * ((e >> 5) & 3)', 3)

/** Four bits an element: 32 bytes for each 64 elements. */
const halves = (w: Word, at: number): string =>
  bits(w(`b + ${at} + ((e >> 6) << 3) + ((e & 31) >> 2)`), '4 * ((e >> 5) & 1)', 15)

/** Scale and minimum of a part of 32 in a Q4_K or Q5_K block, as `step` and `least`. */
const scaleAndLeast = (w: Word): readonly string[] => [
  `let d = unpack2x16float(${w('b')});`,
  'let s = u32(8 * ((e >> 5) & 3));',
  `let a1 = (${w('b + 1')} >> s) & 255u;`,
  `let a2 = (${w('b + 2')} >> s) & 255u;`,
  `let a3 = (${w('b + 3')} >> s) & 255u;`,
  'let low = e < 128;',
  'let step = d.x * f32(select((a3 & 15u) | ((a1 >> 6u) << 4u), a1 & 63u, low));',
  'let least = d.y * f32(select((a3 >> 4u) | ((a2 >> 6u) << 4u), a2 & 63u, low));',
]

/** The statements that decode the elements from `e` on, a multiple of four, of the block at word `b`. */
const decoders: Readonly<Record<BlockType, (w: Word, table: number) => readonly string[]>> = {
  Q4_0: w => [`return ${half(w('b + 4'))} * (vec4f(${nibbles(w, 0)}) - vec4f(8.0));`],
  Q4_1: w => [`let d = unpack2x16float(${w('b')});`, `return d.x * vec4f(${nibbles(w, 1)}) + vec4f(d.y);`],
  Q5_0: w => [
    `let q = (${nibbles(w, 1)}) | ${fifthBits(w('b'))};`,
    `return ${half(w('b + 5'))} * (vec4f(q) - vec4f(16.0));`,
  ],
  Q5_1: w => [
    `let d = unpack2x16float(${w('b')});`,
    `let q = (${nibbles(w, 2)}) | ${fifthBits(w('b + 1'))};`,
    'return d.x * vec4f(q) + vec4f(d.y);',
  ],
  Q8_0: w => [`return ${half(w('b + 8'))} * ${signedBytes(w('b + (e >> 2)'))};`],
  Q2_K: w => [
    `let s = (${w('b + (e >> 6)')} >> u32(8 * ((e >> 4) & 3))) & 255u;`,
    `let d = unpack2x16float(${w('b + 20')});`,
    `return (d.x * f32(s & 15u)) * vec4f(${crumbs(w, 4)}) - vec4f(d.y * f32(s >> 4u));`,
  ],
  Q3_K: w => [
    'let j = e >> 4;',
    `let low = (${w('b + 24 + ((j & 7) >> 2)')} >> u32(8 * (j & 3) + 4 * (j >> 3))) & 15u;`,
    `let high = (${w('b + 26')} >> u32(8 * (j & 3) + 2 * (j >> 2))) & 3u;`,
    `let step = ${half(w('b + 27'))} * f32(i32(low | (high << 4u)) - 32);`,
    `let third = ${bits(w('b + ((e & 31) >> 2)'), 'e >> 5', 1)};`,
    `return step * vec4f(vec4i(${crumbs(w, 8)}) + vec4i(third << vec4u(2u)) - vec4i(4));`,
  ],
  Q4_K: w => [...scaleAndLeast(w), `return step * vec4f(${halves(w, 4)}) - vec4f(least);`],
  Q5_K: w => [
    ...scaleAndLeast(w),
    `let fifth = ${bits(w('b + 4 + ((e & 31) >> 2)'), 'e >> 5', 1)};`,
    `return step * vec4f((${halves(w, 12)}) | (fifth << vec4u(4u))) - vec4f(least);`,
  ],
  Q6_K: w => [
    `let scale = extractBits(bitcast<i32>(${w('b + 48 + (e >> 6)')}), u32(8 * ((e >> 4) & 3)), 8u);`,
    `let step = ${half(w('b + 52'))} * f32(scale);`,
    `let low = ${bits(w('b + ((e >> 7) << 4) + ((e & 63) >> 2)'), '4 * ((e >> 6) & 1)', 15)};`,
    `return step * (vec4f(low | ((${crumbs(w, 32)}) << vec4u(4u))) - vec4f(32.0));`,
  ],
  IQ2_XXS: (w, table) => [
    `let rows = ${w('b + 2 * (e >> 5)')};`,
    `let rest = ${w('b + 2 * (e >> 5) + 1')};`,
    'let part = u32((e >> 3) & 3);',
    'let row = i32((rows >> (8u * part)) & 255u);',
    `let codes = ${w(`${table} + (row >> 1)`)} >> u32(16 * (row & 1) + 2 * (e & 4));`,
    'let c = (vec4u(codes) >> vec4u(0u, 2u, 4u, 6u)) & vec4u(3u);',
    'let seven = (rest >> (7u * part)) & 127u;',
    'let signs = (seven | ((countOneBits(seven) & 1u) << 7u)) >> u32(e & 4);',
    'let minus = ((vec4u(signs) >> vec4u(0u, 1u, 2u, 3u)) & vec4u(1u)) == vec4u(1u);',
    // The codes 0, 1 and 2 stand for 8, 25 and 43.
    'let size = vec4f(vec4u(8u) + c * vec4u(17u) + (c >> vec4u(1u)));',
    `let step = ${half(w('b + 16'))} * (0.5 + f32(rest >> 28u)) * 0.25;`,
    'return step * select(size, -size, minus);',
  ],
}

/** The names of a buffer's functions. A name with a digit behind a letter is no tensor's. */
export const fourName = (buffer: string): string => `unpack4_${buffer}`
export const oneName = (buffer: string): string => `unpack1_${buffer}`
const typeName = (type: BlockType, buffer: string): string => `block4_${type}_${buffer}`

/** The statement for the elements of a run: the block, and the place in it. */
const inRun = ({ type, first, word }: BlockRun, buffer: string): string => {
  const { elements, words } = packedBlocks[type]
  const shift = Math.log2(elements)
  const at = first === 0 ? 'i' : `(i - ${first})`
  const base = `${word === 0 ? '' : `${word} + `}(${at} >> ${shift}u) * ${words}`
  return `return ${typeName(type, buffer)}(${base}, ${at} & ${elements - 1});`
}

/** The functions that decode a buffer of so many elements; `word` reads a word of it. */
export const blockFunctions = (
  buffer: string,
  packing: BlockPacking,
  elements: number,
  word: Word,
): readonly string[] => {
  const { runs, table } = blockLayout(packing, elements)
  const types = [...new Set(runs.map(r => r.type))]
  return [
    ...types.flatMap(type => [
      `fn ${typeName(type, buffer)}(b: i32, e: i32) -> vec4f {`,
      ...decoders[type](word, table).map(line => `  ${line}`),
      '}',
    ]),
    `fn ${fourName(buffer)}(i: i32) -> vec4f {`,
    ...runs.map((run, k) =>
      k === runs.length - 1 ? `  ${inRun(run, buffer)}` : `  if (i < ${run.end}) { ${inRun(run, buffer)} }`,
    ),
    '}',
    `fn ${oneName(buffer)}(i: i32) -> f32 {`,
    `  return ${fourName(buffer)}(i & -4)[i & 3];`,
    '}',
  ]
}
