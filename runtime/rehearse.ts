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
  /** Is told how many kernels of all are done. What it throws ends the rehearsal. */
  readonly ready?: ((done: number, total: number) => void) | undefined
  /** Starts helpers; those of the device if absent. */
  readonly helpers?: (() => readonly Helper[]) | undefined
  /**
   * Aborted, it ends the rehearsal at once, with its reason: a kernel that is being compiled is not waited
   * for.
   */
  readonly signal?: AbortSignal | undefined
}

/**
 * Milliseconds after which a kernel is taken to be compiled, not found in the driver's cache: that takes some
 * three.
 */
const coldAfter = 100

/**
 * Characters of kernels that a driver compiles in a second or so; with less a helper's own start is not worth
 * it.
 */
const worthHelp = 20_000

/**
 * Has a software device compile kernels ahead of their first run. Its driver does so at a kernel's first
 * dispatch, one after the other, which takes seconds unless the driver's cache has them: so each is
 * dispatched once, a single workgroup on buffers of nobody, and `ready` is told how many are done. As soon as
 * one is seen not to be in the cache, `helpers` are asked to compile some of the others; what they have
 * compiled is dispatched too, and if most of it is not found in the cache they are no longer asked. Does
 * nothing on other devices, whose pipelines are complete once loaded, and for what was rehearsed before, nor
 * for little that nobody is told of. Rejects with a `DeviceError` like `load`.
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
      // Then all kernels are compiled here.
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
