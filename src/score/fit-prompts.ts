import type { Example } from '../data/examples.js'
import { placeOf } from '../data/records.js'
import { UserError } from '../errors/user-error.js'

/**
 * The treatment of a prompt that leaves no room for its answer in the context: cut it, leave the example out,
 * or refuse to score.
 */
export const longWays = ['left', 'right', 'skip', 'refuse'] as const

export type LongWay = (typeof longWays)[number]

/** An example for scoring: its prompt's tokens, and the number of tokens of its longest answer. */
export interface Asked {
  readonly example: Example
  readonly prompt: readonly number[]
  readonly answer: number
}

/** Examples whose prompts fit the context, and counts of those that were cut or left out. */
export interface Fitted<A extends Asked> {
  readonly asked: readonly A[]
  readonly cut: number
  readonly skipped: number
}

const tooLong = (long: readonly Asked[], all: number, context: number): UserError => {
  const { example, prompt, answer } = long[0]!
  return new UserError({
    what:
      `${long.length} of ${all} prompts ${long.length === 1 ? 'leaves' : 'leave'} no room ` +
      'for an answer in the context',
    where: placeOf(example),
    why: `this one has ${prompt.length} tokens, its answer ${answer}, and the model reads ${context}`,
    hint:
      '--long left or --long right cuts prompts on that side, --long skip leaves those ' +
      'examples out and says how many',
  })
}

/** Options for fitting prompts. */
export interface FitOptions {
  /** The most tokens of prompt and answer together. */
  readonly context: number
  readonly way: LongWay
  /** Begin-of-text, which a prompt that is cut at the left keeps. */
  readonly bos: number | undefined
}

/**
 * Fits prompts to a context. Throws a `UserError` if prompts are too long and `way` is to refuse, if no
 * example is left, or if an answer alone fills the context.
 */
export const fitPrompts = <A extends Asked>(
  all: readonly A[],
  { context, way, bos }: FitOptions,
): Fitted<A> => {
  const room = (a: Asked): number => context - a.answer
  const isLong = (a: Asked): boolean => a.prompt.length > room(a)
  const long = all.filter(isLong)
  if (long.length === 0) return { asked: all, cut: 0, skipped: 0 }
  if (way === 'refuse') throw tooLong(long, all.length, context)
  if (way === 'skip') {
    if (long.length === all.length) throw tooLong(long, all.length, context)
    return { asked: all.filter(a => !isLong(a)), cut: 0, skipped: long.length }
  }
  if (long.some(a => room(a) < 2)) throw tooLong(long, all.length, context)
  const cut = (a: A): A => {
    if (!isLong(a)) return a
    const keep = way === 'left' && bos !== undefined && a.prompt[0] === bos ? [bos] : []
    const rest = room(a) - keep.length
    const prompt = way === 'right' ? a.prompt.slice(0, rest) : [...keep, ...a.prompt.slice(-rest)]
    return { ...a, prompt }
  }
  return { asked: all.map(cut), cut: long.length, skipped: 0 }
}
