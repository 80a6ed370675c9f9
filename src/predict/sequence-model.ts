// A predictor on a device: logits after rows and losses of rows (row-scorer.ts), and continuation. A causal
// program continues from cached keys and values (decoder.ts); for any other program each token computes the
// whole row again.

import { DeviceError } from '../../runtime/index.js'
import { Turns } from '../async/turns.js'
import { UserError } from '../errors/user-error.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { type BeamOptions, BeamSearch, checkBeams, type NextLogits, searchTogether } from './beams.js'
import {
  type ChooseToken,
  capacityFor,
  type DecodedRows,
  Decoder,
  type DecoderOutput,
  type TakeToken,
} from './decoder.js'
import type { RowEdit } from './edit-slots.js'
import { argmax } from './logits.js'
import type { PredictorSource } from './predictor-source.js'
import { rowValues } from './row-inputs.js'
import { RowScorer, rowsAtOnce, type ScoredRow } from './row-scorer.js'
import { checkSampling, drawAt, drawToken, type Sampling } from './sampling.js'

export interface ModelCallOptions {
  /** The adapter of each row and its strength, for a model that `openAdapters` opened. */
  readonly adapters?: readonly RowEdit[] | undefined
  /** If it is aborted, the call rejects with the signal's reason, even while kernels are being compiled. */
  readonly signal?: AbortSignal | undefined
}

export interface GreedyOptions extends ModelCallOptions {
  /**
   * Receives every new token, those of a row in order. It may return `false` to end the row, for example at a
   * stop text. An exception from it ends the call.
   */
  readonly onToken?: ((row: number, token: number) => unknown) | undefined
}

interface GenerateOptions extends GreedyOptions {
  readonly sampling?: Sampling
}

/**
 * Scores and continues token sequences on a device. It is compiled for each length bucket at its first use.
 * It is reentrant: calls are done one after the other, in their order, each with the rows as they were at the
 * call.
 */
export class SequenceModel {
  readonly #turns = new Turns()
  #closing: Promise<void> | undefined
  readonly #scorer: RowScorer
  readonly #decoders = new Map<string, Decoder>()

  constructor(private readonly source: PredictorSource) {
    this.#scorer = new RowScorer(source)
  }

  /** The greatest number of tokens that it reads. */
  get context(): number {
    return this.source.context
  }

  /** The logits after the last token of each row, [rows][V]. Rows are cut at the left to fit the context. */
  async next(
    rows: readonly (readonly number[])[],
    { signal, adapters }: ModelCallOptions = {},
  ): Promise<readonly Float32Array[]> {
    const own = this.#tokensOf(rows)
    const values = rowValues(this.source, rows.length, adapters)
    return this.#turn(() => this.#scorer.next(own, values, signal), signal)
  }

  /**
   * The summed negative log-likelihood of each row's tokens from `from` on, in nats. Rows are cut like those
   * of `next`.
   */
  async losses(
    rows: readonly ScoredRow[],
    { signal, adapters }: ModelCallOptions = {},
  ): Promise<readonly number[]> {
    const tokens = this.#tokensOf(rows.map(r => r.tokens))
    const own = rows.map(({ from }, i) => ({ tokens: tokens[i]!, from }))
    const wrong = own.find(r => !Number.isInteger(r.from) || r.from < 1 || r.from >= r.tokens.length)
    if (wrong !== undefined)
      throw new UserError({
        what: 'a row has nothing to score',
        why: `it has ${wrong.tokens.length} tokens, and those from ${wrong.from} on were to count`,
        hint: 'the first token that counts is at least the second of its row, and at most the last',
      })
    const values = rowValues(this.source, rows.length, adapters)
    return this.#turn(() => this.#scorer.losses(own, values, signal), signal)
  }

