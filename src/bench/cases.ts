import type { Packing } from '../../compiler/artifact.js'
import { bytesOf as packedBytes } from '../../compiler/ir/packing.js'
import { elementwise } from './handwritten/elementwise.js'
import type { HandInput, HandKernel } from './handwritten/kernel.js'
import { matrixVector, type ProductShape, productByBroadcast } from './handwritten/product.js'
import { rowNorm, rowSoftmax } from './handwritten/rows.js'
import { rowNormBySubgroup, rowSoftmaxBySubgroup } from './handwritten/rows-by-subgroup.js'

/** Values of the inputs by name, row-major. */
export type Values = Readonly<Record<string, Float32Array>>

/** A kernel to measure. */
export interface Case {
  readonly name: string
  /** The ceiling that bounds it, with which it is compared. */
  readonly bound: 'arithmetic' | 'memory'
  /** A program whose function `bench` is compiled, at these sizes. */
  readonly program: string
  readonly sizes: Readonly<Record<string, number>>
  readonly inputs: readonly HandInput[]
  /** Multiplications and additions; 0 if memory bounds the kernel. */
  readonly flops: number
  /** Bytes read and written, every tensor once. */
  readonly bytes: number
  /** The same kernel written by hand, on f32; none if there is none for the device or the shape. */
  readonly hands: readonly HandKernel[]
  /** Inputs that our kernel reads in a packed form. */
  readonly packed?: Readonly<Record<string, Packing>>
  /** The element of the result at a position, in float64. */
  readonly expected: (values: Values, at: number) => number
}

const bytesOf = (...shapes: readonly (readonly number[])[]): number =>
  4 * shapes.reduce((n, shape) => n + shape.reduce((a, b) => a * b, 1), 0)

const known = (...kernels: readonly (HandKernel | undefined)[]): readonly HandKernel[] =>
  kernels.filter(k => k !== undefined)

/** A matrix product, or several at once. */
export const productCase = (name: string, p: ProductShape, lanes: number): Case => {
  const { batch, m, n, k } = p
  const single = batch === 1
  const sized = (names: string): readonly number[] => [
    ...(single ? [] : [batch]),
    ...[...names].map(c => p[c as 'm' | 'n' | 'k']),
  ]
  const listed = (names: string): string => [...(single ? '' : 'b'), ...names].join(', ')
  const type = (names: string): string => `f32[${listed(names).toUpperCase()}]`
  const position = (names: string, b: number, of: Readonly<Record<string, number>>): number => {
    const [i, j] = [...names] as ['m' | 'n' | 'k', 'm' | 'n' | 'k']
    return (b * p[i] + of[i]!) * p[j] + of[j]!
  }
  return {
    name,
    bound: 'arithmetic',
    program: `fn bench(left: ${type(p.left)}, right: ${type(p.right)}) -> ${type('mn')} =
  for ${listed('mn')} -> sum k -> left[${listed(p.left)}] * right[${listed(p.right)}]
`,
    sizes: { M: m, N: n, K: k, ...(single ? {} : { B: batch }) },
    inputs: [
      { name: 'left', shape: sized(p.left) },
      { name: 'right', shape: sized(p.right) },
    ],
    flops: 2 * batch * m * n * k,
    bytes: bytesOf(sized(p.left), sized(p.right), sized('mn')),
    hands: known(productByBroadcast(p, lanes)),
    expected: ({ left, right }, at) => {
      const [b, row, column] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n]
      let sum = 0
      for (let i = 0; i < k; i++)
        sum +=
          left![position(p.left, b, { m: row, k: i })]! * right![position(p.right, b, { n: column, k: i })]!
      return sum
    },
  }
}

/** A matrix times a vector. */
export const matrixVectorCase = (m: number, k: number, lanes: number): Case => ({
  name: `matrix-vector ${m}×${k}`,
  bound: 'memory',
  program: `fn bench(matrix: f32[M, K], vector: f32[K]) -> f32[M] =
  for m -> sum k -> matrix[m, k] * vector[k]
`,
  sizes: { M: m, K: k },
  inputs: [
    { name: 'matrix', shape: [m, k] },
    { name: 'vector', shape: [k] },
  ],
  flops: 2 * m * k,
  bytes: bytesOf([m, k], [k], [m]),
  hands: known(matrixVector(m, k, lanes)),
  expected: ({ matrix, vector }, at) => vector!.reduce((sum, x, i) => sum + matrix![at * k + i]! * x, 0),
})

/** A case in which our kernel reads a packed input. */
export const storedCase = (c: Case, name: string, packing: Packing): Case => {
  const elements = c.inputs.find(i => i.name === name)!.shape.reduce((a, b) => a * b, 1)
  return {
    ...c,
    name: `${c.name}, ${name} in ${packing}`,
    packed: { [name]: packing },
    bytes: c.bytes - packedBytes(elements, undefined) + packedBytes(elements, packing),
  }
}

/** A function of one element, `x[i]` in the language and `x` in WGSL, for a tensor of `n` elements. */
export interface ElementwiseFunction {
  readonly name: string
  readonly n: number
  readonly jola: string
  readonly wgsl: string
  readonly js: (x: number) => number
}

