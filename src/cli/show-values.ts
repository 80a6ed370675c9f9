import { elementsOf } from '../../runtime/tensor.js'
import type { HostTensor } from '../engine/engine.js'

/** The index tuple of an element by its place in row-major order. */
export const indexOf = (shape: readonly number[], flat: number): readonly number[] => {
  const out: number[] = []
  let rest = flat
  for (let i = shape.length - 1; i >= 0; i--) {
    out.unshift(rest % shape[i]!)
    rest = Math.floor(rest / shape[i]!)
  }
  return out
}

/** An element of a tensor as it is written in a program: `x[2, 0]`, or `x` for a scalar. */
export const showElement = (name: string, shape: readonly number[], flat: number): string =>
  shape.length === 0 ? name : `${name}[${indexOf(shape, flat).join(', ')}]`

/**
 * A number as text that reads back as the same number: whole numbers of the whole types exactly, an f32 by
 * the fewest digits that no other f32 has.
 */
export const showNumber = (x: number, dtype: HostTensor['dtype'] = 'f32'): string => {
  if (!Number.isFinite(x)) return String(x).replace('Infinity', 'inf')
  if (Object.is(x, -0)) return '-0'
  if (dtype !== 'f32' || (Number.isInteger(x) && Math.abs(x) < 2 ** 24)) return String(x)
  const short = shortest(x)
  const size = Math.abs(x)
  return size >= 1e-4 && size < 1e7 ? String(short) : short.toExponential()
}

const shortest = (x: number): number => {
  const same = (y: number): boolean => Math.fround(y) === Math.fround(x)
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(x.toPrecision(digits))
    if (same(short)) return short
  }
  return Number(x.toPrecision(9))
}

/** `f32[2, 3]`. */
export const showType = (t: Pick<HostTensor, 'dtype' | 'shape'>): string =>
  t.shape.length === 0 ? t.dtype : `${t.dtype}[${t.shape.join(', ')}]`

/** The most elements of a tensor that is shown whole. */
const wholeUpTo = 64

const showValue = (t: HostTensor, i: number): string =>
  t.dtype === 'bool' ? (t.data[i] !== 0 ? 'true' : 'false') : showNumber(t.data[i]!, t.dtype)

/** Rows of the last axis, one a line, each with its index. */
const rows = (t: HostTensor): readonly string[] => {
  const width = t.shape.at(-1)!
  const cells = Array.from(t.data, (_, i) => showValue(t, i))
  const widest = Math.max(...cells.map(c => c.length))
  const front = t.shape.slice(0, -1)
  const heads = Array.from({ length: cells.length / width }, (_, r) =>
    front.length === 0 ? '' : `[${indexOf(front, r).join(', ')}]`,
  )
  const headWidth = Math.max(...heads.map(h => h.length))
  return heads.map((head, r) =>
    [
      '  ',
      ...(headWidth === 0 ? [] : [`${head.padEnd(headWidth)}  `]),
      cells
        .slice(r * width, (r + 1) * width)
        .map(c => c.padStart(widest))
        .join('  '),
    ].join(''),
  )
}

/** The least and the greatest number, and the mean. */
const summaryOf = (data: HostTensor['data']): { min: number; max: number; mean: number } => {
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  for (const x of data) {
    min = Math.min(min, x)
    max = Math.max(max, x)
    sum += x
  }
  return { min, max, mean: sum / data.length }
}

/**
 * A named tensor as text: a small one whole; of a large one the shape, the first numbers, and the least, mean
 * and greatest number.
 */
export const showTensor = (name: string, t: HostTensor): string => {
  const head = `${name} : ${showType(t)}`
  const n = elementsOf(t.shape)
  if (n === 0) return `${head} (empty)`
  if (t.shape.length === 0) return `${head} = ${showValue(t, 0)}`
  if (n <= wholeUpTo) return [head, ...rows(t)].join('\n')
  const first = Array.from({ length: 8 }, (_, i) => showValue(t, i)).join('  ')
  const { min, max, mean } = summaryOf(t.data)
  return [
    head,
    `  ${first}  …`,
    `  min ${showNumber(min, t.dtype)}   mean ${showNumber(mean)}   max ${showNumber(max, t.dtype)}`,
  ].join('\n')
}

/** A tensor as JSON; `bool` as true and false. */
export const tensorJson = (t: HostTensor) => ({
  dtype: t.dtype,
  shape: t.shape,
  data: Array.from(t.data, x => (t.dtype === 'bool' ? x !== 0 : x)),
})
