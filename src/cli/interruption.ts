import { remark, type SignalExitCode } from './shared.js'

/** Signals that end a process, and the exit codes that shells give them: 128 plus the signal's number. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const satisfies Record<string, SignalExitCode>

type EndSignal = keyof typeof exitCodes

const names = Object.keys(exitCodes) as readonly EndSignal[]

/** Ends long work in good order. */
export interface Interruption {
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP that comes while this listens. */
  readonly signal: AbortSignal
  /**
   * From now on the first of those signals aborts `signal`, and a second one ends the process. Before this
   * call each signal ends the process at once, also while it computes for seconds without a pause, when a
   * handler would not be called.
   */
  listen(): void
  release(): void
  /** The exit code of the signal that arrived. */
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
