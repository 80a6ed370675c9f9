import type { Program } from '../../compiler/core/core.js'
import type { Predictor } from '../../compiler/specialise/predictor.js'
import type { Bindings } from '../../compiler/specialise/specialise.js'
import type { Device, DeviceTensor } from '../../runtime/index.js'
import type { ChooseSchedules } from '../measure/choose-schedules.js'
import type { PackingOf } from '../model/weights.js'

/** What a predictor is made of, except for the shape it is compiled for. */
export interface PredictorSource {
  readonly device: Device
  readonly program: Program
  readonly predictor: Predictor
  /** Sizes but for T. */
  readonly bindings: Bindings
  /** How its inputs are packed, by name. */
  readonly packing: PackingOf
  /** Brings weights, edits and settings to the device, as a compiled predictor asks for them. */
  readonly bring: (names: readonly string[]) => Promise<Readonly<Record<string, DeviceTensor>>>
  readonly context: number
  readonly vocabulary: number
  /** How schedules are chosen; by the cost model unless given. */
  readonly chooseSchedules?: ChooseSchedules | undefined
}
