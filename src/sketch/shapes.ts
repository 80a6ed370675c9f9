import type { JsonObject } from '../json/json-values.js'
import { numberOf } from './entries.js'
import type { KnownTensor, Role, TensorTable } from './tensors.js'

/** The sizes of a model, as numbers; 0 for those that no tensor has. */
export interface ModelSizes {
  readonly E: number
  readonly H: number
  readonly K: number
  readonly D: number
  readonly F: number
  readonly V: number
  readonly Positions: number
}

/** How a checkpoint lays its matrices out. */
export interface Layout {
  readonly sizes: ModelSizes
  /** Matrices are stored as input by output. */
  readonly transposed: boolean
  /**
   * Queries, keys and values of one matrix: behind one another, or for each key/value head its queries, its
   * key and its value. Undefined where they are in matrices of their own.
   */
  readonly fused: 'behind one another' | 'by head' | undefined
}

/** A field of the program: its type, the shape in the checkpoint where it differs, and that in numbers. */
export interface FieldShape {
  readonly type: string
  readonly stored?: string
  readonly numbers: readonly number[]
}

const matrixOf = (table: TensorTable, role: Role): KnownTensor | undefined =>
  table.inLayer.find(t => t.role === role && !t.bias && t.shape.length === 2)

/**
 * The layout of a checkpoint; a text where the configuration or the shapes say too little, which tells what
 * is missing.
 */
export const layoutOf = (table: TensorTable, config: JsonObject): Layout | string => {
  const [E, H] = [numberOf(config, 'width'), numberOf(config, 'heads')]
  if (E === undefined) return 'config.json has no entry for the width of the model'
  if (H === undefined) return 'config.json has no entry for the number of heads'
  const D = numberOf(config, 'headWidth') ?? E / H
  if (!Number.isInteger(D)) return `${E} numbers are not shared out among ${H} heads`
  const wide = [matrixOf(table, 'up'), matrixOf(table, 'gate_up'), matrixOf(table, 'qkv')]
  const telling = wide.find(t => t !== undefined && t.shape[0] !== t.shape[1])
  const transposed = telling !== undefined && telling.shape[1] !== E && telling.shape[0] === E
  const outOf = (t: KnownTensor | undefined): number | undefined => t?.shape[transposed ? 1 : 0]
  const qkv = matrixOf(table, 'qkv')
  const keys = qkv === undefined ? outOf(matrixOf(table, 'k')) : (outOf(qkv)! - H * D) / 2
  if (keys === undefined) return 'no tensor was recognised as the projection to keys'
  const K = keys / D
  if (!Number.isInteger(K) || K < 1 || H % K !== 0)
    return `the shapes of queries and keys do not fit ${H} heads of ${D} numbers`
  const both = outOf(matrixOf(table, 'gate_up'))
  const F = both === undefined ? outOf(matrixOf(table, 'up')) : both / 2
  const rows = (role: Role): number => table.inModel.find(t => t.role === role)?.shape[0] ?? 0
  const fused =
    qkv === undefined ? undefined : /query_key_value/.test(qkv.name) ? 'by head' : 'behind one another'
  if (transposed && qkv !== undefined && (fused === 'by head' || K !== H))
    return `${qkv.name} is stored as input by output, and its parts are not understood`
  return { sizes: { E, H, K, D, F: F ?? 0, V: rows('embed'), Positions: rows('places') }, transposed, fused }
}

/** The shape of a field with a role. */
export const fieldShape = (role: Role, bias: boolean, { sizes, transposed, fused }: Layout): FieldShape => {
  const { E, H, K, D, F, V, Positions } = sizes
  const vector = (type: string, ...numbers: number[]): FieldShape => ({ type: `f32[${type}]`, numbers })
  /** A matrix whose outputs are several axes in the program and one in the file. */
  const matrix = (out: string, joined: string, rows: number): FieldShape => {
    if (bias) return { type: `f32[${out}]`, stored: joined, numbers: [rows] }
    return transposed
      ? { type: `f32[E, ${out}]`, stored: `E, ${joined}`, numbers: [E, rows] }
      : { type: `f32[${out}, E]`, stored: `${joined}, E`, numbers: [rows, E] }
  }
  switch (role) {
    case 'q':
      return matrix('H, D', 'H * D', H * D)
    case 'k':
    case 'v':
      return matrix('K, D', 'K * D', K * D)
    case 'qkv': {
      const rows = (H + 2 * K) * D
      if (K === H && fused === 'by head') return matrix('K, 3, D', 'K * 3 * D', rows)
      if (K === H) return matrix('3, K, D', '3 * K * D', rows)
      return fused === 'by head'
        ? matrix('K, G + 2, D', 'K * (G + 2) * D', rows)
        : matrix('K * G + 2 * K, D', '(K * G + 2 * K) * D', rows)
    }
    case 'o':
      if (bias) return vector('E', E)
      return transposed
        ? { type: 'f32[H, D, E]', stored: 'H * D, E', numbers: [H * D, E] }
        : { type: 'f32[E, H, D]', stored: 'E, H * D', numbers: [E, H * D] }
    case 'gate':
    case 'up':
      if (bias) return vector('F', F)
      return transposed ? vector('E, F', E, F) : vector('F, E', F, E)
    case 'gate_up':
      return matrix('2, F', '2 * F', 2 * F)
    case 'down':
      if (bias) return vector('E', E)
      return transposed ? vector('F, E', F, E) : vector('E, F', E, F)
    case 'q_norm':
    case 'k_norm':
      return vector('D', D)
    case 'attn_norm':
    case 'mlp_norm':
    case 'norm':
      return vector('E', E)
    case 'embed':
      return vector('V, E', V, E)
    case 'head':
      return bias ? vector('V', V) : vector('V, E', V, E)
    case 'places':
      return vector('Positions, E', Positions, E)
  }
}
