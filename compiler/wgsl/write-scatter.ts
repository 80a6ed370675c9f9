import type { ScatterSchedule } from '../artifact.js'
import type { Axis } from '../ir/ir.js'
import { isMultiple } from '../ir/open-extent.js'
import type { KernelContext } from '../kernel/context.js'
import { countAll, countAxis, inParts, mostOf } from '../kernel/count.js'
import type { ScatterProgram } from '../kernel/scatter-program.js'
import type { KernelSpec } from '../kernel/spec.js'
import type { Block } from './block.js'
import { type EmittedKernel, flatWorkgroupIndex, isPartly, spreadWorkgroups, writeKernel } from './kernel.js'
import type { Writer } from './writer.js'

/** Opens a loop over each axis, over the last one in fours if `wide`. */
const openAxisLoops = (
  axes: readonly Axis[],
  wide: boolean,
  from: Block,
  w: Writer,
): { block: Block; close: () => void } => {
  const last = axes.at(-1)
  const quarter = wide && last ? w.axisInParts('quarter', last, 4) : undefined
  const open: Block[] = []
  let block = from
  for (const a of quarter ? [...axes.slice(0, -1), quarter] : axes) {
    const j = w.fresh('j')
    block = block.inner(`for (var ${j} = 0; ${j} < ${w.loopBound(countAxis(a))}; ${j}++) {`)
    block.places.set(a.id, { kind: 'scalar', text: j })
    open.push(block)
  }
  if (quarter && last) block.places.set(last.id, { kind: 'vector', quarter: quarter.id })
  return {
    block,
    close: () => {
      for (const b of [...open].reverse()) b.parent!.close(b)
    },
  }
}

/**
 * Writes a scatter with one thread a slot. The thread clears its row, goes over all positions in order, and
 * adds the rows of those that select the slot. There are no atomics and one order of summation. Values are
 * read only where the condition holds.
 */
export const writeScatter = (
  p: ScatterProgram,
  s: ScatterSchedule,
  ctx: KernelContext,
  spec: KernelSpec,
): EmittedKernel => {
  const { node, condition, value, address, slots, width, positions } = p
  const target = { storage: p.storage, address }
  const threads = countAll(slots)
  const size = s.threads
  const count = inParts(threads, size)
  const workgroups = spreadWorkgroups(mostOf(count), ctx.traits.workgroupsPerDimension)
  const wide = width.length > 0 && isMultiple(width.at(-1)!, 4)
  return writeKernel(ctx, spec, w => {
    const root = w.root
    for (const a of p.units) root.places.set(a.id, { kind: 'scalar', text: '0' })
    root.add(`let slot = ${flatWorkgroupIndex(workgroups)} * ${size} + i32(local);`)
    if (isPartly(threads, workgroups, size)) root.add(`if (slot >= ${w.count(threads)}) { return; }`)
    w.unflatten('slot', slots, root)
    const test = w.intern(condition)
    const term = w.intern(value)
    w.announce(test, term)
    const clear = openAxisLoops(width, wide, root, w)
    const zero = {
      text: node.dtype === 'f32' ? '0.0' : `${node.dtype}(0)`,
      dtype: node.dtype,
      width: 1,
      atom: true,
    } as const
    w.store(target, zero, clear.block)
    clear.close()

    const search = openAxisLoops(positions, false, root, w)
    const hit = search.block.inner(`if (${w.emit(test, search.block).text}) {`)
    // Placing the axes again keeps reads that depend on the position inside the condition.
    for (const a of positions) hit.places.set(a.id, search.block.place(a.id)!.place)
    const add = openAxisLoops(width, wide, hit, w)
    const old = w.load(p.storage, address, node.dtype, add.block)
    const more = w.emit(term, add.block)
    w.store(target, { ...old, text: `${old.text} + ${more.text}`, atom: false }, add.block)
    add.close()
    search.block.close(hit)
    search.close()
    return {
      workgroupSize: [size, 1, 1],
      workgroups,
      count,
      schedule: `scatter, one thread a slot, workgroups of ${size}`,
    }
  })
}
