import type { Storage } from '../kernel/placement.js'
import type { LiveRange } from '../plan/liveness.js'
import type { Sequence } from '../plan/order.js'
import { storageBytes } from '../wgsl/slices.js'
import { type CompiledParts, planBuffers } from './assemble.js'

const rangeText = (range: LiveRange | undefined): string =>
  range === undefined
    ? 'not read by any kernel'
    : range.from === range.to
      ? `live at ${range.from}`
      : `live from ${range.from} to ${range.to}`

const storageText = (s: Storage): string => {
  const type = `${s.dtype}${s.packing === undefined ? '' : ` as ${s.packing}`}`
  return `${s.name}: ${s.elements} × ${type}, ${storageBytes(s)} bytes`
}

/**
 * The steps with the moments at which they run: the same numbers as in live ranges. A loop takes one moment
 * where it begins and one where it ends.
 */
const stepLines = (parts: CompiledParts, bufferOf: ReadonlyMap<number, number>): readonly string[] => {
  let now = 0
  const walk = (sequence: Sequence, indent: string): readonly string[] =>
    sequence.flatMap((item): readonly string[] => {
      if (item.kind === 'loop') {
        const { axis, direction } = item.region
        const head = `${indent}${now++}  loop ${direction} over ${axis.name}, ${axis.extent} iterations:`
        const body = walk(item.body, `${indent}  `)
        return [head, ...body, `${indent}${now++}  end of the loop`]
      }
      const kernel = parts.kernels.get(item.group)
      const moment = now++
      if (kernel === undefined) return [`${indent}${moment}  nothing to dispatch`]
      const buffers = kernel.storages.map(s => bufferOf.get(s)!).join(', ')
      const workgroups = kernel.workgroups.join('×')
      return [
        `${indent}${moment}  dispatch ${kernel.decl.name}: ${workgroups} workgroups, buffers ${buffers}`,
      ]
    })
  return walk(parts.order, '  ')
}

/** The live range of inputs, literals and outputs. */
const wholeRun = 'live in the whole run'

/** The buffers with the tensors that lie in each, their live ranges, and the steps of a run. */
export const printBuffers = (parts: CompiledParts): string => {
  const { buffers, bufferOf, ranges, leastBytes } = planBuffers(parts)
  const { storages } = parts.storage
  const bytes = buffers.reduce((sum, b) => sum + b.bytes, 0)
  return [
    `${bytes} bytes in ${buffers.length} buffers; these steps need ${leastBytes} at least`,
    ...buffers.flatMap((b, i) => [
      `buffer ${i}: ${b.role}, ${b.bytes} bytes`,
      ...storages
        .filter(s => bufferOf.get(s.id) === i)
        .map(s => `  ${storageText(s)}; ${b.role === 'temp' ? rangeText(ranges.get(s.id)) : wholeRun}`),
    ]),
    'steps, each with its moment',
    ...stepLines(parts, bufferOf),
  ].join('\n')
}
