/** Jola in a Node program: load `.jola` files, compile their functions, run them on a GPU, train recipes. */
export { CheckedModules, SizesError, specialiseFn, specialiseGrad } from '../compiler/index.js'
export { DeviceError, type DeviceErrorKind } from '../runtime/index.js'
export { openNodeDevice } from '../runtime/node.js'
export {
  type Engine,
  type EngineKind,
  type EngineRunOptions,
  type HostTensor,
  openEngine,
} from './engine/engine.js'
export { renderUserError, UserError } from './errors/user-error.js'
export { type LoadedProgram, loadProgram, ProgramError } from './folders/load-program.js'
export { type Checkpoint } from './safetensors/checkpoint.js'
export { openCheckpoint } from './folders/open-checkpoint.js'
export { type TensorData } from './safetensors/encode.js'
export { writeSafetensors } from './folders/write-safetensors.js'
export { SequenceModel } from './predict/sequence-model.js'
export { renderReport } from './report/render.js'
export { makeReport } from './runs/make-report.js'
export { type OpenPredictor, openBase, openRun } from './runs/open-run.js'
export { type TrainRequest, type TrainResult, train } from './runs/train-run.js'
export { type Evaluation, evaluate, type Task, taskOf } from './score/evaluate.js'
export { openTokenizer } from './folders/open-tokenizer.js'
export { type Tokenizer } from './text/tokenizer.js'
export type { TrainWatcher } from './train/train.js'
