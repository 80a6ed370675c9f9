import { type Affine, coefficientOf } from '../affine/affine.js'
import { affineOf } from '../affine/affine-of.js'
import type { DeviceTraits, RowsSchedule } from '../artifact.js'
import { axesOf, readsOf } from '../ir/expr.js'
import type { Axis } from '../ir/ir.js'
import { extentText, isMultiple } from '../ir/open-extent.js'
import { type KernelContext, localOf, packingsOf, productOf } from '../kernel/context.js'
import { operationsOf } from '../kernel/cost.js'
import {
  addressesOf,
  countReadsAlong,
  findsPosition,
  type Phase,
  type RowProgram,
} from '../kernel/row-program.js'
import { distinctReads, phasesByLoop } from '../kernel/share-loops.js'
import { cheapestFirst } from './compare-schedules.js'
import { vectorLanes } from './software-device.js'

/** One thread for each row, and no vectors: the reference schedule. */
export const plainRows: RowsSchedule = {
  family: 'rows',
  lanes: 1,
  rows: 1,
  steps: 1,
  threads: 8,
  vector: 'none',
}

/** The phases of a row that loop over inner axes. */
const passesOf = (p: RowProgram): readonly Phase[] => p.phases.filter(x => !x.shared && x.inner.length > 0)

/** The phases that run in one loop. */
type Loop = readonly Phase[]

/** The loops of a row over inner axes. */
const loopsOf = (p: RowProgram): readonly Loop[] => phasesByLoop(passesOf(p))

/** The addresses that a loop reads, each once. */
const addressesIn = (loop: Loop): readonly Affine[] =>
  distinctReads(loop.map(x => x.value)).flatMap(r => (r.node < 0 ? [] : [affineOf(r.at[0]!)]))

/** Whether workgroups compute something before their rows, by the lanes of a subgroup. */
const hasShared = (p: RowProgram): boolean => p.phases.some(x => x.shared)

/** With fewer rows, four rows a thread would leave cores idle. */
const leastRowsAcross = 64

/**
 * The row axis, if four neighbouring rows can be computed at a time: some read is contiguous along it, and
 * the rows store only results of reductions.
 */
const acrossRows = (p: RowProgram): Axis | undefined => {
  const last = p.rows.at(-1)
  const passes = passesOf(p)
  if (last === undefined || !isMultiple(last, 4) || productOf(p.rows) < leastRowsAcross) return undefined
  const fits = passes.every(x => x.node.reduce && !findsPosition(x.node))
  if (p.phases.some(x => x.within && axesOf(x.within).has(last.id))) return undefined
  return fits && passes.some(x => countReadsAlong(x.value, last) > 0) ? last : undefined
}

/**
 * The reads in a loop that differ from row to row, and those that all rows share, such as the vector of a
 * matrix-vector product.
 */
const readsOfLoop = (
  loop: Loop,
  row: Axis | undefined,
): { readonly own: number; readonly shared: number } => {
  const along = addressesIn(loop).filter(a => loop[0]!.inner.some(i => coefficientOf(a, i.id) !== 0))
  const own = along.filter(a => row !== undefined && coefficientOf(a, row.id) !== 0).length
  return { own, shared: along.length - own }
}

/**
 * Rows that are computed at once. More rows help as long as the loads of a loop's body, 1.5 KB of code each
 * on a software device, stay in the cache of decoded instructions: `mostLoads` of them.
 */
const rowCounts = [1, 2, 4, 5] as const
const mostLoads = 6

/**
 * Instructions of a lane's load, as counted on a software device: of four neighbours, of one element, and of
 * four elements that are not neighbours.
 */
const loadInstructions = (a: Affine, vector: Axis | undefined): number => {
  const step = vector === undefined ? 0 : coefficientOf(a, vector.id)
  return step === 1 ? 38 : step === 0 ? 17 : 68
}

/**
 * Instructions of a loop's iteration, of a subgroup operation, of the launch of a workgroup, of the launch of
 * each of its subgroups, and of a lane's read of a number that it has kept.
 */
const costs = { turn: 40, subgroup: 200, workgroup: 1600, launch: 400, kept: 3 } as const

/**
 * A processor's first-level cache: bytes of a line; lines a multiple of `apart` bytes from each other share a
 * set of `ways` lines.
 */
const cache = { line: 64, apart: 4096, ways: 8 } as const

/**
 * Streams that the processor prefetches from memory at full speed, and how many more streams take twice the
 * time.
 */
const prefetch = { free: 8, double: 40 } as const

/** Lanes that a software device runs together: those of a vector of the processor. */
const lanesOf = (traits: DeviceTraits): number => traits.subgroupSize || vectorLanes

/** The number of reads that differ from row to row and come from main memory. */
const readsFromMemory = (x: Phase, row: Axis | undefined, ctx: KernelContext): number =>
  readsOf(x.value).filter(
    r =>
      row !== undefined &&
      r.node >= 0 &&
      ctx.storages[r.node]!.fromMemory &&
      coefficientOf(affineOf(r.at[0]!), row.id) !== 0,
  ).length

