import type { Artifact, Count, OpenExtent } from '../compiler/artifact.js'
import { DeviceError } from './errors.js'

const extentAt = ({ size, scale, shift, per }: OpenExtent, now: readonly number[]): number =>
  Math.max(0, Math.ceil((scale * now[size] + shift) / per))

/** A number of things in a run in which the artifact's open sizes have the numbers `now`. */
export const countAt = (c: Count, now: readonly number[]): number =>
  typeof c === 'number'
    ? c
    : Math.ceil(
        c.parts.reduce<number>(
          (n, part) =>
            n * (typeof part === 'object' && 'scale' in part ? extentAt(part, now) : countAt(part, now)),
          1,
        ) / c.per,
      )

type Grid = readonly [number, number, number]

/** The part of a grid that has `count` workgroups or a few more, in the order of their flat numbers. */
export const gridFor = ([x, y, z]: Grid, count: number): Grid => {
  if (count === 0) return [0, 1, 1]
  if (y === 1 && z === 1) return [count, 1, 1]
  const rows = Math.ceil(count / x)
  return z === 1 ? [x, rows, 1] : [x, y, Math.ceil(rows / y)]
}

/**
 * The numbers of an artifact's open sizes in a run, in the artifact's order. Throws a `DeviceError` if they
 * are not its sizes one and all, or one is not a multiple of its step from 0 to its most.
 */
export const openSizesAt = (
  { name, sizes = [] }: Artifact,
  given: Readonly<Record<string, number>> = {},
): readonly number[] => {
  const refuse = (why: string): never => {
    throw new DeviceError('input', {
      what: `\`${name}\` is not given its open sizes`,
      why,
      hint:
        sizes.length === 0
          ? 'Its sizes were decided when it was compiled: leave out `sizes`.'
          : `Give \`sizes\` with ${sizes.map(s => `${s.name} up to ${s.most}`).join(', ')}.`,
    })
  }
  const unknown = Object.keys(given).find(n => sizes.every(s => s.name !== n))
  if (unknown !== undefined) refuse(`It has no open size ${unknown}.`)
  return sizes.map(({ name: size, most, step }) => {
    const n = given[size]
    if (n === undefined) return refuse(`It lacks ${size}.`)
    if (!Number.isInteger(n) || n < 0 || n > most || n % step !== 0)
      refuse(
        `${size} is ${n}, and must be a ${step === 1 ? 'whole number' : `multiple of ${step}`} ` +
          `from 0 to ${most}.`,
      )
    return n
  })
}

/** The most of each open size of an artifact: a run computes all that its memory is laid out for. */
export const mostSizes = ({ sizes = [] }: Artifact): Readonly<Record<string, number>> =>
  Object.fromEntries(sizes.map(({ name, most }) => [name, most]))
