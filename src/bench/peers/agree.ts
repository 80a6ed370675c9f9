/** A tensor that training changed. */
export interface Learned {
  readonly name: string
  readonly before: ArrayLike<number>
  readonly after: ArrayLike<number>
}

/** The result of a peer's check: numbers that must be near ours, and then the learned tensors. */
export interface Expected {
  /** Each within `tolerance`, of its own size or 1, whichever is larger. */
  readonly each: readonly number[]
  /** Each tensor's difference from ours is at most `learnedTolerance` of the way that ours has gone. */
  readonly learned?: readonly Learned[]
}

const tolerance = 2e-4
const learnedTolerance = 0.01

const distance = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  Math.hypot(...Array.from(x, (v, i) => v - y[i]!))

/** The difference between a peer's result and ours, in words; undefined if they agree. */
export const disagrees = (
  values: readonly number[],
  { each, learned = [] }: Expected,
): string | undefined => {
  const total = learned.reduce((n, { after }) => n + after.length, each.length)
  if (values.length !== total) return `it gives ${values.length} numbers, not ${total}`
  for (const [i, want] of each.entries()) {
    const got = values[i] ?? Number.NaN
    if (!(Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want))))
      return `its number ${i + 1} is ${got}, ours ${want}`
  }
  let at = each.length
  for (const { name, before, after } of learned) {
    const off = distance(values.slice(at, at + after.length), after) / distance(after, before)
    if (!(off <= learnedTolerance))
      return `what it learned of ${name} is off by ${(100 * off).toPrecision(2)} % of the way`
    at += after.length
  }
  return undefined
}