/**
 * The factor by which a pass over rows in main memory slows down where each lane goes through a row of its
 * own.
 */
const memorySlowdown = (x: Phase, s: RowsSchedule, row: Axis | undefined, ctx: KernelContext): number => {
  if (s.lanes > 1 || s.vector !== 'inner') return 1
  const width = lanesOf(ctx.traits)
  return 1 + Math.max(0, readsFromMemory(x, row, ctx) * s.rows * width - prefetch.free) / prefetch.double
}

/** Whether rows that are read side by side evict one another from the first-level cache (conflict misses). */
const collides = (p: RowProgram, side: number): boolean => {
  const row = p.rows.at(-1)
  const apart = (a: Affine): number => (row === undefined ? 0 : 4 * coefficientOf(a, row.id))
  return passesOf(p).some(x => {
    const walked = [...addressesOf(x.value), ...(x.address && !x.node.reduce ? [x.address] : [])]
    const crowd = walked.filter(a => apart(a) !== 0 && apart(a) % cache.apart === 0)
    return crowd.length * side > cache.ways
  })
}

/**
 * Factors of a kernel's time: for reductions over a subgroup, and for rows that evict one another from the
 * cache.
 */
const factors = { subgroups: 1.15, conflicts: 1.6 } as const

/** Workgroups that run at once. */
const cores = 2

/** The estimated instructions of all subgroups together on a software device. */
const softwareCost = (p: RowProgram, s: RowsSchedule, ctx: KernelContext): number => {
  const width = lanesOf(ctx.traits)
  const row = p.rows.at(-1)
  const kept = new Set(p.phases.filter(x => x.shared && !x.node.reduce).map(x => localOf(x.node.id)))
  const costOf = (loop: Loop): number => {
    const [x] = loop as readonly [Phase]
    const last = x.inner.at(-1)!
    const wide = s.vector === 'inner' && isMultiple(last, 4)
    const vector = s.vector === 'row' ? row : wide ? last : undefined
    const turns = Math.ceil(productOf(x.inner) / (wide ? 4 : 1) / s.lanes)
    const varies = (a: Affine): boolean => x.inner.some(i => coefficientOf(a, i.id) !== 0)
    const times = (a: Affine): number => (row && coefficientOf(a, row.id) !== 0 ? s.rows : 1)
    const loads = addressesIn(loop).reduce(
      (n, a) => n + (varies(a) ? times(a) * loadInstructions(a, vector) : 0),
      0,
    )
    const own = 4 * costs.kept * distinctReads(loop.map(y => y.value)).filter(r => kept.has(r.node)).length
    const rows = x.common || x.shared ? 1 : s.rows
    const store = x.storage !== undefined && !x.node.reduce ? rows * loadInstructions(x.address!, vector) : 0
    const operations = loop.reduce((n, y) => n + operationsOf(y.value), 0)
    const work = rows * operations * (vector && !(x.common && s.vector === 'row') ? 4 : 1)
    const joined = s.lanes > 1 && x.node.reduce ? costs.subgroup * rows * loop.length : 0
    const each = costs.turn + (loads + store + own) * width + work
    return turns * each * memorySlowdown(x, s, row, ctx) + joined
  }
  const passes = loopsOf(p).map(costOf)
  const shared = p.phases.filter(x => x.shared && x.inner.length > 0).map(x => costOf([x]))
  const unit = s.rows * (s.vector === 'row' ? 4 : 1)
  const groups = Math.ceil(productOf(p.rows) / unit / (s.lanes > 1 ? 1 : width))
  const once = shared.reduce((a, b) => a + b, 0)
  const launch = (costs.launch + (costs.workgroup * width) / s.threads + once) / s.steps
  // Each core takes an equal number of workgroups; with few of them, some end earlier than others.
  const turns = Math.ceil(Math.ceil(groups / s.steps) / cores) * s.steps
  const idle = (turns * cores) / Math.max(1, groups)
  const together = s.lanes > 1 ? factors.subgroups : 1
  const crowded = s.lanes === 1 && s.vector === 'inner' && collides(p, width * s.rows) ? factors.conflicts : 1
  return groups * idle * together * crowded * (launch + passes.reduce((a, b) => a + b, 0))
}

/** Instructions that a software device executes per nanosecond. */
const perNanosecond = 50

/**
 * Nanoseconds that a schedule must save to be worth compiling its subgroup operations, and each further row.
 */
const compileCosts = { subgroup: 1000, row: 250 } as const

/**
 * Threads of a workgroup of a software device: many where there are many rows, few to occupy all cores
 * otherwise.
 */
const workgroup = { few: 8, many: 64, manyRows: 1024 } as const

/**
 * Rows that a subgroup computes one after another, where so many groups remain that all cores stay busy. More
 * of them do less shared work.
 */
const repetitions = { steps: [1, 4, 16], sharing: [8, 32, 64], leastGroups: 8 } as const

