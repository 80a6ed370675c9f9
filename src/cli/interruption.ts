import { remark, type SignalExitCode } from './shared.js'

/**
 * Signals that ask a process to end, and the exit codes by which shells tell them: 128 and the signal's
 * number.
 */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const satisfies Record<string, SignalExitCode>

type EndSignal = keyof typeof exitCodes

const names = Object.keys(exitCodes) as readonly EndSignal[]

/** What ends a long work in good order. */
export interface Interruption {
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP that comes while this listens. */
  readonly signal: AbortSignal
  /**
   * From now on the first of those signals is ours to answer, and a second is the system's again. Before,
   * each ends the process at once: also where it computes for seconds without a pause, as while it compiles,
   * when a handler would not be called.
   */
  listen(): void
  release(): void
  /** That of the signal that came. */
  exitCode(): SignalExitCode
}

/** An interruption that does not listen yet. */
export const interruption = (): Interruption => {
  const controller = new AbortController()
  let came: EndSignal = 'SIGINT'
  const stop = (name: EndSignal): void => {
    came = name
    release()
    remark('\nstopping after this step; the state will be saved (Ctrl-C again to quit at once)')
    controller.abort()
  }
  const release = (): void => {
    for (const name of names) process.off(name, stop)
  }
  return {
    signal: controller.signal,
    listen: () => {
      for (const name of names) process.on(name, stop)
    },
    release,
    exitCode: () => exitCodes[came],
  }
}