/** An elementwise function of one tensor, in the language, in WGSL and in JavaScript. */
export const elementwiseCase = ({ name, n, jola, wgsl, js }: ElementwiseFunction): Case => ({
  name,
  bound: 'memory',
  program: `import std.nn

fn bench(x: f32[N]) -> f32[N] = for i -> ${jola}
`,
  sizes: { N: n },
  inputs: [{ name: 'x', shape: [n] }],
  flops: 0,
  bytes: bytesOf([n], [n]),
  hands: [elementwise(n, wgsl)],
  expected: ({ x }, at) => js(x![at]!),
})

const rowOf = (x: Float32Array, width: number, at: number): Float32Array => {
  const first = at - (at % width)
  return x.subarray(first, first + width)
}

/** Softmax of the rows of a matrix. */
export const softmaxCase = (rows: number, width: number, lanes: number): Case => ({
  name: `softmax ${rows}×${width}`,
  bound: 'memory',
  program: `import std.nn

fn bench(x: f32[R, N]) -> f32[R, N] = for r -> nn.softmax(x[r])
`,
  sizes: { R: rows, N: width },
  inputs: [{ name: 'x', shape: [rows, width] }],
  flops: 0,
  bytes: bytesOf([rows, width], [rows, width]),
  hands: known(rowSoftmax(rows, width), rowSoftmaxBySubgroup(rows, width, lanes)),
  expected: ({ x }, at) => {
    const row = rowOf(x!, width, at)
    const top = Math.max(...row)
    return Math.exp(x![at]! - top) / row.reduce((sum, y) => sum + Math.exp(y - top), 0)
  },
})

/** RMSNorm of the rows of a matrix. */
export const normCase = (rows: number, width: number, lanes: number): Case => ({
  name: `rms_norm ${rows}×${width}`,
  bound: 'memory',
  program: `import std.nn

fn bench(x: f32[R, N], w: f32[N]) -> f32[R, N] = for r -> nn.rms_norm(x[r], w, 1e-5)
`,
  sizes: { R: rows, N: width },
  inputs: [
    { name: 'x', shape: [rows, width] },
    { name: 'w', shape: [width] },
  ],
  flops: 0,
  bytes: bytesOf([rows, width], [rows, width], [width]),
  hands: known(rowNorm(rows, width, 1e-5), rowNormBySubgroup(rows, width, 1e-5, lanes)),
  expected: ({ x, w }, at) => {
    const square = rowOf(x!, width, at).reduce((sum, y) => sum + y * y, 0) / width
    return (x![at]! / Math.sqrt(square + 1e-5)) * w![at % width]!
  },
})

const plain = { batch: 1, left: 'mk', right: 'kn' } as const

/** All cases, for a device whose subgroups have this number of lanes; 0 without subgroups. */
export const allCases = (lanes: number): readonly Case[] => {
  const product = (name: string, p: ProductShape): Case => productCase(name, p, lanes)
  const cube = { ...plain, m: 512, n: 512, k: 512 }
  const floats = 2 ** 22
  const packings: readonly Packing[] = ['f16', 'bf16', 'q8']
  return [
    product('product 512³', cube),
    product('product 1024³', { ...plain, m: 1024, n: 1024, k: 1024 }),
    product('product 256×768×2048', { ...plain, m: 256, k: 768, n: 2048 }),
    product('product 512×288×32000', { ...plain, m: 512, k: 288, n: 32000 }),
    product('product A·Bᵀ 512×288×32000', { ...plain, m: 512, k: 288, n: 32000, right: 'nk' }),
    product('product A·Bᵀ 512³', { ...cube, right: 'nk' }),
    product('product Aᵀ·B 512³', { ...cube, left: 'km' }),
    product('48 products 64×48×64', { ...plain, batch: 48, m: 64, k: 48, n: 64 }),
    product('48 products A·Bᵀ 64×48×64', { ...plain, batch: 48, m: 64, k: 48, n: 64, right: 'nk' }),
    ...packings.map(packing =>
      storedCase(product('product A·Bᵀ 512³', { ...cube, right: 'nk' }), 'right', packing),
    ),
    matrixVectorCase(4096, 4096, lanes),
    ...packings.map(packing => storedCase(matrixVectorCase(4096, 4096, lanes), 'matrix', packing)),
    elementwiseCase({
      name: 'elementwise 2x+1, 16 MB',
      n: floats,
      jola: '2 * x[i] + 1',
      wgsl: '2.0 * x + 1.0',
      js: x => 2 * x + 1,
    }),
    elementwiseCase({
      name: 'elementwise silu, 16 MB',
      n: floats,
      jola: 'nn.silu(x[i])',
      wgsl: 'x / (1.0 + exp(-x))',
      js: x => x / (1 + Math.exp(-x)),
    }),
    softmaxCase(512, 768, lanes),
    softmaxCase(512, 2048, lanes),
    normCase(512, 768, lanes),
    normCase(512, 2048, lanes),
  ]
}
