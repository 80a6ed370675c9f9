import * as E from 'fp-ts/lib/Either.js'
import { lower, packInputs } from '../compiler/pipeline.js'
import { specialiseDecoder } from '../compiler/specialise/predictor.js'
import { type DeviceTensor, download, type Executable, load, zeros } from '../runtime/index.js'
import type { PredictorSource } from './predict.js'
import { tuningFor } from './tune/tune.js'

/** How many tokens of each row go in at once: one while generating, more of a prompt. Two, since each is compiled. */
const windows = [1, 64] as const

/** Room for so many tokens: a power of two, so that few are compiled. */
export const capacityFor = (length: number, context: number): number =>
  Math.min(context, 2 ** Math.ceil(Math.log2(Math.max(length, 64))))

const commonLength = (a: readonly number[], b: readonly number[]): number => {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return i
  return n
}

interface Step {
  readonly executable: Executable
  readonly tokens: DeviceTensor
  /** Weights, edits and settings. */
  readonly brought: Readonly<Record<string, DeviceTensor>>
}

/**
 * Predicts what follows rows of tokens, and keeps on the device what the predictor needs of tokens that it has seen: of a row that goes
 * on, only its new tokens are computed. Rows are at most as long as the capacity.
 */
export class Decoder {
  readonly #steps = new Map<number, Promise<Step | undefined>>()
  /** By name: what is kept, and each row's place. All windows share them. */
  readonly #own = new Map<string, DeviceTensor>()
  #seen: readonly (readonly number[])[] = []

  constructor(
    private readonly source: PredictorSource,
    readonly rows: number,
    readonly capacity: number,
  ) {}

  /**
   * Whether the predictor can go on where it was: one whose past depends on what comes later can't. All windows are on the device after this;
   * rejects with a `DeviceError` where there is no room for them.
   */
  async works(): Promise<boolean> {
    for (const window of windows)
      if ((await this.#step(Math.min(window, this.capacity))) === undefined) return false
    return true
  }

  /** The first of the likeliest tokens after each row. Asked again for rows that begin alike, it computes the rest of them only. */
  async likeliest(rows: readonly (readonly number[])[]): Promise<readonly number[]> {
    const known = rows.map((row, r) => Math.min(commonLength(this.#seen[r] ?? [], row), row.length - 1))
    const chosen = new Map<number, number>()
    this.#seen = []
    while (chosen.size < rows.length) {
      const most = Math.max(...rows.map((row, r) => row.length - known[r]!))
      const window = Math.min(this.capacity, windows.find(w => w >= most) ?? windows.at(-1)!)
      // At the end of the room a window begins earlier, and computes some tokens again.
      const start = rows.map((row, r) => Math.min(known[r]!, row.length - 1, this.capacity - window))
      const next = await this.#advance(rows, start, window)
      rows.forEach((row, r) => {
        known[r] = Math.min(row.length, start[r]! + window)
        if (known[r] === row.length && !chosen.has(r)) chosen.set(r, next[r]!)
      })
    }
    this.#seen = rows.map(row => [...row])
    return rows.map((_, r) => chosen.get(r)!)
  }

  async #advance(
    rows: readonly (readonly number[])[],
    start: readonly number[],
    window: number,
  ): Promise<ArrayLike<number>> {
    const step = (await this.#step(window))!
    const tokens = new Int32Array(this.rows * window)
    const place = { start: new Int32Array(this.rows), at: new Int32Array(this.rows) }
    rows.forEach((row, r) => {
      const part = row.slice(start[r]!, start[r]! + window)
      tokens.set(part, r * window)
      place.start[r] = start[r]!
      place.at[r] = part.length - 1
    })
    step.tokens.write(tokens)
    for (const [name, values] of Object.entries(place)) this.#own.get(name)?.write(values)
    const own = Object.fromEntries(this.#own)
    const chosen = this.#own.get('chosen')!
    step.executable.run({ ...step.brought, ...own, tokens: step.tokens }, { into: { chosen } })
    return (await download(this.source.device, [chosen]))[0]!
  }

  #step(window: number): Promise<Step | undefined> {
    const known = this.#steps.get(window) ?? this.#compile(window)
    this.#steps.set(window, known)
    // Whoever asked is told.
    known.catch(() => this.#steps.delete(window))
    return known
  }

  async #compile(window: number): Promise<Step | undefined> {
    const { device, program, predictor, bindings, packing } = this.source
    const sizes = new Map([...bindings.sizes, ['T', this.capacity] as const])
    const graph = specialiseDecoder(program, predictor, { ...bindings, sizes }, this.rows, window, 'chosen')
    if (E.isLeft(graph)) return undefined
    const packed = packInputs(graph.right, packing)
    const tuning = await tuningFor(device, packed)
    const memory = device.capacityBytes
    const options = { name: `decode ${window}`, tuning, memory }
    const executable = await load(device, lower(packed, device.traits, options))
    try {
      return await this.#furnish(executable, window)
    } catch (error) {
      executable.destroy()
      throw error
    }
  }

  /** The tensors that a step runs with. */
  async #furnish(executable: Executable, window: number): Promise<Step> {
    const { device, bring } = this.source
    const { inputs, outputs } = executable.artifact
    const isOwn = (name: string): boolean => /^(start|at|kept\.\d+)$/.test(name)
    for (const { name, dtype, shape } of [...inputs.filter(i => isOwn(i.name)), ...outputs])
      if (!this.#own.has(name)) this.#own.set(name, zeros(device, dtype, shape, name))
    const brought = await bring(inputs.map(i => i.name).filter(n => n !== 'tokens' && !isOwn(n)))
    return { executable, brought, tokens: zeros(device, 'i32', [this.rows, window], 'tokens') }
  }

  async close(): Promise<void> {
    for (const made of this.#steps.values()) {
      const step = await made
      step?.executable.destroy()
      step?.tokens.destroy()
    }
    for (const t of this.#own.values()) t.destroy()
  }
}
