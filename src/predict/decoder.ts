import * as E from 'fp-ts/lib/Either.js'
import { lower, packInputs } from '../../compiler/pipeline.js'
import { specialiseDecoder } from '../../compiler/specialise/predictor.js'
import { type DeviceTensor, download, type Executable, load, Readback, zeros } from '../../runtime/index.js'
import { yieldToEvents } from '../async/yield-to-events.js'
import { chooseByCostModel } from '../measure/choose-schedules.js'
import { requireLogits } from './logits.js'
import type { PredictorSource } from './predictor-source.js'
import { type RowValues, rowNames, writeRows } from './row-inputs.js'

/**
 * The windows: tokens of each row that one step reads, one while generating and more for a prompt. There are
 * only two, since each is compiled.
 */
const windows = [1, 64] as const

/** The capacity in tokens: a power of two, so that few capacities are compiled. */
export const capacityFor = (length: number, context: number): number =>
  Math.min(context, 2 ** Math.ceil(Math.log2(Math.max(length, 64))))

const commonLength = (a: readonly number[], b: readonly number[]): number => {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return i
  return n
}

/** The pace of readings: several fast steps share one reading of their tokens. */
const pace = { interval: 10, most: 16 } as const

/** The result of a step for each row: the likeliest token and its logit, or all logits. */
export type DecoderOutput = 'chosen' | 'next'

/** Chooses a row's next token by its logits; `written` is the row so far. */
export type ChooseToken = (row: number, logits: Float32Array, written: readonly number[]) => number

/** Receives a row's next token, and returns whether the row goes on. */
export type TakeToken = (row: number, token: number) => boolean

/** Rows to continue: their tokens, and the numbers that each has of its own. */
export interface DecodedRows {
  readonly tokens: readonly (readonly number[])[]
  readonly values: RowValues
  /** The tokens of each row that are its prompt; all of them unless given. */
  readonly prompts?: readonly number[]
}

interface Step {
  readonly executable: Executable
  readonly tokens: DeviceTensor
  /** Weights, edits and settings. */
  readonly brought: Readonly<Record<string, DeviceTensor>>
}

/**
 * Continues rows of tokens greedily, with a cache of keys and values on the device: for a row that goes on,
 * only its new tokens are computed. Rows are at most as long as the capacity. It is not reentrant: its
 * `SequenceModel` makes one call of `continue` at a time.
 */
export class Decoder {
  readonly #steps = new Map<number, Promise<Step | undefined>>()
  /**
   * By name: the caches, each row's position, and the chosen tokens, which the next step of one token reads.
   * All windows share them.
   */
  readonly #own = new Map<string, DeviceTensor>()
  /** The tokens of each row that the caches hold. */
  #seen: readonly (readonly number[])[] = []
  #prompts: readonly number[] = []
  #values: RowValues = []

  constructor(
    private readonly source: PredictorSource,
    readonly rows: number,
    readonly capacity: number,
    private readonly output: DecoderOutput = 'chosen',
  ) {}

