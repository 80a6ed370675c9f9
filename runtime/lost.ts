import { DeviceError, fromGpuError } from './errors.js'

const lostError = (reason: string, message: string): DeviceError =>
  new DeviceError('lost', {
    what: reason === 'destroyed' ? 'the device was closed while it was in use' : 'the device was lost',
    ...(message === '' ? {} : { why: message }),
    hint:
      reason === 'destroyed'
        ? 'Close a device only after all of its results have arrived.'
        : 'The driver was reset, ran out of memory, or the device was removed. Start again; a training run goes on from its last checkpoint with --resume.',
  })

/**
 * Watches a device for its loss and for errors that no call reports (validation, memory). Such an error is told once,
 * by the first operation that is begun or ends after it; a loss is told by every operation from then on.
 */
export class Watch {
  #lost: DeviceError | undefined
  #fault: DeviceError | undefined
  readonly #pending = new Set<(error: DeviceError) => void>()

  constructor(gpu: GPUDevice) {
    void gpu.lost.then(info => this.lose(info.reason, info.message))
    gpu.addEventListener('uncapturederror', event => {
      event.preventDefault()
      this.#fault ??= fromGpuError(event.error)
    })
  }

  /** Marks the device as lost; everything pending is rejected. */
  lose(reason: string, message: string): void {
    if (this.#lost !== undefined) return
    this.#lost = lostError(reason, message)
    for (const reject of this.#pending) reject(this.#lost)
    this.#pending.clear()
  }

  /** Throws the {@link DeviceError} if the device is lost, or an error was seen since the last call. */
  check(): void {
    const error = this.#lost ?? this.#fault
    this.#fault = undefined
    if (error !== undefined) throw error
  }

  /** The promise, rejected with a {@link DeviceError} as soon as the device is lost, or if there was an error by its end. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject)
      promise.then(
        value => {
          this.#pending.delete(reject)
          try {
            this.check()
            resolve(value)
          } catch (error) {
            reject(error)
          }
        },
        (error: unknown) => {
          // The promise of the loss, or the event with the reason, may come just after this rejection.
          setTimeout(() => {
            this.#pending.delete(reject)
            try {
              this.check()
              reject(error)
            } catch (cause) {
              reject(cause)
            }
          }, 0)
        },
      )
      this.check()
    })
  }
}
