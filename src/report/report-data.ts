/** A name and its value, for a table. */
export interface Fact {
  readonly name: string
  readonly value: string
  /** Its meaning, in a phrase. */
  readonly note?: string
}

/** The score of one seed, with its counts if it is a share. */
export interface SeedScore {
  readonly value: number
  readonly correct?: number
  readonly total?: number
}

/** A score before and after training, one entry a seed (a score without chance has one). */
export interface ScoreRow {
  readonly name: string
  /** `share` is shown in percent, `number` as it is. */
  readonly kind: 'share' | 'number'
  readonly better: 'higher' | 'lower'
  readonly before: readonly SeedScore[]
  readonly after: readonly SeedScore[]
}

/** A value after a step of training. */
export interface CurvePoint {
  readonly step: number
  readonly value: number
}

/** Settled gates in [0, 1]: `values[layer][head]`. Exactly 0 is closed. */
export type GateGrid = readonly (readonly number[])[]

/** A text that the model continued, before and after training. */
export interface TextSample {
  readonly prompt: string
  readonly before: string
  readonly after: string
  /** The right answer, if there is one. */
  readonly expected?: string
}

/** The content of a report. Absent and empty parts are not shown. */
export interface ReportData {
  readonly title: string
  /** A sentence or two under the title. */
  readonly summary?: string
  readonly model: readonly Fact[]
  readonly data: readonly Fact[]
  readonly settings: readonly Fact[]
  readonly scores: readonly ScoreRow[]
  readonly curves: {
    readonly train: readonly CurvePoint[]
    readonly valid: readonly CurvePoint[]
    /** The share of settled gates that are open, by kind, in [0, 1]. */
    readonly openScale?: readonly CurvePoint[]
    readonly openOffset?: readonly CurvePoint[]
    /** The step whose state was kept. */
    readonly bestStep?: number
  }
  readonly gates?: { readonly scale: GateGrid; readonly offset: GateGrid }
  readonly samples: readonly TextSample[]
  readonly reproduce: {
    readonly command: string
    /** Seed, device, version, hash of the program. */
    readonly facts: readonly Fact[]
  }
}