  /**
   * Continues each row with tokens drawn by chance (see `sampling.ts`) until a stop token, `most` new tokens,
   * or the end of the context. The same seed gives the same tokens, whatever rows there are beside one.
   */
  async sample(
    prompts: readonly (readonly number[])[],
    most: number,
    tokenizer: Pick<Tokenizer, 'stops'>,
    { sampling, ...options }: GreedyOptions & { readonly sampling: Sampling },
  ): Promise<readonly (readonly number[])[]> {
    checkSampling(sampling)
    return this.#generate(prompts, most, tokenizer, { ...options, sampling })
  }

  /**
   * Continues each row by beam search (see `beams.ts`) until it ends. A row gets the same tokens alone and in
   * a batch. `onToken` receives the tokens of the best text once the search of its row is over.
   */
  async beams(
    prompts: readonly (readonly number[])[],
    most: number,
    tokenizer: Pick<Tokenizer, 'stops'>,
    { onToken, signal, adapters, ...options }: GreedyOptions & BeamOptions,
  ): Promise<readonly (readonly number[])[]> {
    checkBeams(options)
    const own = this.#tokensOf(prompts)
    const values = rowValues(this.source, prompts.length, adapters)
    return this.#turn(async () => {
      const { beams } = options
      // Prompts whose beams fill the rows of a decoder are searched together.
      const together = Math.max(1, Math.floor(rowsAtOnce / beams))
      const decoder = await this.#decoder(own, { most, output: 'next', width: together * beams }, signal)
      const next: NextLogits = async rows => {
        signal?.throwIfAborted()
        const tokens = rows.map(r => r.tokens)
        const given = rows.map(r => values[r.prompt]!)
        const lengths = rows.map(r => own[r.prompt]!.length)
        return decoder === undefined
          ? this.#scorer.next(tokens, given, signal, lengths)
          : decoder.after({ tokens, values: given, prompts: lengths })
      }
      const searches = own.map(
        p => new BeamSearch(options, tokenizer.stops, Math.min(most, this.source.context - p.length)),
      )
      const texts = await searchTogether(own, searches, together, next)
      return texts.map((text, row) => {
        const end = text.findIndex(token => onToken?.(row, token) === false)
        return end < 0 ? text : text.slice(0, end + 1)
      })
    }, signal)
  }

  /** Continues each row greedily until a stop token, `most` new tokens, or the end of the context. */
  async greedy(
    prompts: readonly (readonly number[])[],
    most: number,
    tokenizer: Pick<Tokenizer, 'stops'>,
    options: GreedyOptions = {},
  ): Promise<readonly (readonly number[])[]> {
    return this.#generate(prompts, most, tokenizer, options)
  }

  async #generate(
    prompts: readonly (readonly number[])[],
    most: number,
    tokenizer: Pick<Tokenizer, 'stops'>,
    options: GenerateOptions,
  ): Promise<readonly (readonly number[])[]> {
    const own = this.#tokensOf(prompts)
    if (!Number.isInteger(most) || most < 0)
      throw new UserError({
        what: `${most} new tokens are asked for`,
        hint: 'give a whole number from 0 on',
      })
    return this.#turn(() => this.#continue(own, most, tokenizer, options), options.signal)
  }

  async #continue(
    prompts: readonly (readonly number[])[],
    most: number,
    { stops }: Pick<Tokenizer, 'stops'>,
    { onToken, signal, sampling, adapters }: GenerateOptions,
  ): Promise<readonly (readonly number[])[]> {
    const values = rowValues(this.source, prompts.length, adapters)
    const written = prompts.map((): number[] => [])
    const output = sampling === undefined ? 'chosen' : 'next'
    const decoder = await this.#decoder(prompts, { most, output }, signal)
    const width = decoder?.rows ?? rowsAtOnce
    for (let first = 0; first < prompts.length; first += width) {
      const some = prompts.slice(first, first + width)
      const room = some.map(p => Math.min(most, this.source.context - p.length))
      const take: TakeToken = (row, token) => {
        signal?.throwIfAborted()
        const own = written[first + row]!
        if (stops.includes(token) || own.length >= room[row]!) return false
        own.push(token)
        return onToken?.(first + row, token) !== false && own.length < room[row]!
      }
      const choose: ChooseToken = (row, logits, seen) => {
        if (sampling === undefined) return argmax(logits)
        const step = seen.length - some[row]!.length
        return drawToken(logits, seen, sampling, drawAt(sampling.seed, first + row, step))
      }
      const steps = Math.min(most, Math.max(...room))
      const rows = { tokens: some, values: values.slice(first, first + width) }
      if (decoder === undefined) await this.#continueAnew(rows, { most, choose, take }, signal)
      else if (sampling === undefined) await decoder.continue(rows, steps, take)
      else await decoder.continueBy(rows, steps, choose, take)
    }
    return written
  }

  /**
   * Like {@link Decoder.continue}, for predictors that are not causal: each token computes the whole row
   * again.
   */
  async #continueAnew(
    { tokens: prompts, values }: DecodedRows,
    { most, choose, take }: { readonly most: number; readonly choose: ChooseToken; readonly take: TakeToken },
    signal?: AbortSignal,
  ): Promise<void> {
    const rows = prompts.map(p => [...p])
    const lengths = prompts.map(p => p.length)
    const open = new Set(rows.keys())
    for (let i = 0; i < most && open.size > 0; i++) {
      const logits = await this.#scorer.next(rows, values, signal, lengths)
      for (const r of open) {
        const token = choose(r, logits[r]!, rows[r]!)
        rows[r]!.push(token)
        if (!take(r, token)) open.delete(r)
      }
    }
  }

  /** Closes it after all earlier calls have ended; later calls are refused. A second call does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#turns.take(() => this.#release())
    return this.#closing
  }

  #turn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#closing === undefined) return this.#turns.take(work, signal)
    throw new UserError({ what: 'the model was closed', hint: 'close it only after its last use' })
  }

  /** A copy of the rows. Throws a `UserError` if a token is outside the vocabulary. */
  #tokensOf(rows: readonly (readonly number[])[]): readonly (readonly number[])[] {
    const { vocabulary } = this.source
    const own = rows.map(row => Array.from(row))
    own.forEach((row, r) => {
      const at = row.findIndex(t => !Number.isInteger(t) || t < 0 || t >= vocabulary)
      if (at >= 0)
        throw new UserError({
          what: 'a token is none of the model’s',
          where: `token ${at} of row ${r}`,
          why: `it is ${row[at]}, and the model has those from 0 to ${vocabulary - 1}`,
          hint: 'take the tokens from the tokenizer of the same model',
        })
    })
    return own
  }

  async #release(): Promise<void> {
    await this.#scorer.destroy()
    for (const d of this.#decoders.values()) await d.close()
  }

  /**
   * The decoder that continues some rows from a cache, several at once if the device has room; undefined if
   * the predictor is not causal.
   */
  async #decoder(
    rows: readonly (readonly number[])[],
    {
      most,
      output,
      width: wanted,
    }: { readonly most: number; readonly output: DecoderOutput; readonly width?: number },
    signal?: AbortSignal,
  ): Promise<Decoder | undefined> {
    const { context } = this.source
    const longest = Math.max(...rows.map(r => r.length))
    if (longest > context || rows.some(r => r.length === 0)) return undefined
    const capacity = capacityFor(longest + most, context)
    const widths = wanted !== undefined ? [wanted] : rows.length === 1 ? [1] : [rowsAtOnce, 1]
    for (const width of widths) {
      const key = `${output} ${width} ${capacity}`
      const decoder = this.#decoders.get(key) ?? new Decoder(this.source, width, capacity, output)
      this.#decoders.set(key, decoder)
      try {
        return (await decoder.works(signal)) ? decoder : undefined
      } catch (error) {
        if (!(error instanceof DeviceError) || !['too-small', 'out-of-memory'].includes(error.kind))
          throw error
        this.#decoders.delete(key)
        await decoder.close()
      }
    }
    return undefined
  }
}
