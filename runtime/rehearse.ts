import type { KernelDecl } from '../compiler/artifact.js'
import { unlessAborted } from './abort.js'
import type { Device } from './device.js'
import { FirstDispatch } from './first-dispatch.js'
import { type Helper, SharedWork, textOf } from './helpers.js'

/** Kernels that were compiled ahead of their first run, and how many of them by helpers. */
export interface Rehearsal {
  readonly kernels: number
  readonly helped: number
}

export interface RehearsalOptions {
  /** Receives the numbers of finished and of all kernels. An exception from it ends the rehearsal. */
  readonly ready?: ((done: number, total: number) => void) | undefined
  /** Starts helpers; those of the device if absent. */
  readonly helpers?: (() => readonly Helper[]) | undefined
  /**
   * If it is aborted, the rehearsal ends at once with its reason, without waiting for the kernel that is
   * being compiled.
   */
  readonly signal?: AbortSignal | undefined
}

/**
 * A first dispatch that takes longer than this, in milliseconds, means that the kernel was not in the
 * driver's cache. A cached one takes about three.
 */
const coldAfter = 100

/**
 * Characters of kernels that a driver compiles in about a second. For fewer, the start of a helper costs more
 * than it saves.
 */
const worthHelp = 20_000

/**
 * Compiles kernels on a software device ahead of their first run. Such a driver compiles a kernel at its
 * first dispatch, one after the other, which takes seconds if its cache lacks them. So each kernel is
 * dispatched once, one workgroup on scratch buffers, and `ready` receives the progress. As soon as a kernel
 * is not found in the cache, `helpers` are started to compile some of the others. Their kernels are
 * dispatched here too; if most of those are not found in the cache, the helpers are dismissed. Other devices
 * complete their pipelines at loading, so there it does nothing; it also skips kernels that were rehearsed
 * before, and small sets of kernels without a `ready`. Rejects with a `DeviceError` like `load`.
 */
export const rehearse = async (
  device: Device,
  kernels: readonly KernelDecl[],
  { ready, helpers = device.helpers, signal }: RehearsalOptions = {},
): Promise<Rehearsal> => {
  signal?.throwIfAborted()
  const { pipelines } = device
  const fresh = device.traits.software ? pipelines.unrehearsed(kernels) : []
  const helpful = helpers !== undefined && textOf(fresh) >= worthHelp
  if (fresh.length === 0 || (ready === undefined && !helpful)) return { kernels: 0, helped: 0 }
  await unlessAborted(device.wait(Promise.all(fresh.map(kernel => pipelines.pipeline(kernel)))), signal)
  let [done, helped, missed, slowest] = [0, 0, 0, 0]
  const work = new SharedWork(fresh)
  let asked = !helpful
  const ask = (): void => {
    if (asked || work.left < worthHelp) return
    asked = true
    try {
      work.invite(helpers?.() ?? [])
    } catch {
      // Without helpers, this process compiles all kernels.
    }
  }
  const first = new FirstDispatch(device)
  try {
    for (;;) {
      const next = await unlessAborted(device.wait(work.next(2 * slowest)), signal)
      if (next === undefined) return { kernels: fresh.length, helped }
      const cold = setTimeout(ask, coldAfter)
      const began = performance.now()
      try {
        await unlessAborted(first.run(next.kernel), signal)
      } finally {
        clearTimeout(cold)
      }
      const took = performance.now() - began
      pipelines.markRehearsed(next.kernel)
      done += 1
      ready?.(done, fresh.length)
      if (!next.helped) slowest = Math.max(slowest, took)
      else if (took < coldAfter) helped += 1
      else missed += 1
      if (missed > helped) work.dismiss()
    }
  } finally {
    work.dismiss()
    first.destroy()
  }
}
