import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

// A peer answers requests, a JSON object a line on standard input, in the same way on file descriptor 3: what
// libraries print
// goes elsewhere and disturbs nothing. Between requests it waits for input and costs nothing.

const busyMilliseconds = 0.3
const never = new Int32Array(new SharedArrayBuffer(4))

/**
 * Waits for a promise of the WebGPU binding as Jola's own runtime does: where the device is the processor
 * (SLEEP=1), the main thread sleeps between polls, or the binding would take a core from the device. The peer
 * itself is as it was shipped.
 */
export const idle = async promise => {
  if (process.env.SLEEP !== '1') return promise
  let done = false
  const settled = Promise.resolve(promise).finally(() => {
    done = true
  })
  settled.catch(() => undefined)
  const busyUntil = performance.now() + busyMilliseconds
  while (!done) {
    if (performance.now() > busyUntil) Atomics.wait(never, 0, 0, 1)
    await new Promise(resolve => setImmediate(resolve))
  }
  return settled
}

/**
 * Puts the WebGPU binding where browsers have theirs. The object is kept: collected, it would take the
 * process down.
 */
export const installWebGPU = async () => {
  process.env.XDG_RUNTIME_DIR ??= '/tmp'
  const { create, globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  const gpu = create([])
  const navigator = { gpu, userAgent: 'node', platform: 'linux', language: 'en', hardwareConcurrency: 2 }
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true, writable: true })
  globalThis.self ??= globalThis
}

/**
 * Serves until standard input ends. `open()` gives the peer's name with its version. `works` has, by the name
 * of a kind of work, a function from the request to `{ check, run, close }`: `check()` gives the numbers that
 * are compared, `run(times)` does the work so many times and returns when it is done.
 */
export const serve = async ({ open, works }) => {
  let current
  const verbs = {
    open: async () => ({ name: await open(), works: Object.keys(works) }),
    prepare: async ({ work, ...request }) => {
      await current?.close?.()
      current = await works[work](request)
      return { values: Array.from(await current.check()) }
    },
    run: async ({ times }) => {
      const start = performance.now()
      await current.run(times)
      return { milliseconds: (performance.now() - start) / times }
    },
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const { verb, ...request } = JSON.parse(line)
    const answer = await verbs[verb](request).catch(error => ({ error: String(error?.message ?? error) }))
    writeSync(3, `${JSON.stringify(answer)}\n`)
  }
  process.exit(0)
}
