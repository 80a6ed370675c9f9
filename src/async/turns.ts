import { unlessAborted } from '../../runtime/abort.js'

/**
 * Work that is done one after the other, in the order in which it was asked for. What fails does not keep the
 * next from its turn.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /**
   * Does the work when all that was asked for before is over. An aborted signal ends the waiting: work that
   * has not begun is never done.
   */
  async take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.#last
    const mine = before.then(() => {
      signal?.throwIfAborted()
      return work()
    })
    this.#last = mine.catch(() => undefined)
    return unlessAborted(mine, signal)
  }
}
