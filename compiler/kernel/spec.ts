import type { Region } from '../ir/ir.js'
import type { Group } from './group.js'

export interface KernelSpec extends Pick<Group, 'members' | 'updates'> {
  /** The loops around it, outermost first. */
  readonly loops: readonly Region[]
  readonly flops: number
  readonly bytes: number
}
