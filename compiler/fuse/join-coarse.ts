import { axesOf, postorder, readsOf, rewriter } from '../ir/expr.js'
import type { ComputeNode, NodeId } from '../ir/ir.js'
import { sizeInputOf } from '../ir/open-extent.js'
import { productOf, reduceAxes } from '../kernel/context.js'
import { alignmentOf, sameExtents } from './alignment.js'
import { fitsBudget } from './binding-budget.js'
import { readIds } from './dependencies.js'
import { readsOfMember } from './in-place.js'
import { bodyAt, largestBody } from './inline-producers.js'
import type { FusionContext, GroupDraft } from './join-small.js'

/**
 * A software device does about `reads` loads in the time that it takes to launch a kernel, where rows that
 * are computed at once share them. A load for a reduction that each row computes again is not shared and
 * counts `again` times.
 */
const launch = { reads: 600_000, again: 4 } as const

/** The most members of a joined group: it bounds the text of a kernel. */
const mostMembers = 12

/** The number of reads that depend on a node's reduced axes, or on its axes from number `from` on. */
const readsAlong = (n: ComputeNode, from: number): number => {
  const ids = new Set([...n.dims.flat().slice(from), ...reduceAxes(n)].map(a => a.id))
  return readsOf(n.body).filter(r => [...axesOf(...r.at).keys()].some(a => ids.has(a))).length
}

/**
 * Joins a group over rows to its only reader, a group over finer rows, on a software device. The joined
 * kernel computes the coarse group's reductions again for each finer row; it is made where that takes less
 * time than launching another kernel. Examples: the sum of a norm joins the products of its vector, the sum
 * of a softmax the values that it weights. The coarse group's elementwise members are substituted into the
 * reader.
 */
export const joinCoarseRows = (
  groups: readonly GroupDraft[],
  { graph, pinned, updates, traits, room }: FusionContext,
): readonly GroupDraft[] => {
  if (!traits.software) return groups
  const { own, aligned } = alignmentOf(graph)
  const sizeValue = sizeInputOf(graph)

  const joined = (coarse: GroupDraft, fine: GroupDraft): GroupDraft | undefined => {
    const rank = coarse.rowRank
    const rows = fine.members
      .map(own)
      .find(axes => axes.length >= fine.rowRank)!
      .slice(0, fine.rowRank)
    const same = sameExtents(own(coarse.members[0]!).slice(0, rank), rows.slice(0, rank))
    const [a, b] = [coarse, fine].map(g => g.members[0]!.region)
    if (coarse.shared ?? fine.shared) return undefined
    if (fine.kind !== 'rows' || a !== b || rank >= fine.rowRank || !same) return undefined
    const wide = new Map<NodeId, ComputeNode>()
    const within = (n: ComputeNode): ComputeNode => ({
      ...n,
      body: rewriter(e =>
        e.op === 'read' && wide.has(e.node) ? bodyAt(wide.get(e.node)!, e, sizeValue) : e,
      )(n.body),
    })
    const kept: ComputeNode[] = []
    for (const m of coarse.members) {
      const n = within(m)
      if (own(n).length > rank) wide.set(n.id, n)
      else kept.push(n)
    }
    const numbers = new Map(kept.map(n => [n.id, n]))
    const inner = fine.members.map(within)
    const right = inner.every(
      n =>
        postorder(n.body).length <= largestBody &&
        readsOf(n.body).every(r => !numbers.has(r.node) || aligned(r, numbers.get(r.node)!, n, rank)),
    )
    const members = [...kept, ...inner]
    if (!right || members.length > mostMembers) return undefined
    const inside = new Set(members.map(n => n.id))
    const read = members.flatMap(n => readsOfMember(n, updates.get(n.id))).filter(id => !inside.has(id))
    if (!fitsBudget(room, [...read, ...fine.members.map(m => m.id)])) return undefined
    // Every member with fewer axes than the rows is evaluated in each row, those of earlier joins too.
    const again = members
      .filter(n => own(n).length < fine.rowRank)
      .reduce((sum, n) => sum + productOf(reduceAxes(n)) * readsAlong(n, n.dims.flat().length), 0)
    const more = inner.reduce((sum, n, i) => {
      if (own(n).length < fine.rowRank) return sum
      const from = n.dims.flat().length - own(n).length + fine.rowRank
      const reads = readsAlong(n, from) - readsAlong(fine.members[i]!, from)
      return sum + productOf(own(n)) * productOf(reduceAxes(n)) * Math.max(0, reads)
    }, 0)
    if (launch.again * productOf(rows) * again + more > launch.reads) return undefined
    return { kind: 'rows', members, rowRank: fine.rowRank }
  }

  let out = groups
  for (const coarse of groups) {
    if (coarse.kind !== 'rows' || !out.includes(coarse)) continue
    const ids = new Set(coarse.members.map(m => m.id))
    if ([...ids].some(id => pinned.has(id) || updates.has(id))) continue
    const [fine, ...others] = out.filter(
      x => x !== coarse && x.members.some(m => readIds(m).some(id => ids.has(id))),
    )
    const both = fine === undefined || others.length > 0 ? undefined : joined(coarse, fine)
    if (both !== undefined) out = out.filter(x => x !== coarse).map(x => (x === fine ? both : x))
  }
  return out
}
