import type { DType } from '../artifact.js'
import type { ReduceOp } from '../ir/ir.js'
import { identityOf } from '../ir/reduction-identity.js'
import { helpers, isNanText, wgslLiteral } from '../ir/wgsl-helpers.js'
import { type Block, type TextValue, vectorType } from './block.js'
import type { Writer } from './writer.js'

/** Where a reduction starts; the best value of argmax and argmin as that of max and min. */
const startOf = (op: ReduceOp, dtype: DType): string =>
  wgslLiteral(dtype, identityOf(op === 'argmax' ? 'max' : op === 'argmin' ? 'min' : op, dtype))

/** The text that joins two partial results. */
const joinText = (op: ReduceOp, a: string, b: string): string =>
  op === 'sum' ? `(${a} + ${b})` : op === 'prod' ? `(${a} * ${b})` : `${op}(${a}, ${b})`

/** A running reduction: its variable, for argmax and argmin the best value and its place. */
export interface Accumulator {
  readonly name: string
  readonly place?: string
  /**
   * Of a maximum or minimum of f32: the largest bits, but for signs, of what was taken in. Beyond those of
   * infinity something was not a number.
   */
  readonly bits?: string
  readonly width: 1 | 4
  readonly dtype: DType
  readonly take: (v: TextValue, at: string, block: Block) => void
}

/** The reduction that an accumulator computes, of single values or of four neighbours at a time. */
export interface AccumulatorSpec {
  readonly op: ReduceOp
  readonly dtype: DType
  readonly wide: boolean
}

/** Declares the variable of a reduction and says how a value is taken in. */
export const declareAccumulator = (
  { op, dtype, wide }: AccumulatorSpec,
  w: Writer,
  block: Block,
): Accumulator => {
  const name = w.fresh('acc')
  const start = startOf(op, dtype)
  const width = wide ? 4 : 1
  block.add(
    `var ${name} = ${wide ? `${vectorType(dtype)}(${start})` : dtype === 'f32' ? start : `${dtype}(${start})`};`,
  )
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
  // WGSL's max and min may drop what is not a number.
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

/** The value that a thread has found, or not-a-number. */
const withNan = (value: string, bits: string, wide: boolean): string => {
  const nan = wgslLiteral('f32', Number.NaN)
  return wide
    ? `select(${value}, vec4f(${nan}), ${bits} > vec4u(0xff000000u))`
    : `select(${value}, ${nan}, ${bits} > 0xff000000u)`
}

/** The extreme of what the lanes of a subgroup have found; not-a-number if one of them has. */
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

/** A reduction whose values are all taken in. */
export interface FinishedReduction {
  readonly op: ReduceOp
  readonly accumulator: Accumulator
  /** Whether the four components are reduced to one value, or kept as four results. */
  readonly components: 'across' | 'keep'
  readonly lanes: number
}

/**
 * The result of a reduction: over a vector's components if `across`, then over the subgroup if it has more
 * than one lane.
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
    return w.nameIndex(block, `subgroupMin(select(2147483647, ${acc.place}, ${found}))`)
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
