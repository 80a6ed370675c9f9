import type { DeviceTraits } from '../artifact.js'
import type { Group } from '../fuse/group.js'
import { readsOf } from '../ir/expr.js'
import type { Axis, Region } from '../ir/ir.js'
import { writeContraction } from '../wgsl/contract.js'
import type { KernelSpec } from '../wgsl/kernel.js'
import { type Context, productOf } from './context.js'
import { along, type Product, productOfGroup } from './contract-product.js'
import { operationsOf } from './cost.js'
import type { Choice, Schedule } from './schedule.js'

/** What the families without shared memory have in common: a thread owns some columns, and all rows, of its workgroup's tile. */
interface Columns {
  readonly rows: number
  /** Neighbouring columns a thread. */
  readonly columns: 1 | 4
  /** Along which axis four neighbours of the operand are loaded. */
  readonly left: 'k' | 'm'
  readonly right: 'k' | 'n'
  /** What follows the sum is in the text once for each row, or runs in a loop that reads the sums back. */
  readonly epilogue: 'unrolled' | 'loop'
  /** Which tiles follow one another: those that share the larger operand's tile, which then stays in the cache. */
  readonly fastest: 'm' | 'n'
}

/** A workgroup is one subgroup, whose lanes share the rows of the left operand by broadcast. */
export interface BroadcastSchedule extends Columns {
  readonly family: 'broadcast'
  readonly lanes: number
}

/** No sharing: every thread loads the rows of the left operand itself. */
export interface RegisterSchedule extends Columns {
  readonly family: 'register'
  readonly threads: number
}

/**
 * Rows of a tile for so many multiplications: more are faster, and slower to compile (on a software device 0.3, 0.5 and 1 s for 8, 16 and 32),
 * which is not worth it where there is little to do.
 */
const rowsFor = (work: number): number => (work < 2 ** 20 ? 8 : work < 2 ** 24 ? 16 : 32)

const candidates = (p: Product, traits: DeviceTraits): readonly Schedule[] => {
  const s = traits.subgroupSize
  const lanes = s > 1 ? s : 1
  const m = p.m[0]!
  const n = p.n.at(-1)!
  const k = p.k.at(-1)!
  const work = productOf(p.batch) * m.extent * productOf(p.n) * productOf(p.k)
  const most = lanes === 8 ? rowsFor(work) : lanes === 1 ? 8 : 32
  const byM = along(p.left, m) && !along(p.left, k) && m.extent % 4 === 0
  const left = byM && most === 32 && lanes === 8 && m.extent >= 32 ? 'm' : 'k'
  const rows = left === 'm' || lanes === 1 ? most : Math.min(most, lanes * Math.ceil(m.extent / lanes))
  const after = p.outputs.reduce((a, o) => a + operationsOf(o.value) + 4 * readsOf(o.value).length - 4, 0)
  const columns: Columns = {
    rows: Math.max(rows, lanes),
    columns: (p.n.length === 1 || n.extent % 4 === 0) && productOf(p.n) > 8 ? 4 : 1,
    left,
    right: k.extent % 4 === 0 && along(p.right, k) && !along(p.right, n) ? 'k' : 'n',
    epilogue: after > 0 ? 'loop' : 'unrolled',
    fastest: productOf(p.n) > 2 * m.extent ? 'm' : 'n',
  }
  return [
    lanes === 1
      ? { family: 'register', threads: 32, ...columns }
      : { family: 'broadcast', lanes, ...columns },
  ]
}

/** `contract b[8·6] m[64] n[64] k[48], left along k: 1 read, 0 operations, …`: what decides the speed of a contraction. */
const signatureOf = (p: Product, ctx: Context): string => {
  const extents = (axes: readonly Axis[]): string => `[${axes.map(a => a.extent).join('·')}]`
  const ofOperand = (e: Product['left'], outer: Axis): string => {
    const way = [outer, p.k.at(-1)!].find(a => along(e, a))
    const reads = readsOf(e)
    const packed = reads.flatMap(r => (r.node < 0 ? [] : (ctx.storages[r.node]!.packing ?? [])))
    return `${[way === undefined ? 'apart' : way === outer ? 'outer' : 'k', ...packed].join(' ')} ${reads.length} reads ${operationsOf(e)} operations`
  }
  const after = p.outputs.map(o => `${readsOf(o.value).length} reads ${operationsOf(o.value)} operations`)
  return [
    `contract b${extents(p.batch)} m${extents(p.m)} n${extents(p.n)} k${extents(p.k)}`,
    `left ${ofOperand(p.left, p.m[0]!)}`,
    `right ${ofOperand(p.right, p.n.at(-1)!)}`,
    ...after.map(a => `out ${a}`),
  ].join('; ')
}

/** The schedules of a sum of products; undefined where it has not the shape of one. */
export const contractChoice = (
  group: Group,
  loops: readonly Region[],
  ctx: Context,
  spec: KernelSpec,
): Choice | undefined => {
  const product = productOfGroup(group, loops, ctx)
  if (product === undefined) return undefined
  return {
    signature: signatureOf(product, ctx),
    candidates: candidates(product, ctx.traits),
    emit: schedule => writeContraction(product, schedule, ctx, spec),
  }
}
