import type { Region } from '../ir/ir.js'
import type { Group } from './group.js'

/** The nodes of a kernel, the loops around it, and its work for one dispatch. */
export interface KernelSpec extends Pick<Group, 'members' | 'updates'> {
  /** The loops around it, outermost first. */
  readonly loops: readonly Region[]
  readonly flops: number
  /** Bytes read and written, each tensor once. */
  readonly bytes: number
}
