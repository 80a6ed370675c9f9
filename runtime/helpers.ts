import type { KernelDecl } from '../compiler/artifact.js'

/**
 * Another process with the same driver. A kernel that it compiles is then in the driver's cache, which the
 * processes share.
 */
export interface Helper {
  /**
   * Resolves when the kernel is in the cache; rejects if compilation fails or the helper is closed. Call it
   * for one kernel at a time.
   */
  compile(kernel: KernelDecl): Promise<void>
  /** Ends the process at once. */
  close(): void
}

/** A kernel to dispatch, and whether a helper has compiled it. */
export interface Work {
  readonly kernel: KernelDecl
  readonly helped: boolean
}

/**
 * A queue of kernels to compile, for this process and its helpers. The longest kernels come first (longest
 * processing time first, a rule of Graham), so that all processes end at about the same time. The length of a
 * kernel's text estimates its compile time, since loops are unrolled in the text.
 */
export class SharedWork {
  readonly #waiting: KernelDecl[]
  readonly #helped: KernelDecl[] = []
  /** The time at which each helper began its kernel. */
  readonly #busy = new Map<Helper, number>()
  #changed = (): void => undefined

  constructor(kernels: readonly KernelDecl[]) {
    this.#waiting = [...kernels].sort((a, b) => b.wgsl.length - a.wgsl.length)
  }

  /** The length in characters of the kernels that no process has begun. */
  get left(): number {
    return textOf(this.#waiting)
  }

  /** Lets helpers take kernels until none is left, then closes them. */
  invite(helpers: readonly Helper[]): void {
    for (const helper of helpers) void this.#serve(helper)
  }

  /** Closes the helpers; this process then compiles their kernels. */
  dismiss(): void {
    for (const helper of this.#busy.keys()) helper.close()
  }

  /**
   * The next kernel for this process; `undefined` when all are done. Kernels that helpers have compiled come
   * first. If only the kernels of helpers are left, it waits for them, unless a helper has spent more than
   * `patience` milliseconds on its kernel.
   */
  async next(patience: number): Promise<Work | undefined> {
    for (;;) {
      const helped = this.#helped.shift()
      if (helped !== undefined) return { kernel: helped, helped: true }
      const own = this.#waiting.shift()
      if (own !== undefined) return { kernel: own, helped: false }
      if (this.#busy.size === 0) return undefined
      const due = Math.min(...this.#busy.values()) + patience
      const change = new Promise<void>(resolve => {
        this.#changed = resolve
      })
      const overdue = setTimeout(() => this.dismiss(), Math.max(0, due - performance.now()))
      await change
      clearTimeout(overdue)
    }
  }

  async #serve(helper: Helper): Promise<void> {
    for (let kernel = this.#waiting.shift(); kernel !== undefined; kernel = this.#waiting.shift()) {
      this.#busy.set(helper, performance.now())
      try {
        await helper.compile(kernel)
        this.#helped.push(kernel)
      } catch {
        this.#waiting.unshift(kernel)
        break
      } finally {
        this.#busy.delete(helper)
        this.#changed()
      }
    }
    helper.close()
  }
}

/** Characters of the kernels' texts. */
export const textOf = (kernels: readonly KernelDecl[]): number =>
  kernels.reduce((n, { wgsl }) => n + wgsl.length, 0)
