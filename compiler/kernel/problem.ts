import type { Region } from '../ir/ir.js'
import type { KernelContext } from './context.js'
import type { Group } from './group.js'
import { type MapProgram, mapProgramOf } from './map-program.js'
import { type Product, productOfGroup } from './product.js'
import { type RowProgram, rowProgramOf } from './row-program.js'
import { type ScatterProgram, scatterProgramOf } from './scatter-program.js'

/**
 * A group of nodes in the form that one kind of kernel computes: what is scheduled, and then written as WGSL.
 */
export type KernelProblem =
  | { readonly kind: 'map'; readonly program: MapProgram }
  | { readonly kind: 'rows'; readonly program: RowProgram }
  | { readonly kind: 'contract'; readonly product: Product }
  | { readonly kind: 'scatter'; readonly program: ScatterProgram }

/**
 * The problem of a group. A contraction or a scatter that does not have the form of one after its reads are
 * lowered to addresses is solved by rows, which can compute any reduction.
 */
export const problemOf = (group: Group, loops: readonly Region[], ctx: KernelContext): KernelProblem => {
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
