/**
 * A kernel's problem: the computation of one group of nodes, said over addresses instead of nodes. Reads of
 * nodes become loads at affine addresses (`placement.ts`), neighbouring axes that every address runs through
 * as one are merged (`coalesce-axes.ts`), and the group takes the form of the kind of kernel that computes
 * it.
 *
 *     y[b:8, t:64] = x[b, t] + v[t]  →  map over [8, 64]:
 *                                       storage 2 at 64·b + t = storage 0 at 64·b + t + storage 1 at t
 *
 * `fuse` decides which nodes form a group, `schedule` which thread computes what, and `wgsl` writes the text.
 */
import type { Region } from '../ir/ir.js'
import type { KernelContext } from './context.js'
import type { Group } from './group.js'
import { type MapProgram, mapProgramOf } from './map-program.js'
import { type Product, productOfGroup } from './product.js'
import { type RowProgram, rowProgramOf } from './row-program.js'
import { type ScanProgram, scanProgramOf } from './scan-program.js'
import { type ScatterProgram, scatterProgramOf } from './scatter-program.js'

/** The form of a group that one kind of kernel computes. It is scheduled, and then written as WGSL. */
export type KernelProblem =
  | { readonly kind: 'map'; readonly program: MapProgram }
  | { readonly kind: 'rows'; readonly program: RowProgram }
  | { readonly kind: 'contract'; readonly product: Product }
  | { readonly kind: 'scatter'; readonly program: ScatterProgram }
  | { readonly kind: 'scan'; readonly program: ScanProgram }

/**
 * The problem of a group. A contraction or a scatter may lose its form when its reads become addresses. It is
 * then computed by rows, which can compute any reduction.
 */
export const problemOf = (group: Group, loops: readonly Region[], ctx: KernelContext): KernelProblem => {
  if (group.scan !== undefined) return { kind: 'scan', program: scanProgramOf(group, group.scan, ctx) }
  if (group.kind === 'map') return { kind: 'map', program: mapProgramOf(group, loops, ctx) }
  if (group.kind === 'contract') {
    const product = productOfGroup(group, loops, ctx)
    if (product !== undefined) return { kind: 'contract', product }
  }
  if (group.kind === 'scatter') {
    const program = scatterProgramOf(group, loops, ctx)
    if (program !== undefined) return { kind: 'scatter', program }
  }
  return { kind: 'rows', program: rowProgramOf(group, loops, ctx) }
}