const softwareCandidates = (p: RowProgram, ctx: KernelContext): readonly RowsSchedule[] => {
  const { traits } = ctx
  const s = traits.subgroupSize
  const across = acrossRows(p)
  const row = p.rows.at(-1)
  const passes = passesOf(p)
  const reads = loopsOf(p).map(loop => readsOfLoop(loop, row))
  const shares = hasShared(p)
  const mixes = reads.some(({ own, shared }) => own > 0 && (shared > 0 || shares))
  const width = Math.max(1, ...passes.map(x => productOf(x.inner)))
  const apart = [
    ...(across ? [{ lanes: 1, vector: 'row' as const }] : []),
    { lanes: 1, vector: 'inner' as const },
  ]
  const together = s > 1 && (shares || width >= 4 * s) ? [{ lanes: s, vector: 'inner' as const }] : []
  const ways = [...(shares ? [] : apart), ...together]
  const all = ways.flatMap(({ lanes, vector }) => {
    const unit = vector === 'row' ? 4 : 1
    return rowCounts
      .filter(
        n =>
          n === 1 ||
          (mixes &&
            // The neighbours that a thread takes must divide a cache line, or the line is fetched twice.
            (vector !== 'row' || cache.line % (16 * n) === 0) &&
            reads.every(({ own, shared }) => n * own + shared <= mostLoads) &&
            row !== undefined &&
            row.extent / unit >= n),
      )
      .flatMap((rows): readonly RowsSchedule[] => {
        const units = productOf(p.rows) / rows / unit
        const size =
          lanes > 1
            ? lanes
            : Math.min(
                units >= workgroup.manyRows ? workgroup.many : workgroup.few,
                traits.workgroupInvocations,
              )
        return [...repetitions.steps, ...(shares ? repetitions.sharing : [])]
          .filter(steps => steps === 1 || (lanes > 1 && units / steps >= repetitions.leastGroups))
          .map(steps => ({ family: 'rows', lanes, rows, steps, threads: size, vector }))
      })
  })
  const cost = (x: RowsSchedule): number =>
    softwareCost(p, x, ctx) / perNanosecond +
    (x.lanes > 1 ? compileCosts.subgroup : 0) +
    compileCosts.row * (x.rows - 1) * passes.length
  return cheapestFirst(all, cost)
}

/**
 * The schedules for a GPU. It wants neighbouring threads at neighbouring addresses, and enough threads to
 * hide the latency of memory: a subgroup for each row, unless rows are short.
 */
const gpuCandidates = (p: RowProgram, traits: DeviceTraits): readonly RowsSchedule[] => {
  const s = traits.subgroupSize
  const inside = passesOf(p).some(x =>
    addressesOf(x.value).some(
      a => coefficientOf(a, x.inner.at(-1)!.id) === 1 && p.rows.some(r => coefficientOf(a, r.id) !== 0),
    ),
  )
  const across = inside ? undefined : acrossRows(p)
  const most = Math.min(workgroup.many, traits.workgroupInvocations)
  const apart: RowsSchedule = {
    family: 'rows',
    lanes: 1,
    rows: 1,
    steps: 1,
    threads:
      productOf(p.rows) / (across ? 4 : 1) >= workgroup.manyRows ? most : Math.min(workgroup.few, most),
    vector: across ? 'row' : 'inner',
  }
  const width = Math.max(1, ...passesOf(p).map(x => productOf(x.inner)))
  if (s <= 1 || across) return [apart]
  const row = p.rows.at(-1)
  const shares = loopsOf(p).some(loop => readsOfLoop(loop, row).shared > 0)
  const together = (rows: number): RowsSchedule => ({ ...apart, lanes: s, rows, threads: s })
  const wide = [together(1), ...(shares && (row?.extent ?? 1) >= 2 ? [together(2), together(4)] : [])]
  return width >= 4 * s ? [...wide, apart] : [apart, ...wide]
}

/**
 * The facts that decide the speed of a kernel over rows.
 *
 *     rows [512]; sum [768] 1 own 1 shared 2 along 0 across 1 operations; …
 */
export const rowsSignature = (p: RowProgram, ctx: KernelContext): string => {
  const row = p.rows.at(-1)
  const phases = p.phases.map(x => {
    const { own, shared } = readsOfLoop([x], row)
    const fromMemory = readsFromMemory(x, row, ctx)
    const [along, over] = [x.inner.at(-1), row].map(a => (a ? countReadsAlong(x.value, a) : 0))
    return [
      `${x.shared ? 'once ' : x.follows ? 'with it ' : ''}${x.node.reduce?.op ?? 'each'}`,
      `[${x.inner.map(extentText).join('·')}]`,
      `${own} own ${shared} shared ${along} along ${over} across`,
      ...(fromMemory > 0 ? [`${fromMemory} from memory`] : []),
      ...packingsOf(x.value, ctx),
      `${operationsOf(x.value)} operations${x.storage === undefined ? '' : ', stored'}`,
    ].join(' ')
  })
  return [`rows [${p.rows.map(extentText).join('·')}]`, ...phases].join('; ')
}

/** The schedules of reductions over rows and of the values computed from them, the best estimate first. */
export const rowsCandidates = (p: RowProgram, ctx: KernelContext): readonly RowsSchedule[] =>
  ctx.traits.software ? softwareCandidates(p, ctx) : gpuCandidates(p, ctx.traits)
