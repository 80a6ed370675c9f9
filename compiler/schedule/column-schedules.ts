import type { BroadcastSchedule, ColumnLayout, DeviceTraits, RegisterSchedule } from '../artifact.js'
import { readsOf } from '../ir/expr.js'
import { productOf } from '../kernel/context.js'
import { type Product, runsAlong, swapOperands } from '../kernel/product.js'

const mostRows = { broadcast: [8, 16, 24, 32], register: [4, 8] } as const

/** May the sums wait in the output's own memory? Not where what follows still reads what was there. */
export const canHoldSums = (p: Product): boolean => {
  const hold = p.outputs.at(-1)!.storage
  return p.outputs.every(o => readsOf(o.value).every(r => r.node !== hold))
}

/** Does anything follow the sum? */
export const hasEpilogue = (p: Product): boolean => p.outputs.some(o => o.value.op !== 'read')

/** Every sensible setting of the two families, in no order. Rows are shared out evenly over the tiles. */
export const columnSchedules = (
  product: Product,
  traits: DeviceTraits,
): readonly (BroadcastSchedule | RegisterSchedule)[] => {
  const lanes = traits.subgroupSize
  const family = lanes > 1 ? 'broadcast' : 'register'
  const head =
    family === 'broadcast'
      ? ({ family, lanes } as const)
      : ({ family, threads: Math.min(32, traits.workgroupInvocations) } as const)
  const width = family === 'broadcast' ? lanes : 32
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
    // Columns along an axis on which results don't lie side by side are for the short and wide.
    if (turn && productOf(product.n) > 64 && m > 64) return []
    const lefts: readonly ColumnLayout['left'][] =
      family === 'broadcast' && runsAlong(p.left, p.m) && !runsAlong(p.left, k) ? ['m', 'k'] : ['k']
    const right = runsAlong(p.right, k) && !runsAlong(p.right, n) ? 'k' : 'n'
    const steps: readonly ColumnLayout['step'][] = k.extent % 4 === 0 ? [4] : k.extent === 1 ? [1] : [4, 1]
    const columns: readonly ColumnLayout['columns'][] =
      n.extent === 1 ? [1] : productOf(p.n) <= 2 * width ? [4, 1] : [4]
    return lefts.flatMap(left => {
      const unit = left === 'm' ? 4 : 1
      const most = mostRows[family].filter(r => left === 'k' || r <= 4 * lanes)
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
