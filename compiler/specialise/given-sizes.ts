/**
 * The sizes of a specialisation are not what the function asks for. The message holds all parts, one a
 * line.
 */
export class SizesError extends Error {
  constructor(
    /** The mistake, in one sentence. */
    readonly what: string,
    /** Why, with the names and the numbers. */
    readonly why: string,
    /** The remedy. */
    readonly hint: string,
  ) {
    super([what, why, hint].join('\n'))
    this.name = 'SizesError'
  }
}

/** An index counts to it. */
export const largestSize = 2 ** 31 - 1

const isSize = (n: unknown): boolean =>
  typeof n === 'number' && Number.isInteger(n) && n >= 0 && n <= largestSize

const list = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))

/** Throws a {@link SizesError} where a size is no whole number from 0 to {@link largestSize}. */
export const requireNumbers = (of: string, sizes: ReadonlyMap<string, number>): void => {
  const wrong = [...sizes].filter(([, n]) => !isSize(n))
  if (wrong.length > 0)
    throw new SizesError(
      `the sizes given to \`${of}\` are not all sizes`,
      `${wrong.map(([name, n]) => `${name} is ${Object.is(n, -0) ? '-0' : String(n)}`).join(', ')}.`,
      `A size is a whole number from 0 to ${largestSize}.`,
    )
}

/** Throws a {@link SizesError} where a function's sizes are not given one and all, or others are. */
export const requireSizes = (
  of: string,
  wanted: readonly string[],
  sizes: ReadonlyMap<string, number>,
): void => {
  if (!(sizes instanceof Map))
    throw new SizesError(
      `\`${of}\` is given no sizes`,
      'Its sizes are a Map from names to numbers.',
      `Give new Map([${wanted.map(n => `['${n}', …]`).join(', ')}]).`,
    )
  const missing = wanted.filter(n => !sizes.has(n))
  const unknown = [...sizes.keys()].filter(n => !wanted.includes(n))
  const why = [
    ...(missing.length > 0 ? [`It lacks ${missing.join(', ')}.`] : []),
    ...(unknown.length > 0 ? [`It has no size ${unknown.join(', ')}.`] : []),
  ]
  if (why.length > 0)
    throw new SizesError(
      `the sizes given to \`${of}\` are not its own`,
      why.join(' '),
      `Its sizes are: ${list(wanted)}. A size that the program defines by others follows from them.`,
    )
}

/**
 * An axis's extent. Throws a {@link SizesError} where the sizes make it less than nothing, or more than an
 * index counts to.
 */
export const requireExtent = (of: string, shown: string, extent: number): number => {
  if (isSize(extent)) return extent
  throw new SizesError(
    `no tensor can have the shape of \`${of}\` at these sizes`,
    `Its axis ${shown} would have ${extent} elements.`,
    `An axis has 0 to ${largestSize} elements: give other sizes.`,
  )
}
