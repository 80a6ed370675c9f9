import type { MapSchedule } from '../artifact.js'
import type { KernelContext } from '../kernel/context.js'
import { countAll, inParts, mostOf } from '../kernel/count.js'
import type { MapProgram } from '../kernel/map-program.js'
import type { KernelSpec } from '../kernel/spec.js'
import { type EmittedKernel, flatWorkgroupIndex, isPartly, spreadWorkgroups, writeKernel } from './kernel.js'

/** Writes an elementwise kernel: each thread computes one position, or four neighbours, `steps` times. */
export const writeMap = (
  p: MapProgram,
  s: MapSchedule,
  ctx: KernelContext,
  spec: KernelSpec,
): EmittedKernel => {
  const { threads: size, steps } = s
  const threads = inParts(countAll(p.axes), s.width)
  const each = size * steps
  const count = inParts(threads, each)
  const workgroups = spreadWorkgroups(mostOf(count), ctx.traits.workgroupsPerDimension)
  return writeKernel(ctx, spec, w => {
    const values = p.outputs.map(o => w.intern(o.value))
    const guards = p.outputs.map(o => o.within && w.intern(o.within))
    const root = w.root
    for (const a of p.units) root.places.set(a.id, { kind: 'scalar', text: '0' })
    const first = `${flatWorkgroupIndex(workgroups)} * ${each} + i32(local)`
    const block = steps === 1 ? root : root.inner(`for (var j = 0; j < ${w.loopBound(steps)}; j++) {`)
    block.add(`let i = ${first}${steps === 1 ? '' : ` + j * ${size}`};`)
    if (isPartly(threads, workgroups, each))
      block.add(`if (i >= ${w.count(threads)}) { ${steps === 1 ? 'return' : 'break'}; }`)
    const last = p.axes.at(-1)
    if (s.width === 4 && last) {
      const quarter = w.axisInParts('quarter', last, 4)
      w.unflatten('i', [...p.axes.slice(0, -1), quarter], block)
      block.places.set(last.id, { kind: 'vector', quarter: quarter.id })
    } else w.unflatten('i', p.axes, block)
    w.announce(...values, ...guards.filter(g => g !== undefined))
    // All reads come before the first write: an output may share its memory with an operand of another
    // output.
    const made = values.map(v => w.emit(v, block))
    const tests = guards.map(g => g && w.emit(g, block).text)
    p.outputs.forEach((o, j) => {
      const at = tests[j] === undefined ? block : block.inner(`if (${tests[j]}) {`)
      w.store(o, made[j]!, at)
      if (at !== block) block.close(at)
    })
    if (block !== root) root.close(block)
    return {
      workgroupSize: [size, 1, 1],
      workgroups,
      count,
      schedule: [
        `map, ${s.width === 4 ? 'four neighbours' : 'one element'} a thread`,
        ...(steps === 1 ? [] : [`${steps} times`]),
        `workgroups of ${size}`,
      ].join(', '),
    }
  })
}
