import type { BroadcastSchedule, ColumnLayout, DeviceTraits, RegisterSchedule } from '../artifact.js'
import { readsOf } from '../ir/expr.js'
import { isMultiple } from '../ir/open-extent.js'
import { productOf } from '../kernel/context.js'
import { type Product, runsAlong, swapOperands } from '../kernel/product.js'

/**
 * Rows of a workgroup's tile. Each row is a vector of sums in registers; without broadcast, each thread also
 * keeps the left operand's rows there, so fewer fit.
 */
const rowCounts = { broadcast: [8, 16, 24, 32], register: [4, 8] } as const

/** Threads of a workgroup of the family `register`. */
const registerThreads = 32

/**
 * The operands of a product are exchanged only if it has at most this many rows or columns. Otherwise stores
 * of neighbouring columns, which are then far apart in memory, cost more than the exchange gains.
 */
export const mostForSwap = 64

/**
 * Whether the sums can wait in the output's own memory: not where the epilogue still reads the old values
 * there.
 */
export const canHoldSums = (p: Product): boolean => {
  const hold = p.outputs.at(-1)!.storage
  return p.outputs.every(o => readsOf(o.value).every(r => r.node !== hold))
}

/** Whether a kernel computes anything from the sum before it is stored. */
export const hasEpilogue = (p: Product): boolean => p.outputs.some(o => o.value.op !== 'read')

/**
 * Every sensible setting of the families `broadcast` and `register`, in no order. Rows are shared out evenly
 * over the tiles.
 */
export const columnSchedules = (
  product: Product,
  traits: DeviceTraits,
): readonly (BroadcastSchedule | RegisterSchedule)[] => {
  const lanes = traits.subgroupSize
  const family = lanes > 1 ? 'broadcast' : 'register'
  const head =
    family === 'broadcast'
      ? ({ family, lanes } as const)
      : ({ family, threads: Math.min(registerThreads, traits.workgroupInvocations) } as const)
  const width = family === 'broadcast' ? lanes : registerThreads
  const epilogues: readonly ColumnLayout['epilogue'][] = !hasEpilogue(product)
    ? ['unrolled']
    : canHoldSums(product)
      ? ['loop', 'unrolled']
      : ['unrolled']
  return [false, true].flatMap(turn => {
    const p = turn ? swapOperands(product) : product
    const m = p.m.extent
    const n = p.n.at(-1)!
    const k = p.k.at(-1)!
    // With exchanged operands, stores of neighbouring columns are apart: only short or narrow products try
    // it.
    if (turn && productOf(product.n) > mostForSwap && m > mostForSwap) return []
    const lefts: readonly ColumnLayout['left'][] =
      family === 'broadcast' && runsAlong(p.left, p.m) && !runsAlong(p.left, k) ? ['m', 'k'] : ['k']
    const right = runsAlong(p.right, k) && !runsAlong(p.right, n) ? 'k' : 'n'
    const steps: readonly ColumnLayout['step'][] = isMultiple(k, 4)
      ? [4]
      : k.extent === 1 || k.open !== undefined
        ? [1]
        : [4, 1]
    const columns: readonly ColumnLayout['columns'][] =
      n.extent === 1 ? [1] : productOf(p.n) <= 2 * width ? [4, 1] : [4]
    return lefts.flatMap(left => {
      const unit = left === 'm' ? 4 : 1
      const most = rowCounts[family].filter(r => left === 'k' || r <= 4 * lanes)
      const shared = most.map(r => unit * Math.ceil(m / Math.ceil(m / r) / unit))
      return [...new Set(shared)].flatMap(rows =>
        columns.flatMap(c => {
          const both = m > rows && productOf(p.n) > width * c
          const fastest = productOf(p.n) > 2 * m ? 'm' : 'n'
          const orders: readonly ColumnLayout['fastest'][] = both
            ? [fastest, fastest === 'm' ? 'n' : 'm']
            : [fastest]
          return steps.flatMap(step =>
            epilogues.flatMap(epilogue =>
              orders.map(f => ({
                ...head,
                turned: turn,
                rows,
                columns: c,
                left,
                right,
                step,
                epilogue,
                fastest: f,
              })),
            ),
          )
        }),
      )
    })
  })
}
