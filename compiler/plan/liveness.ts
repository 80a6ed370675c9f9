import type { Group } from '../kernel/group.js'
import type { Sequence } from './order.js'

/** The first and the last moment at which a storage holds a value that is needed later. */
export interface LiveRange {
  readonly from: number
  readonly to: number
}

/**
 * The live ranges of storages over the sequence of groups, each group at a moment of its own. A storage that
 * is used both inside and outside a loop, or that carries values from one iteration to the next, is live
 * during the whole loop.
 */
export const liveRangesOf = (
  order: Sequence,
  uses: (g: Group) => readonly number[],
  persistent: ReadonlyMap<number, ReadonlySet<number>>,
): ReadonlyMap<number, LiveRange> => {
  const moments = new Map<number, number[]>()
  const loops: { region: number; from: number; to: number }[] = []
  let now = 0
  const walk = (s: Sequence): void => {
    for (const item of s) {
      if (item.kind === 'group') {
        for (const u of uses(item.group)) moments.set(u, [...(moments.get(u) ?? []), now])
        now++
        continue
      }
      const from = now++
      walk(item.body)
      loops.push({ region: item.region.id, from, to: now++ })
    }
  }
  walk(order)
  // Inner loops come first, so a range that is extended by one is tested against the loops around it.
  return new Map(
    [...moments].map(([storage, at]) => {
      let from = Math.min(...at)
      let to = Math.max(...at)
      for (const l of loops) {
        const inside = at.some(t => t > l.from && t < l.to)
        if (!inside) continue
        const leaves = at.some(t => t < l.from || t > l.to) || persistent.get(storage)?.has(l.region)
        if (leaves) {
          from = Math.min(from, l.from)
          to = Math.max(to, l.to)
        }
      }
      return [storage, { from, to }]
    }),
  )
}
