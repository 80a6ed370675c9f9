import type { Artifact } from '../../compiler/artifact.js'
import { DeviceError, showBytes } from '../../runtime/errors.js'
import type { BatchShape } from '../data/batch.js'

/** Shapes to try instead, the nearest first: a smaller batch, and once that is a single example, a shorter context. */
const smaller = ({ B, T, A, ...rest }: BatchShape): readonly BatchShape[] => {
  const halves = (n: number): readonly number[] =>
    n <= 1 ? [] : [Math.floor(n / 2), ...halves(Math.floor(n / 2))]
  return [
    ...halves(B).map(b => ({ ...rest, B: b, T, A })),
    ...halves(T).map(t => ({ ...rest, B: 1, T: t, A: Math.min(A, t) })),
  ]
}

/**
 * Throws a {@link DeviceError} if an artifact takes more than `capacity` bytes: by how much, and the largest batch or context, of those that halving
 * gives, that would fit by its own plan.
 */
export const requireFit = (
  { name, peakBytes, buffers }: Artifact,
  capacity: number | undefined,
  shape: BatchShape,
  replan: (shape: BatchShape) => Artifact,
): void => {
  if (capacity === undefined || peakBytes <= capacity) return
  const inputs = buffers.filter(b => b.role === 'input').reduce((n, b) => n + b.bytes, 0)
  const least = `It needs ${showBytes(peakBytes)} at least, ${showBytes(inputs)} of them for what it is given, and may have ${showBytes(capacity)}: ${showBytes(peakBytes - capacity)} too little.`
  const better =
    inputs > capacity
      ? undefined
      : smaller(shape)
          .map(s => ({ ...s, bytes: replan(s).peakBytes }))
          .find(s => s.bytes <= capacity)
  throw new DeviceError('out-of-memory', {
    what: `\`${name}\` does not fit into memory`,
    why: least,
    hint:
      better === undefined
        ? 'No smaller batch or context would fit: use a smaller model, or --weights of fewer bits, or give it more --memory.'
        : `${better.B < shape.B && better.T === shape.T ? `A batch of ${better.B} would fit (--set batch=${better.B})` : `A context of ${better.T} tokens would fit, one example at a time (--set batch=1 --set context=${better.T})`}: it needs ${showBytes(better.bytes)}.`,
  })
}
