import type { Device } from '../../runtime/index.js'
import type { Cell, ComparePlan } from '../compare/plan.js'
import type { CompareFolder } from './compare-folder.js'

/** What all cells of a comparison share. */
export interface CellContext {
  readonly device: Device
  readonly folder: CompareFolder
  readonly plan: ComparePlan
  readonly watch: (
    cell: Cell,
    steps: { readonly done: number; readonly total: number; readonly note: object },
  ) => void
  readonly listen: () => void
  readonly signal: AbortSignal
}
