import { join } from 'node:path'
import type { CoreRecipe } from '../../compiler/core/core.js'
import { type InputSpec, inputsOf } from '../../compiler/specialise/parameters.js'
import { batchSizes } from '../data/batch.js'
import { writeAtomic } from '../files/atomic.js'
import { makeFolder } from '../files/make-folder.js'
import { besideWeights, copyModelFiles } from '../folders/model-files.js'
import { writeSafetensors } from '../folders/write-safetensors.js'
import { indicesBelow, nameAt, namesFor, storedShape } from '../model/bind.js'
import { stateType } from '../recipe/recipe-parts.js'
import type { TensorData } from '../safetensors/encode.js'
import type { RunDescription, StateTensor } from '../train/run-record.js'
import { adapterFiles, type RunFolder } from './run-folder.js'

const isZero = (data: Float32Array): boolean => data.every(x => x === 0)

/** Options for storing state as a checkpoint. */
export interface StoredForm {
  readonly sizes: ReadonlyMap<string, number>
  readonly dtype: 'BF16' | 'F32'
  /** The conditions of the checkpoint's names that hold for the model; none by default. */
  readonly holds?: (id: string) => boolean
}

/**
 * State as the tensors of a checkpoint, with the names and shapes of `from … as …`, one for each element of
 * arrays of records. It leaves out zero tensors that reading would fill with zero, and tensors that have no
 * name in such a model.
 */
export const storedTensors = (
  specs: readonly InputSpec[],
  state: ReadonlyMap<string, StateTensor>,
  { sizes, dtype, holds = () => false }: StoredForm,
): ReadonlyMap<string, TensorData> => {
  const tensors = new Map<string, TensorData>()
  for (const spec of specs) {
    const { shape: whole, data } = state.get(spec.name)!
    const { names, fill } = namesFor(spec, holds)
    if (names.length === 0 || (fill === 0 && isZero(data))) continue
    const shape = storedShape(spec, sizes)
    const size = shape.reduce((a, b) => a * b, 1)
    indicesBelow(whole.slice(0, spec.arrayAxes)).forEach((index, i) => {
      const name = nameAt(names[0]!, index)
      tensors.set(name, { dtype, shape, data: data.slice(i * size, (i + 1) * size) })
    })
  }
  return tensors
}

/** The learned state of a run. */
export interface LearnedState {
  readonly recipe: CoreRecipe
  readonly run: RunDescription
  /** The parts of the state that `predict` reads. */
  readonly learned: ReadonlySet<string>
  readonly state: ReadonlyMap<string, StateTensor>
  /** The step of the state, if it is known. */
  readonly best: number | undefined
}

/** Options for storing a trained model. */
export interface ExportOptions {
  readonly bf16: boolean
  /** The conditions of the checkpoint's names that hold for the model. */
  readonly holds: (id: string) => boolean
}

/**
 * Writes the learned state. State that the program binds to a checkpoint's names becomes a complete model in
 * `model/`, with the tokenizer of training; other state becomes an adapter. Returns the written paths, for
 * messages.
 */
export const exportState = async (
  folder: RunFolder,
  { recipe, run, learned, state, best }: LearnedState,
  { bf16, holds }: ExportOptions,
): Promise<readonly string[]> => {
  const specs = inputsOf('', stateType(recipe)).filter(s => learned.has(s.name))
  const named = specs.filter(s => s.from !== undefined)
  const written: string[] = []
  if (named.length > 0) {
    const sizes = new Map(Object.entries(run.sizes))
    const tensors = storedTensors(named, state, { sizes, dtype: bf16 ? 'BF16' : 'F32', holds })
    const target = folder.file(adapterFiles.model)
    await makeFolder(target)
    await writeSafetensors(join(target, 'model.safetensors'), tensors, { format: 'pt' })
    await copyModelFiles(run.model, target, ['config.json', ...besideWeights])
    written.push(target)
  }
  const adapter = specs.filter(s => s.from === undefined)
  if (adapter.length > 0) {
    const tensors = new Map<string, TensorData>(
      adapter.map(s => [s.name, { dtype: 'F32', ...state.get(s.name)! }]),
    )
    await writeSafetensors(folder.file(adapterFiles.tensors), tensors, { recipe: run.recipe })
    const config = {
      format: 'jola-adapter-1',
      program: run.program,
      ...(run.modelProgram === undefined ? {} : { model_program: run.modelProgram }),
      recipe: run.recipe,
      program_hash: run.programHash,
      base_model: run.model,
      base: run.base,
      weights: run.weights,
      ...(run.allow === undefined ? {} : { allow: run.allow }),
      precision: run.precision,
      sizes: Object.fromEntries(Object.entries(run.sizes).filter(([k]) => !batchSizes.has(k))),
      tensors: Object.fromEntries(adapter.map(s => [s.name, state.get(s.name)!.shape])),
      settings: run.settings,
      seed: run.seed,
      best_step: best,
    }
    await writeAtomic(folder.file(adapterFiles.config), [`${JSON.stringify(config, undefined, 2)}\n`])
    written.push(folder.file(adapterFiles.tensors), folder.file(adapterFiles.config))
  }
  return written
}
