import { harmlessLine } from '../../compiler/diagnostics/harmless.js'
import { forTerminal } from './terminal.js'

/** The stream for progress: standard error, or a substitute. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

/** How progress is shown. */
export interface ProgressOptions {
  /** The name of the work, in a word or two. */
  readonly label: string
  /** Steps in all. */
  readonly total: number
  /** Steps done before this process, in a resumed run; they do not count for the rate. */
  readonly from?: number
  readonly output?: ProgressOutput
  /** Milliseconds, for the rate; the system's clock unless given. */
  readonly now?: () => number
}

/** A running progress display. */
export interface Progress {
  /** Shows that `done` steps are done, with named numbers in their order. */
  update(done: number, numbers?: Readonly<Record<string, number | string>>): void
  /** Prints a separate line without breaking the bar. */
  note(line: string): void
  /** Shows the last state and ends the line. */
  finish(): void
}

/** The shortest time between redraws on a terminal, and between plain lines elsewhere, in milliseconds. */
const redrawEvery = 80
const lineEvery = 10_000

/** A duration in seconds as `45s`, `3m20s` or `1h02m`. */
export const formatDuration = (seconds: number): string => {
  const whole = Math.round(seconds)
  const two = (n: number) => String(n).padStart(2, '0')
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`
}

const formatRate = (rate: number): string =>
  rate >= 1 ? `${rate.toFixed(1)}/s` : `${(1 / rate).toFixed(1)}s each`

/** Four significant digits, in the plainest form. */
export const formatNumber = (value: number | string): string => {
  if (typeof value === 'string') return value
  if (Number.isInteger(value) || !Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  return size >= 1e-3 && size < 1e5
    ? value.toFixed(size < 10 ? 4 : size < 1000 ? 2 : 0)
    : value.toExponential(2)
}

const bar = (share: number, width: number): string => {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  const rest = eighths % 8 === 0 ? '' : ' ▏▎▍▌▋▊▉'[eighths % 8]!
  return ('█'.repeat(Math.floor(eighths / 8)) + rest).padEnd(width, '·')
}

/**
 * Starts a progress display: on a terminal one line that is redrawn, elsewhere a plain line every ten seconds
 * and at the end. Rate and remaining time come from the steps done since it was started.
 */
export const startProgress = (options: ProgressOptions): Progress => {
  const { label, total, from = 0, output = process.stderr, now = Date.now } = options
  const started = now()
  const live = output.isTTY === true
  let done = from
  let numbers: Readonly<Record<string, number | string>> = {}
  let shownAt = Number.NEGATIVE_INFINITY
  let shownState = ''
  let shownDone = Number.NEGATIVE_INFINITY

  const text = (): string => {
    const seconds = (now() - started) / 1000
    const rate = seconds > 0 ? (done - from) / seconds : 0
    const speed = rate > 0 ? [formatRate(rate)] : []
    const left = rate > 0 && done < total ? [`${formatDuration((total - done) / rate)} left`] : []
    const spent = done >= total ? [formatDuration(seconds)] : []
    const named = Object.entries(numbers).map(([name, value]) => `${name} ${formatNumber(value)}`)
    const share = total > 0 ? done / total : 1
    const percent = `${String(Math.floor(share * 100)).padStart(3)}%`
    const head = live ? `${label} ${bar(share, 24)} ${percent}` : `${label} ${percent}`
    return harmlessLine([`${head}  ${done}/${total}`, ...named, ...speed, ...left, ...spent].join('  '))
  }
  const draw = (): void => {
    shownAt = now()
    shownState = text()
    shownDone = done
    if (!live) output.write(`${shownState}\n`)
    else
      output.write(`\r\x1b[2K${[...shownState].slice(0, Math.max(20, (output.columns ?? 100) - 1)).join('')}`)
  }
  return {
    update(steps, named = numbers) {
      done = steps
      numbers = named
      if (now() - shownAt >= (live ? redrawEvery : lineEvery)) draw()
    },
    note(line) {
      output.write(`${live ? '\r\x1b[2K' : ''}${forTerminal(line)}\n`)
      if (live) draw()
    },
    finish() {
      const saidAll = done >= total && shownDone === done
      if (live || !(saidAll || text() === shownState)) draw()
      if (live) output.write('\n')
    },
  }
}

/** A progress display that begins with the first update, once it is known how much there is to do. */
export const startWhenKnown = (label: string) => {
  let shown: Progress | undefined
  return {
    /** Shows that `done` of `total` steps are done, and of what. */
    update(now: string, done: number, total: number): void {
      shown ??= startProgress({ label, total })
      shown.update(done, { now })
    },
    finish: (): void => shown?.finish(),
  }
}
