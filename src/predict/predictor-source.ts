import type { Program } from '../../compiler/core/core.js'
import type { Predictor } from '../../compiler/specialise/predictor.js'
import type { Bindings } from '../../compiler/specialise/specialise.js'
import type { Device, DeviceTensor } from '../../runtime/index.js'
import type { ChooseSchedules } from '../measure/choose-schedules.js'
import type { PackingOf } from '../model/weights.js'
import type { RowEdit } from './edit-slots.js'

/** Inputs with one number for each row of a batch: which adapter edits it, and how strongly. */
export interface RowInputs {
  /** What a row has where a call says nothing of it. */
  readonly usual: RowEdit
  /** A row's numbers by the inputs' names. Throws a `UserError` for adapters that were not opened. */
  readonly valuesOf: (edit: RowEdit) => ReadonlyMap<string, number>
}

/** The parts of a predictor, except for the shape that it is compiled for. */
export interface PredictorSource {
  readonly device: Device
  readonly program: Program
  readonly predictor: Predictor
  /** The sizes without T. */
  readonly bindings: Bindings
  /** The packings of its inputs, by name. */
  readonly packing: PackingOf
  /** Uploads the weights, edits and settings that a compiled predictor needs. */
  readonly bring: (names: readonly string[]) => Promise<Readonly<Record<string, DeviceTensor>>>
  readonly context: number
  readonly vocabulary: number
  /** The numbers that each row has of its own; none by default. */
  readonly rowInputs?: RowInputs | undefined
  /** The choice of schedules; the cost model by default. */
  readonly chooseSchedules?: ChooseSchedules | undefined
}
