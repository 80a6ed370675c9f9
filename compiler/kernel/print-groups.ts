import type { NodeId } from '../ir/ir.js'
import { printNode } from '../ir/print.js'
import type { Group } from './group.js'

const nodeList = (ids: Iterable<NodeId>): string => [...ids].map(id => `%${id}`).join(', ')

const groupLines = (g: Group, number: number): readonly string[] => {
  const rows = g.kind === 'rows' ? `, rows of rank ${g.rowRank}` : ''
  const scan = g.scan ? `, all of loop ${g.scan.region.id}, one ${g.scan.by} a lane` : ''
  const region = g.region === undefined ? '' : `, in loop ${g.region}`
  const stored = g.stored.size === 0 ? 'stores nothing' : `stores ${nodeList(g.stored)}`
  const updates = [...g.updates].map(([id, { into }]) => `  writes %${id} into %${into}, in place`)
  return [
    `group ${number}: ${g.kind}${rows}${scan}${region}; ${stored}`,
    ...g.members.map(m => `  ${printNode(m)}`),
    ...updates,
  ]
}

/** Groups of nodes, each of which becomes a kernel: the kind, the nodes, and what is written to memory. */
export const printGroups = (groups: readonly Group[]): string =>
  groups.map((g, i) => groupLines(g, i + 1).join('\n')).join('\n\n')
