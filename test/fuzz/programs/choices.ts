import { randomNumbers } from '../../compiler/ir/random-graph.js'

/**
 * What a generator decides by: whole numbers in order. Where they end, all further ones are 0, which stands
 * for what is simplest.
 */
export class Choices {
  private at = 0

  constructor(readonly values: readonly number[]) {}

  /** A number from 0 to n - 1. */
  below(n: number): number {
    return n <= 1 ? 0 : (this.values[this.at++] ?? 0) % n
  }

  one<A>(from: readonly A[]): A {
    return from[this.below(from.length)]!
  }

  /** What the generator has decided by so far. */
  get used(): readonly number[] {
    return this.values.slice(0, this.at)
  }
}

/** So many choices by chance; the same seed gives the same. */
export const randomChoices = (seed: number, count: number): readonly number[] => {
  const random = randomNumbers(seed)
  return Array.from({ length: count }, () => Math.floor(random() * 720_720))
}

const smaller = function* (values: readonly number[]): Generator<readonly number[]> {
  for (let size = values.length; size > 0; size = Math.floor(size / 2))
    for (let at = 0; at + size <= values.length; at += size) yield values.toSpliced(at, size)
  for (const [at, value] of values.entries()) {
    if (value > 0) yield values.with(at, 0)
    if (value > 2) yield values.with(at, 1)
    if (value > 4) yield values.with(at, Math.floor(value / 2))
  }
}

/** Fewer and smaller choices that fail too, as few as `attempts` tries find. */
export const shrink = async (
  start: readonly number[],
  fails: (values: readonly number[]) => Promise<boolean>,
  attempts: number,
): Promise<readonly number[]> => {
  let best = start
  let left = attempts
  for (let better = true; better; ) {
    better = false
    for (const candidate of smaller(best)) {
      if (left-- <= 0) return best
      if (!(await fails(candidate))) continue
      best = candidate
      better = true
      break
    }
  }
  return best
}
