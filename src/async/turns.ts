import { unlessAborted } from '../../runtime/abort.js'

/**
 * A queue of work: each piece runs after the earlier ones, in the order of the calls. A failure does not stop
 * the pieces behind it.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /**
   * Does the work when all earlier work has ended. An aborted signal ends the waiting; work that has not
   * begun is then never done.
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
