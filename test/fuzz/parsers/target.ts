import type { Random } from '../random.js'

/** A parser, and how to damage what it reads. */
export interface Target {
  readonly name: string
  /** A file, damaged. */
  make(random: Random): Buffer
  /**
   * Reads it: refuses it by a `UserError`, or takes it. It throws `Broken` where it takes what it must not.
   */
  read(bytes: Buffer): void | Promise<void>
}

/** A parser took something that it must refuse. */
export class Broken extends Error {}
