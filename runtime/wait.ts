/** Waits for a promise of the device. Every such promise must be awaited through the device's own. */
export type Wait = <T>(promise: Promise<T>) => Promise<T>

/** Right wherever waiting costs no processor time that the device needs: browsers, and GPUs. */
export const plainWait: Wait = promise => promise

const busyMilliseconds = 0.3
const sleepMilliseconds = 1

/**
 * For software devices in Node. There the binding polls in a `setImmediate` loop while any of its promises is pending,
 * and takes a core from the device's own threads. So: poll for a moment (short work ends in it), then block the
 * main thread a millisecond at a time between polls. All pending waits share one such loop.
 */
export const sleepingWait = (): Wait => {
  const never = new Int32Array(new SharedArrayBuffer(4))
  let pending = 0
  let busyUntil = 0
  let running = false

  const turn = (): void => {
    if (pending === 0) {
      running = false
      return
    }
    if (performance.now() > busyUntil) Atomics.wait(never, 0, 0, sleepMilliseconds)
    setImmediate(turn)
  }

  return promise => {
    pending += 1
    busyUntil = performance.now() + busyMilliseconds
    if (!running) {
      running = true
      setImmediate(turn)
    }
    return promise.finally(() => {
      pending -= 1
    })
  }
}
