/**
 * Writes reductions: the declaration of an accumulator, the statement that takes a value in, and the result
 * over a vector's components and a subgroup's lanes.
 *
 * WGSL lets an implementation assume that no value is NaN, so its `max` and `min` may drop one. IEEE
 * 754-2019's `maximum` and `minimum` give NaN if an operand is NaN, and so does the interpreter. Kernels
 * therefore keep, beside the extreme, the largest bit pattern of the values: the bits of a NaN, without the
 * sign, are above those of infinity.
 */
import type { DType } from '../artifact.js'
import type { ReduceOp } from '../ir/ir.js'
import { identityOf } from '../ir/reduction-identity.js'
import { helpers, isNanText, wgslLiteral } from '../ir/wgsl-helpers.js'
import { type Block, largestI32, type TextValue, vectorType } from './block.js'
import type { Writer } from './writer.js'

/** The bits of an f32 infinity, shifted left by one. Those of a NaN are greater. */
const infinityBits = '0xff000000u'

/** The neutral element of a reduction; for argmax and argmin that of max and min. */
const startOf = (op: ReduceOp, dtype: DType): string =>
  wgslLiteral(dtype, identityOf(op === 'argmax' ? 'max' : op === 'argmin' ? 'min' : op, dtype))

/** The text that combines two partial results. */
const joinText = (op: ReduceOp, a: string, b: string): string =>
  op === 'sum' ? `(${a} + ${b})` : op === 'prod' ? `(${a} * ${b})` : `${op}(${a}, ${b})`

/** A running reduction: its variable, and for argmax and argmin also the variable of the position. */
export interface Accumulator {
  readonly name: string
  readonly place?: string
  /**
   * For a maximum or minimum of f32: the variable with the largest bits of the values, shifted left by one to
   * drop the sign.
   */
  readonly bits?: string
  readonly width: 1 | 4
  readonly dtype: DType
  readonly take: (v: TextValue, at: string, block: Block) => void
}

/** The reduction that an accumulator computes. `wide` means four neighbours at a time. */
export interface AccumulatorSpec {
  readonly op: ReduceOp
  readonly dtype: DType
  readonly wide: boolean
}

/** Declares the variable of a reduction and returns the statement that takes a value in. */
export const declareAccumulator = (
  { op, dtype, wide }: AccumulatorSpec,
  w: Writer,
  block: Block,
): Accumulator => {
  const name = w.fresh('acc')
  const start = startOf(op, dtype)
  const width = wide ? 4 : 1
  const type = wide ? vectorType(dtype) : dtype
  block.add(`var ${name} = ${type === 'f32' ? start : `${type}(${start})`};`)
  if (op === 'argmax' || op === 'argmin') {
    const place = w.fresh('at')
    block.add(`var ${place} = 0;`)
    const better = op === 'argmax' ? '>' : '<'
    return {
      name,
      place,
      width: 1,
      dtype,
      take: (v, at, b) => {
        const x = v.atom ? v : w.name(b, { text: v.text, dtype, width: 1 })
        const first = dtype === 'f32' ? ` || (${isNanText(x.text)} && !${isNanText(name)})` : ''
        b.add(`if (${x.text} ${better} ${name}${first}) { ${name} = ${x.text}; ${place} = ${at}; }`)
      },
    }
  }
  // WGSL's max and min may drop a NaN.
  const bits = dtype === 'f32' && (op === 'max' || op === 'min') ? w.fresh('bits') : undefined
  if (bits !== undefined) block.add(`var ${bits} = ${wide ? 'vec4u()' : '0u'};`)
  return {
    name,
    width,
    dtype,
    ...(bits === undefined ? {} : { bits }),
    take: (v, _, b) => {
      const given = wide ? w.widen(v) : v
      const { text } =
        bits === undefined || given.atom ? given : w.name(b, { text: given.text, dtype, width })
      if (bits !== undefined)
        b.add(
          wide
            ? `${bits} = max(${bits}, bitcast<vec4u>(${text}) << vec4u(1u));`
            : `${bits} = max(${bits}, bitcast<u32>(${text}) << 1u);`,
        )
      b.add(
        op === 'sum'
          ? `${name} += ${text};`
          : op === 'prod'
            ? `${name} *= ${text};`
            : `${name} = ${op}(${name}, ${text});`,
      )
    },
  }
}

