import type { Group } from '../kernel/group.js'
import type { Sequence } from './order.js'

/** First and last moment at which a storage holds something needed. */
export interface LiveRange {
  readonly from: number
  readonly to: number
}

/**
 * The lives of storages over the sequence of groups. What is used both inside and outside a loop, or carries
 * values from one iteration to another, lives as long as the loop.
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
  // Loops are listed inner ones first.
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
