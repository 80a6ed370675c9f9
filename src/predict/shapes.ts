/**
 * The length that rows are compiled for: a power of two, at least 64, within the context. Shorter rows are
 * run by the same kernels, so few lengths are compiled.
 */
export const compiledLength = (length: number, context: number): number =>
  Math.min(context, Math.max(64, 2 ** Math.ceil(Math.log2(Math.max(length, 1)))))

/** The number of tokens to score is rounded up to a power of two, so that few shapes are compiled. */
export const answerBucket = (count: number, T: number): number =>
  Math.min(T, 2 ** Math.ceil(Math.log2(Math.max(count, 1))))

/** A number for each row, 0 for rows that only fill the batch. */
export const perRow = (values: readonly number[], rows: number): Int32Array => {
  const all = new Int32Array(rows)
  all.set(values)
  return all
}
