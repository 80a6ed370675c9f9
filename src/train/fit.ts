import { DeviceError, showBytes } from '../../runtime/errors.js'
import type { BatchShape } from '../data/batch.js'
import type { Plan } from './plan.js'

/**
 * Shapes to try instead, the nearest first: smaller batches, and then, with a single example, shorter
 * contexts.
 */
const smaller = ({ B, T, A, ...rest }: BatchShape): readonly BatchShape[] => {
  const halves = (n: number): readonly number[] =>
    n <= 1 ? [] : [Math.floor(n / 2), ...halves(Math.floor(n / 2))]
  return [
    ...halves(B).map(b => ({ ...rest, B: b, T, A })),
    ...halves(T).map(t => ({ ...rest, B: 1, T: t, A: Math.min(A, t) })),
  ]
}

/** The words that set a size in a command, up to the number; absent if the command can't set it. */
export interface Remedies {
  readonly batch?: string | undefined
  readonly context?: string | undefined
  readonly weights?: string | undefined
  readonly memory?: string | undefined
}

type Size = Pick<Plan, 'bytes' | 'given'>

const told = (...words: readonly (string | undefined)[]): string =>
  words.includes(undefined) ? '' : ` (${words.join(' ')})`

const adviceFor = (
  shape: BatchShape,
  better: (BatchShape & { readonly bytes: number }) | undefined,
  { batch, context, weights, memory }: Remedies,
): string => {
  if (better === undefined) {
    const ways = [
      'use a smaller model',
      ...(weights === undefined ? [] : [`${weights} of fewer bits`]),
      ...(memory === undefined ? [] : [`give it more ${memory}`]),
    ]
    return `No smaller batch or context would fit: ${ways.join(', or ')}.`
  }
  const { B, T, bytes } = better
  const what =
    T === shape.T
      ? `A batch of ${B} would fit${told(batch && `${batch}${B}`)}`
      : `A context of ${T} tokens would fit, one example at a time` +
        told(batch && `${batch}1`, context && `${context}${T}`)
  return `${what}: it needs ${showBytes(bytes)}.`
}

/** A plan and the memory that it has to fit. */
export interface FitQuestion {
  /** The recipe's. */
  readonly name: string
  readonly plan: Size
  /** The limit in bytes; no limit if it is unknown. */
  readonly capacity: number | undefined
  readonly shape: BatchShape
  /** Plans another shape. Absent if only this shape may be tried. */
  readonly replan: ((shape: BatchShape) => Size) | undefined
  readonly remedies: Remedies
}

/**
 * Throws a {@link DeviceError} if a plan takes more than `capacity` bytes. The error has the numbers, and a
 * batch or context that fits: batches and contexts are halved until a plan fits.
 */
export const requireFit = ({ name, plan, capacity, shape, replan, remedies }: FitQuestion): void => {
  const { bytes, given } = plan
  if (capacity === undefined || bytes <= capacity) return
  const better =
    replan === undefined || given > capacity
      ? undefined
      : smaller(shape)
          .map(s => ({ ...s, bytes: replan(s).bytes }))
          .find(s => s.bytes <= capacity)
  throw new DeviceError('out-of-memory', {
    what: `\`${name}\` does not fit into memory`,
    why:
      `It needs ${showBytes(bytes)} at least, ${showBytes(given)} of them for what it is ` +
      `given and keeps, and may have ${showBytes(capacity)}: ${showBytes(bytes - capacity)} ` +
      'too little.',
    hint:
      replan === undefined
        ? 'It goes on only as it was begun: free memory that other programs hold.'
        : adviceFor(shape, better, remedies),
  })
}
