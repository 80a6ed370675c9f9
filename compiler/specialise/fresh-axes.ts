import type { Builder } from '../ir/builder.js'
import type { Axis } from '../ir/ir.js'

/** A fresh axis for each dimension of a tensor. Names are for people who read the graph. */
export const tensorAxes = (builder: Builder, shape: readonly number[]): readonly Axis[] =>
  namedAxes(builder, 'ijkmn', shape)

/** A fresh axis for each dimension of an array of records. */
export const arrayAxes = (builder: Builder, shape: readonly number[]): readonly Axis[] =>
  namedAxes(builder, 'lmn', shape)

const namedAxes = (builder: Builder, names: string, shape: readonly number[]): readonly Axis[] =>
  shape.map((n, i) => builder.axis(names[i % names.length]!, n))

/** Each axis as a dimension of its own. */
export const dimensionsOf = (axes: readonly Axis[]): readonly (readonly Axis[])[] => axes.map(a => [a])