  /**
   * Whether the predictor can be computed token by token (it is causal). Uploads all windows; rejects with a
   * `DeviceError` if they do not fit.
   */
  async works(signal?: AbortSignal): Promise<boolean> {
    for (const window of windows)
      if ((await this.#step(Math.min(window, this.capacity), signal)) === undefined) return false
    return true
  }

  /**
   * Continues each row greedily, by at most `most` tokens; of equally likely tokens the first wins. `take`
   * receives every token, those of a row in order, and returns whether the row goes on. The device begins
   * steps before the host knows the tokens of earlier ones, so that it never waits; when rows end, the steps
   * of about 20 ms, or two steps, are wasted. A beginning that a row shares with the last call is not
   * computed again.
   */
  async continue(given: DecodedRows, most: number, take: TakeToken): Promise<void> {
    if (most <= 0) return
    const { tokens: rows } = given
    const first = await this.#begin(given)
    const whole = rows.map(row => [...row])
    const open = new Set(rows.keys())
    const taken = ({ chosen, top }: Readonly<Record<string, ArrayLike<number>>>): void => {
      const tokens = chosen!
      for (const r of open) {
        // The maximum of the logits is NaN if one of them is NaN, and −∞ if no token is possible.
        requireLogits([Math.abs(top![r]!)])
        whole[r]!.push(tokens[r]!)
        if (!take(r, tokens[r]!)) open.delete(r)
      }
    }
    const top = this.#own.get('top')!
    taken(first)
    const last = this.capacity - 1
    const readback = new Readback<undefined>(this.source.device, pace)
    let steps = 0
    try {
      for (; open.size > 0 && steps < most - 1; steps++) {
        // The position of a row that has ended, or that fills the capacity, does not matter.
        const start = rows.map(row => Math.min(row.length + steps, last))
        const chosen = await this.#run(1, start)
        for (const { values } of await readback.push(undefined, { chosen, top })) taken(values)
      }
      for (const { values } of await readback.drain()) taken(values)
    } finally {
      readback.destroy()
    }
    this.#seen = whole.map((row, r) => row.slice(0, Math.min(rows[r]!.length + steps, last)))
  }

  /**
   * Continues each row with the tokens that `choose` takes by their logits. The decoder must give `next`.
   * Each step waits for the choice of the one before.
   */
  async continueBy(given: DecodedRows, most: number, choose: ChooseToken, take: TakeToken): Promise<void> {
    if (most <= 0) return
    const { tokens: rows } = given
    let { next } = await this.#begin(given)
    const whole = rows.map(row => [...row])
    const open = new Set(rows.keys())
    const last = this.capacity - 1
    let steps = 0
    for (; ; steps++) {
      const all = Float32Array.from(next!)
      const vocabulary = all.length / this.rows
      for (const r of open) {
        const logits = requireLogits(all.subarray(r * vocabulary, (r + 1) * vocabulary))
        const token = choose(r, logits, whole[r]!)
        whole[r]!.push(token)
        if (!take(r, token)) open.delete(r)
      }
      if (open.size === 0 || steps === most - 1) break
      const start = rows.map(row => Math.min(row.length + steps, last))
      // A row that has ended goes on with any token; nothing of it is kept for later calls.
      const tokens = whole.map(row => row.at(-1)!)
      const made = await this.#run(1, start, tokens)
      next = (await download(this.source.device, [made]))[0]!
    }
    const ended = (r: number): number => Math.min(whole[r]!.length - 1, last)
    this.#seen = whole.map((row, r) => row.slice(0, open.has(r) ? ended(r) : rows[r]!.length))
  }

  /**
   * The logits after each row; the decoder must give `next`. A row may be any row of the last call with more
   * tokens: it takes the cache of the row with which it shares its longest beginning, as far as that is free,
   * and only what follows is computed.
   */
  async after(given: DecodedRows): Promise<readonly Float32Array[]> {
    const { tokens: rows, values, prompts = rows.map(row => row.length) } = given
    const free = new Set(rows.keys())
    const shared = rows.flatMap((row, r) =>
      Array.from(rows.keys(), slot => ({ r, slot, length: commonLength(this.#seen[slot] ?? [], row) })),
    )
    const slotOf = new Map<number, number>()
    for (const { r, slot } of shared.sort((a, b) => b.length - a.length)) {
      if (slotOf.has(r) || !free.has(slot)) continue
      slotOf.set(r, slot)
      free.delete(slot)
    }
    const order = [...slotOf].sort(([, a], [, b]) => a - b).map(([r]) => r)
    const { next } = await this.#begin({
      tokens: order.map(r => rows[r]!),
      values: order.map(r => values[r]!),
      prompts: order.map(r => prompts[r]!),
    })
    this.#seen = order.map(r => rows[r]!)
    const all = Float32Array.from(next!)
    const vocabulary = all.length / this.rows
    return rows.map((_, r) => {
      const slot = slotOf.get(r)!
      return requireLogits(all.slice(slot * vocabulary, (slot + 1) * vocabulary))
    })
  }

  /** Reads the rows. A beginning that the last call has read is not computed again. */
  #begin({
    tokens: rows,
    values,
    prompts = rows.map(row => row.length),
  }: DecodedRows): Promise<Readonly<Record<string, ArrayLike<number>>>> {
    // The cached values may depend on the length of the prompt, and on the row's adapter.
    const same = (r: number): boolean =>
      (!this.#own.has('prompt') || prompts[r] === this.#prompts[r]) &&
      [...values[r]!].every(([name, x]) => this.#values[r]?.get(name) === x)
    const seen = rows.map((_, r) => (same(r) ? (this.#seen[r] ?? []) : []))
    this.#seen = []
    this.#prompts = prompts
    this.#values = values
    return this.#prefill(rows, seen)
  }

  /**
   * The likeliest token after each row (the first of equals). A beginning that equals `seen` is not computed
   * again. The tokens stay on the device for the next step.
   */
  async #prefill(
    rows: readonly (readonly number[])[],
    seen: readonly (readonly number[])[],
  ): Promise<Readonly<Record<string, ArrayLike<number>>>> {
    const known = rows.map((row, r) => Math.min(commonLength(seen[r] ?? [], row), row.length - 1))
    for (;;) {
      const longest = Math.max(...rows.map((row, r) => row.length - known[r]!))
      const window = Math.min(this.capacity, windows.find(w => w >= longest) ?? windows.at(-1)!)
      // At the end of the capacity a window begins earlier and computes some tokens again. A row that is done
      // computes its last token again, since each run chooses for all rows.
      const start = rows.map((row, r) => Math.min(known[r]!, row.length - 1, this.capacity - window))
      const parts = rows.map((row, r) => row.slice(start[r]!, start[r]! + window))
      const tokens = new Int32Array(this.rows * window)
      for (const [r, part] of parts.entries()) tokens.set(part, r * window)
      const last = parts.map(part => part.length - 1)
      const chosen = await this.#run(window, start, tokens, last)
      rows.forEach((_, r) => {
        known[r] = start[r]! + parts[r]!.length
      })
      if (rows.every((row, r) => known[r] === row.length)) {
        const { device } = this.source
        if (this.output === 'next') return { next: (await download(device, [chosen]))[0]! }
        const [tokens, top] = await download(device, [chosen, this.#own.get('top')!])
        return { chosen: tokens!, top: top! }
      }
    }
  }

  /**
   * Runs a window of each row from its `start` on, with these tokens or with the last chosen ones. Returns
   * the tokens chosen after position `at` of the window.
   */
  async #run(
    window: number,
    start: readonly number[],
    tokens?: ArrayLike<number>,
    at: readonly number[] = [],
  ): Promise<DeviceTensor> {
    const step = (await this.#step(window))!
    const perRow = (values: ArrayLike<number>, each = 1): Int32Array => {
      const all = new Int32Array(this.rows * each)
      all.set(values)
      return all
    }
    if (tokens !== undefined) step.tokens.write(perRow(tokens, window))
    this.#own.get('start')?.write(perRow(start))
    this.#own.get('prompt')?.write(perRow(this.#prompts))
    this.#own.get('at')?.write(perRow(at))
    writeRows(name => this.#own.get(name), this.#values, this.rows)
    const own = Object.fromEntries(this.#own)
    const result = this.#own.get(this.output)!
    const top = this.#own.get('top')
    const into = { [this.output]: result, ...(top && { top }) }
    step.executable.run({ ...step.brought, ...own, tokens: step.tokens }, { into })
    return result
  }

  #step(window: number, signal?: AbortSignal): Promise<Step | undefined> {
    const known = this.#steps.get(window) ?? this.#compile(window, signal)
    this.#steps.set(window, known)
    // The caller sees the failure; a later call tries again.
    known.catch(() => this.#steps.delete(window))
    return known
  }

  async #compile(window: number, signal?: AbortSignal): Promise<Step | undefined> {
    const { device, program, predictor, bindings, packing } = this.source
    const { chooseSchedules = chooseByCostModel } = this.source
    const sizes = new Map([...bindings.sizes, ['T', this.capacity] as const])
    await yieldToEvents(signal)
    const graph = specialiseDecoder(
      { program, predictor, bindings: { ...bindings, sizes }, rows: this.rows },
      window,
      this.output,
    )
    if (E.isLeft(graph)) return undefined
    const packed = packInputs(graph.right, packing)
    const tuning = await chooseSchedules(device, packed, signal)
    await yieldToEvents(signal)
    const memory = device.capacityBytes
    const options = { name: `decode ${window}`, tuning, memory }
    const executable = await load(device, lower(packed, device.traits, options), { signal })
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
    const isOwn = (name: string): boolean =>
      /^(start|at|prompt|kept\.\d+)$/.test(name) || rowNames(this.source).has(name)
    for (const { name, dtype, shape } of [...inputs.filter(i => isOwn(i.name)), ...outputs])
      if (!this.#own.has(name)) this.#own.set(name, zeros(device, dtype, shape, name))
    const brought = await bring(inputs.map(i => i.name).filter(n => n !== 'tokens' && !isOwn(n)))
    const chosen = window === 1 ? this.#own.get('chosen') : undefined
    const tokens = chosen ?? zeros(device, 'i32', [this.rows, window], 'tokens')
    return { executable, brought, tokens }
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
