/** How long and with which inputs a part of the fuzzing runs. */
export interface FuzzOptions {
  /** The same seed gives the same inputs. */
  readonly seed: number
  /** Inputs to try, of each kind that the part has; unlimited if absent. */
  readonly count?: number
  /** Milliseconds since the epoch after which no further input is begun; unlimited if absent. */
  readonly until?: number
  /** Writes a line about how far it is. */
  readonly say: (line: string) => void
}

/** An input that breaks a promise. */
export interface Finding {
  /** What went wrong, in one line. */
  readonly what: string
  /** The smallest input that shows it, or the command that repeats it. */
  readonly input: string
}

/** What a part has tried. */
export interface FuzzResult {
  readonly tried: number
  readonly findings: readonly Finding[]
}

/** One kind of random test, which `npm run fuzz -- NAME` runs. */
export interface FuzzPart {
  readonly name: string
  /** What it holds, in one line. */
  readonly about: string
  run(options: FuzzOptions): Promise<FuzzResult>
}

/** Whether a part that has done `tried` inputs should begin another. */
export const goesOn = ({ count, until }: FuzzOptions, tried: number): boolean =>
  (count === undefined || tried < count) && (until === undefined || Date.now() < until)
