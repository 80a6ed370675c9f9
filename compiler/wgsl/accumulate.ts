import type { ComputeNode, DType, Expr, ReduceOp } from '../ir/ir.js'
import { identityOf } from '../ir/reduction.js'
import { wgslLiteral } from '../ir/wgsl-helpers.js'
import { type Block, type Value, vectorType } from './block.js'
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
  readonly width: 1 | 4
  readonly dtype: DType
  readonly take: (v: Value, at: string, block: Block) => void
}

/** Declares the variable of a reduction and says how a value is taken in. */
export const accumulator = (
  node: ComputeNode,
  wide: boolean,
  value: Expr,
  w: Writer,
  block: Block,
): Accumulator => {
  const op = node.reduce!.op
  const dtype = value.dtype
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
        const x = v.atom ? v : w.name(b, v.text, dtype, 1)
        b.add(`if (${x.text} ${better} ${name}) { ${name} = ${x.text}; ${place} = ${at}; }`)
      },
    }
  }
  return {
    name,
    width,
    dtype,
    take: (v, _, b) => {
      const text = (wide ? w.widen(v) : v).text
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

const subgroupOp = {
  sum: 'subgroupAdd',
  prod: 'subgroupMul',
  max: 'subgroupMax',
  min: 'subgroupMin',
} as const

/** The result of a reduction: over a vector's components if `across`, then over the subgroup if it has more than one lane. */
export const finish = (
  node: ComputeNode,
  acc: Accumulator,
  components: 'across' | 'keep',
  lanes: number,
  w: Writer,
  block: Block,
): Value => {
  const op = node.reduce!.op
  if (op === 'argmax' || op === 'argmin') {
    if (lanes === 1) return { text: acc.place!, dtype: 'i32', width: 1, atom: true }
    const best = w.name(block, `subgroup${op === 'argmax' ? 'Max' : 'Min'}(${acc.name})`, acc.dtype, 1)
    return w.name(
      block,
      `subgroupMin(select(2147483647, ${acc.place}, ${acc.name} == ${best.text}))`,
      'i32',
      1,
    )
  }
  const parts = ['x', 'y', 'z', 'w'].map(c => `${acc.name}.${c}`)
  const own =
    components === 'across'
      ? joinText(op, joinText(op, parts[0]!, parts[1]!), joinText(op, parts[2]!, parts[3]!))
      : acc.name
  if (lanes > 1) return w.name(block, `${subgroupOp[op]}(${own})`, acc.dtype, 1)
  return own === acc.name
    ? { text: own, dtype: acc.dtype, width: acc.width, atom: true }
    : w.name(block, own, acc.dtype, 1)
}