/** The extreme that a thread has found, or NaN if one of its values was. */
const withNan = (value: string, bits: string, wide: boolean): string => {
  const nan = wgslLiteral('f32', Number.NaN)
  return wide
    ? `select(${value}, vec4f(${nan}), ${bits} > vec4u(${infinityBits}))`
    : `select(${value}, ${nan}, ${bits} > ${infinityBits})`
}

/** The extreme of all lanes of a subgroup, or NaN if one of them has one. */
const acrossLanes = (op: 'max' | 'min', value: string, w: Writer, block: Block): TextValue => {
  for (const h of ['order_key', 'of_order_key']) w.functions.set(h, helpers[h]!)
  const minus = op === 'min' ? '-' : ''
  return w.name(block, {
    text: `${minus}of_order_key(subgroupMax(order_key(${minus}${value})))`,
    dtype: 'f32',
    width: 1,
  })
}

const subgroupOp = {
  sum: 'subgroupAdd',
  prod: 'subgroupMul',
  max: 'subgroupMax',
  min: 'subgroupMin',
} as const

/** A reduction that has taken in all its values. */
export interface FinishedReduction {
  readonly op: ReduceOp
  readonly accumulator: Accumulator
  /** Whether the four components are reduced to one value, or kept as four results. */
  readonly components: 'across' | 'keep'
  readonly lanes: number
}

/**
 * The result of a reduction: over a vector's components if `across`, then over the subgroup's lanes if there
 * are several.
 */
export const finishReduction = (
  { op, accumulator: acc, components, lanes }: FinishedReduction,
  w: Writer,
  block: Block,
): TextValue => {
  if (op === 'argmax' || op === 'argmin') {
    if (lanes === 1) return { text: acc.place!, dtype: 'i32', width: 1, atom: true }
    const extreme = op === 'argmax' ? 'max' : 'min'
    const best =
      acc.dtype === 'f32'
        ? acrossLanes(extreme, acc.name, w, block)
        : w.name(block, { text: `${subgroupOp[extreme]}(${acc.name})`, dtype: acc.dtype, width: 1 })
    const found =
      acc.dtype === 'f32'
        ? `(${acc.name} == ${best.text}) || (${isNanText(acc.name)} && ${isNanText(best.text)})`
        : `${acc.name} == ${best.text}`
    return w.nameIndex(block, `subgroupMin(select(${largestI32}, ${acc.place}, ${found}))`)
  }
  const parts = ['x', 'y', 'z', 'w'].map(c => `${acc.name}.${c}`)
  const own =
    components === 'across'
      ? joinText(op, joinText(op, parts[0]!, parts[1]!), joinText(op, parts[2]!, parts[3]!))
      : acc.name
  const result =
    acc.bits === undefined
      ? own
      : components === 'across'
        ? withNan(own, joinedBits(acc.bits), false)
        : withNan(own, acc.bits, acc.width === 4)
  if (lanes > 1)
    return (op === 'max' || op === 'min') && acc.dtype === 'f32'
      ? acrossLanes(op, result, w, block)
      : w.name(block, { text: `${subgroupOp[op]}(${result})`, dtype: acc.dtype, width: 1 })
  return result === acc.name
    ? { text: result, dtype: acc.dtype, width: acc.width, atom: true }
    : w.name(block, {
        text: result,
        dtype: acc.dtype,
        width: acc.width === 4 && components === 'keep' ? 4 : 1,
      })
}

const joinedBits = (bits: string): string => `max(max(${bits}.x, ${bits}.y), max(${bits}.z, ${bits}.w))`
