/**
 * Waits for a promise of the device. Await every such promise through the device's own `wait`. If waiting
 * costs processor time, the end may be noticed `patience` milliseconds late (1 by default).
 */
export type Wait = <T>(promise: Promise<T>, patience?: number) => Promise<T>

/** For browsers and GPUs, where waiting costs no processor time that the device needs. */
export const plainWait: Wait = promise => promise

const busyMilliseconds = 0.3

/**
 * For software devices in Node. The binding polls in a `setImmediate` loop while one of its promises is
 * pending, which takes a core from the device's own threads. So this polls for a moment, in which short work
 * ends (unless the caller is patient), and then blocks the main thread between polls for as long as the
 * callers' patience allows. All pending waits share one loop.
 */
export const sleepingWait = (): Wait => {
  const never = new Int32Array(new SharedArrayBuffer(4))
  const pending: number[] = []
  let busyUntil = 0
  let running = false

  const turn = (): void => {
    if (pending.length === 0) {
      running = false
      return
    }
    if (performance.now() > busyUntil) Atomics.wait(never, 0, 0, Math.min(...pending))
    setImmediate(turn)
  }

  return (promise, patience = 1) => {
    pending.push(patience)
    if (patience <= 1) busyUntil = performance.now() + busyMilliseconds
    if (!running) {
      running = true
      setImmediate(turn)
    }
    return promise.finally(() => pending.splice(pending.indexOf(patience), 1))
  }
}
