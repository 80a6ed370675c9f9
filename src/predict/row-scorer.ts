import { rowLength } from '../data/batch.js'
import { rowsByLength } from '../data/batch-order.js'
import { UserError } from '../errors/user-error.js'
import { type CompiledSequence, compileSequence, type SequenceShape } from './compiled-sequence.js'
import { requireLogits, requireLosses } from './logits.js'
import type { PredictorSource } from './predictor-source.js'
import { type RowValues, writeRows } from './row-inputs.js'
import { answerBucket, compiledLength, perRow } from './shapes.js'

/** The most rows that are computed at once. */
export const rowsAtOnce = 8

/** A row of tokens to score, and the tokens that count. */
export interface ScoredRow {
  readonly tokens: readonly number[]
  /** The first token that counts, at least the second of the row; those from here on are summed. */
  readonly from: number
}

/**
 * Computes what a predictor says of whole rows: logits after them, and losses of their tokens. Each shape is
 * compiled at its first use.
 */
export class RowScorer {
  readonly #compiled = new Map<string, Promise<CompiledSequence>[]>()

  constructor(private readonly source: PredictorSource) {}

  /**
   * The logits after the last token of each row. Rows are cut at the left to fit the context. `prompts` are
   * the lengths of the rows' prompts; without one, the whole row is prompt.
   */
  async next(
    rows: readonly (readonly number[])[],
    values: RowValues,
    signal?: AbortSignal,
    prompts: readonly number[] = [],
  ): Promise<readonly Float32Array[]> {
    const out: Float32Array[] = new Array(rows.length)
    const { context, vocabulary } = this.source
    if (rows.some(r => r.length === 0))
      throw new UserError({
        what: 'the prompt is empty',
        why: 'the model predicts a token from those before it, and there are none',
        hint: 'give it at least one token to begin with',
      })
    for (const items of rowsByLength(
      rows.map(r => r.length),
      rowsAtOnce,
    )) {
      const some = items.map(i => rows[i]!.slice(-context))
      const T = rowLength(Math.max(...some.map(r => r.length)), context)
      const c = await this.#compiledFor('next', { rows: some.length === 1 ? 1 : rowsAtOnce, T, A: 1 }, signal)
      const tokens = new Int32Array(c.rows * c.length)
      const at = new Int32Array(c.rows)
      some.forEach((r, i) => {
        tokens.set(r, i * c.length)
        at[i] = r.length - 1
      })
      c.own.tokens?.write(tokens)
      c.own.prompt?.write(
        perRow(
          some.map((r, i) => prompts[items[i]!] ?? r.length),
          c.rows,
        ),
      )
      c.own.at?.write(at)
      writeRows(
        name => c.own[name],
        items.map(i => values[i]!),
        c.rows,
      )
      const found = await c.run(T)
      for (const [i, item] of items.entries())
        out[item] = requireLogits(found.slice(i * vocabulary, (i + 1) * vocabulary))
    }
    return out
  }

  /** The summed loss of each row's tokens from `from` on, in nats. Rows are cut like those of `next`. */
  async losses(
    rows: readonly ScoredRow[],
    values: RowValues,
    signal?: AbortSignal,
  ): Promise<readonly number[]> {
    const out: number[] = new Array(rows.length)
    const { context } = this.source
    for (const items of rowsByLength(
      rows.map(r => r.tokens.length),
      rowsAtOnce,
    )) {
      const some = items.map((item): ScoredRow => {
        const { tokens, from } = rows[item]!
        // The last token is only predicted.
        const cut = Math.max(0, tokens.length - 1 - context)
        return { tokens: tokens.slice(cut), from: Math.max(1, from - cut) }
      })
      const T = rowLength(Math.max(...some.map(r => r.tokens.length - 1)), context)
      const A = answerBucket(Math.max(...some.map(r => r.tokens.length - r.from)), T)
      const c = await this.#compiledFor('loss', { rows: rowsAtOnce, T, A }, signal)
      const tokens = new Int32Array(c.rows * c.length)
      const position = new Int32Array(c.rows * A)
      const target = new Int32Array(c.rows * A)
      const weight = new Float32Array(c.rows * A)
      some.forEach((r, i) => {
        tokens.set(r.tokens.slice(0, T), i * c.length)
        for (let t = r.from; t < r.tokens.length; t++) {
          const at = i * A + t - r.from
          position[at] = t - 1
          target[at] = r.tokens[t]!
          weight[at] = 1
        }
      })
      c.own.tokens?.write(tokens)
      c.own.prompt?.write(
        perRow(
          some.map(r => r.from),
          c.rows,
        ),
      )
      c.own.position?.write(position)
      c.own.target?.write(target)
      c.own.weight?.write(weight)
      writeRows(
        name => c.own[name],
        items.map(i => values[i]!),
        c.rows,
      )
      const found = await c.run(T)
      for (const [i, loss] of requireLosses(found.subarray(0, some.length)).entries()) out[items[i]!] = loss
    }
    return out
  }

  /** Frees what was compiled. */
  async destroy(): Promise<void> {
    for (const all of this.#compiled.values()) for (const c of all) (await c).destroy()
  }

  /** The predictor for rows of T positions: one that was compiled for more of them, or else a new one. */
  async #compiledFor(
    output: 'next' | 'loss',
    { rows, T, A }: SequenceShape,
    signal?: AbortSignal,
  ): Promise<CompiledSequence> {
    const key = `${output} ${rows} ${A}`
    const all = this.#compiled.get(key) ?? []
    this.#compiled.set(key, all)
    for (const c of await Promise.all(all))
      if (c.anyLength ? c.length >= T : c.length === compiledLength(T, this.source.context)) return c
    const most = compiledLength(T, this.source.context)
    const made = compileSequence(this.source, output, { rows, T: most, A }, signal)
    all.push(made)
    // The caller sees the failure. Nothing is kept that `destroy` would have to free.
    made.catch(() => all.splice(all.indexOf(made), 1))
    return made
  }
}
