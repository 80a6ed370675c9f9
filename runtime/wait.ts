/**
 * Waits for a promise of the device. Every such promise must be awaited through the device's own. Where
 * waiting costs processor time, its end may be noticed `patience` milliseconds late, 1 unless given.
 */
export type Wait = <T>(promise: Promise<T>, patience?: number) => Promise<T>

/** Right wherever waiting costs no processor time that the device needs: browsers, and GPUs. */
export const plainWait: Wait = promise => promise

const busyMilliseconds = 0.3

/**
 * For software devices in Node. There the binding polls in a `setImmediate` loop while any of its promises is
 * pending, and takes a core from the device's own threads. So: poll for a moment (short work ends in it)
 * unless whoever waits is patient, then block the main thread between polls, as long as they are. All pending
 * waits share one such loop.
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
