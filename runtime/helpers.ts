import type { KernelDecl } from '../compiler/artifact.js'

/**
 * Another process with the same driver: what it compiles, the driver finds in the cache that its processes
 * share.
 */
export interface Helper {
  /**
   * Resolves when the kernel is in the cache; rejects if it never will be, or the helper is closed. One at a
   * time.
   */
  compile(kernel: KernelDecl): Promise<void>
  /** Ends it at once, whatever it is doing. */
  close(): void
}

/** A kernel to dispatch, and whether a helper has compiled it. */
export interface Work {
  readonly kernel: KernelDecl
  readonly helped: boolean
}

/**
 * Kernels to compile, handed out one by one to this process and to helpers. The longest come first, so that
 * all end at about the same time: in a language of unrolled loops a text's length tells the time that it
 * takes to compile.
 */
export class SharedWork {
  readonly #waiting: KernelDecl[]
  readonly #helped: KernelDecl[] = []
  /** Since when each helper has been at a kernel. */
  readonly #busy = new Map<Helper, number>()
  #changed = (): void => undefined

  constructor(kernels: readonly KernelDecl[]) {
    this.#waiting = [...kernels].sort((a, b) => b.wgsl.length - a.wgsl.length)
  }

  /** Characters of the kernels that nobody has begun. */
  get left(): number {
    return textOf(this.#waiting)
  }

  /** Lets helpers take part until nothing is left. They are closed then. */
  invite(helpers: readonly Helper[]): void {
    for (const helper of helpers) void this.#serve(helper)
  }

  /** Closes the helpers; what they were at is left to this process. */
  dismiss(): void {
    for (const helper of this.#busy.keys()) helper.close()
  }

  /**
   * What this process is to do next, first what helpers have compiled; `undefined` when all is done. When
   * nothing else is left, waits for helpers, unless one has been at its kernel for more than `patience`
   * milliseconds.
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
