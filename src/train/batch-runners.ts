import type { DeviceTensor, Executable, Tensors } from '../../runtime/index.js'
import type { Batch, BatchShape } from '../data/batch.js'
import { UserError } from '../errors/user-error.js'
import { batchInputs, isPaired, wantsPairs } from '../recipe/recipe-parts.js'
import { type BroughtTensor, broughtBy } from './brought.js'
import type { TrainingSubject } from './compile.js'
import type { BatchMethod } from './plan.js'

/** An executable with the tensors that it reads, and the numbers of its open sizes. */
export interface BatchRun {
  readonly executable: Executable
  readonly inputs: Tensors
  readonly sizes?: Readonly<Record<string, number>>
}

/** What a session brings to its batches. */
export interface BatchRunnersOptions {
  readonly recipe: TrainingSubject['recipe']
  readonly shape: BatchShape
  /** The greatest length of a batch. */
  readonly most: number
  /** Whether one compiled method serves all lengths. */
  readonly anyLength: boolean
  /** Makes tensors on the device. */
  readonly make: <K extends string>(shapes: Readonly<Record<K, BroughtTensor>>) => Record<K, DeviceTensor>
  /** The tensors that a method reads, with those of a batch. */
  readonly inputsOf: (method: BatchMethod, executable: Executable, batch: Tensors) => Tensors
}

/**
 * The length that a batch is computed with where each length is compiled: rounded up to an eighth of the
 * power of two that is not below it, so that there are few.
 */
const ladderLength = (length: number, longest: number): number => {
  const step = Math.max(8, 2 ** Math.ceil(Math.log2(Math.max(1, length))) / 8)
  return Math.min(Math.ceil(length / step) * step, longest)
}

/** Rows of `length` tokens as rows of `wanted`, with zeros behind. */
const paddedRows = (tokens: Int32Array, length: number, wanted: number): Int32Array => {
  if (length === wanted) return tokens
  const rows = tokens.length / length
  const out = new Int32Array(rows * wanted)
  for (let b = 0; b < rows; b++) out.set(tokens.subarray(b * length, (b + 1) * length), b * wanted)
  return out
}

export const prefixed = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([k, t]) => [`${prefix}.${k}`, t]))

type Side = Record<keyof ReturnType<typeof broughtBy>['batch'], DeviceTensor>

/** What runs batches of one length: the methods, and the tensors that a batch is written to. */
interface Runner extends Readonly<Record<BatchMethod, Omit<BatchRun, 'sizes'>>> {
  /** The right answers, and in a recipe over pairs the wrong ones. */
  readonly sides: readonly Side[]
}

/** The methods of a session for batches of each length, and the tensors that batches are written to. */
export class BatchRunners {
  readonly #runners = new Map<number, Runner>()

  constructor(private readonly options: BatchRunnersOptions) {}

  /** The length of the tensors that a batch is computed from. */
  lengthFor(length: number): number {
    const { anyLength, most } = this.options
    return anyLength ? most : ladderLength(length, most)
  }

  has(length: number): boolean {
    return this.#runners.has(length)
  }

  /** Adds the methods for batches of a length. */
  add(length: number, methods: Readonly<Record<BatchMethod, Executable>>): void {
    const { recipe, shape, make, inputsOf } = this.options
    const tensors = broughtBy({ ...shape, T: length }).batch
    const sides = [make(tensors), ...(isPaired(recipe) ? [make(tensors)] : [])]
    const runOf = (method: BatchMethod): BatchRun => {
      const names = batchInputs(recipe, method)
      const batch = Object.assign({}, ...names.map((name, i) => prefixed(name, sides[i]!)))
      const executable = methods[method]
      return { executable, inputs: inputsOf(method, executable, batch) }
    }
    this.#runners.set(length, { sides, step: runOf('step'), validate: runOf('validate') })
  }

  /** The run of a method for batches of the greatest length. */
  longest(method: BatchMethod): BatchRun {
    return this.#runners.get(this.options.most)![method]
  }

  /** Writes a batch to its tensors, and returns what computes it. Its length must be prepared. */
  filled(method: BatchMethod, batch: Batch): BatchRun {
    const { recipe, anyLength } = this.options
    const length = this.lengthFor(batch.length)
    const runner = this.#runners.get(length)
    if (runner === undefined) throw new Error(`batches of ${batch.length} positions are not prepared`)
    if (wantsPairs(recipe, method) && batch.wrong === undefined)
      throw new UserError({
        what: `${recipe.name}.${method} wants pairs, and its batches have no wrong answers`,
        hint: 'give each batch a second one as `wrong`',
      })
    for (const [i, tensors] of runner.sides.entries()) {
      const side = i === 0 ? batch : batch.wrong
      if (side === undefined) continue
      tensors.tokens.write(paddedRows(side.tokens, batch.length, length))
      tensors.position.write(side.position)
      tensors.target.write(side.target)
      tensors.weight.write(side.weight)
      tensors.prompt.write(side.prompt)
      tensors.example.write(side.example)
    }
    return { ...runner[method], ...(anyLength ? { sizes: { T: batch.length } } : {}) }
  }
}
