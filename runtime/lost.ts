import { DeviceError, fromGpuError } from './errors.js'

const lostError = (reason: string, message: string): DeviceError =>
  new DeviceError('lost', {
    what: reason === 'destroyed' ? 'the device was closed while it was in use' : 'the device was lost',
    ...(message === '' ? {} : { why: message }),
    hint:
      reason === 'destroyed'
        ? 'Close a device only after all of its results have arrived.'
        : 'The driver was reset, ran out of memory, or the device was removed. Start again; a ' +
          'training run goes on from its last checkpoint with --resume.',
  })

/** A caller that waits for the device, and an error that arrived in the meantime. */
interface Waiting {
  readonly reject: (error: DeviceError) => void
  fault?: DeviceError
}

/**
 * Watches a device for its loss and for errors that no call reports (validation, memory). Such an error
 * cannot be attributed to an operation. It therefore rejects all operations that wait at that moment, each
 * when it ends; if none waits, it rejects the next operation. After a loss every operation is rejected.
 */
export class Watch {
  #lost: DeviceError | undefined
  #fault: DeviceError | undefined
  readonly #pending = new Set<Waiting>()

  constructor(gpu: GPUDevice) {
    void gpu.lost.then(info => this.lose(info.reason, info.message))
    gpu.addEventListener('uncapturederror', event => {
      event.preventDefault()
      const fault = fromGpuError(event.error)
      for (const waiting of this.#pending) waiting.fault ??= fault
      if (this.#pending.size === 0) this.#fault ??= fault
    })
  }

  /** Marks the device as lost and rejects every pending operation. */
  lose(reason: string, message: string): void {
    if (this.#lost !== undefined) return
    this.#lost = lostError(reason, message)
    for (const { reject } of this.#pending) reject(this.#lost)
    this.#pending.clear()
  }

  /** Throws a {@link DeviceError} if the device is lost or an error has not been reported yet. */
  check(): void {
    const error = this.#lost ?? this.#fault
    this.#fault = undefined
    if (error !== undefined) throw error
  }

  /**
   * The promise; it rejects with a {@link DeviceError} as soon as the device is lost, or at its end if there
   * was an error.
   */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = { reject }
      const end = (otherwise: () => void): void => {
        this.#pending.delete(waiting)
        try {
          this.check()
          if (waiting.fault !== undefined) throw waiting.fault
        } catch (error) {
          reject(error)
          return
        }
        otherwise()
      }
      this.#pending.add(waiting)
      promise.then(
        value => end(() => resolve(value)),
        // The event with the reason, or the promise of the loss, may come just after this rejection.
        (error: unknown) => setTimeout(() => end(() => reject(error)), 0),
      )
      this.check()
    })
  }
}
