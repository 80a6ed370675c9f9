import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { evaluateSize } from '../../compiler/core/size.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import { batchSizes } from '../../src/data/batch.js'
import { random32 } from '../../src/data/random.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { modelIdentityOf } from '../../src/folders/model-identity.js'
import { openModel } from '../../src/folders/open-model.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import { modelFacts } from '../../src/model/model.js'
import { modelSizes } from '../../src/predict/open-predictor.js'
import { findRecipe } from '../../src/recipe/find-recipe.js'
import { stateType } from '../../src/recipe/recipe-parts.js'
import { settingEquations, settingsOf } from '../../src/recipe/settings.js'
import type { TensorData } from '../../src/safetensors/encode.js'

/** About normal numbers, by the sum of uniform ones. */
const randomNumbers = (count: number, seed: number, spread: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => {
    let sum = -2
    for (let k = 0; k < 4; k++) sum += random32(seed, i, k) / 2 ** 32
    return sum * 1.7 * spread
  })

/** An adapter to write: what a run of a recipe would have learned, made of random numbers. */
export interface MadeUpAdapter {
  readonly program: string
  readonly model: string
  readonly modelProgram?: string
  readonly set?: readonly string[]
  readonly seed: number
  /** How far the numbers are from 0. */
  readonly spread?: number
}

/** Writes a folder like that of a finished run, without training one. */
export const writeAdapter = async (directory: string, made: MadeUpAdapter): Promise<void> => {
  const { program, hash, modules } = loadProgram([made.program], { model: made.modelProgram })
  const recipe = findRecipe(program, modules[0]!)
  const settings = settingsOf(program, recipe, made.set ?? [])
  const model = await openModel(made.model, { weights: true, tokenizer: true })
  try {
    const facts = modelFacts(program, [...recipe.params.map(p => p.type), stateType(recipe)], model)
    const sizes = modelSizes(recipe.sizes, facts, model, settingEquations(recipe, settings))
    const specs = inputsOf('', stateType(recipe)).filter(
      s => !/^(moments|chosen|share|last_loss)/.test(s.name),
    )
    const tensors = new Map(
      specs.map((s, i): [string, TensorData] => {
        const shape = s.dims.map(d => evaluateSize(d, sizes))
        const count = shape.reduce((a, b) => a * b, 1)
        // Gates stand between closed and open.
        const spread = s.name.includes('gate') ? 1 : (made.spread ?? 0.3)
        return [s.name, { dtype: 'F32', shape, data: randomNumbers(count, made.seed * 100 + i, spread) }]
      }),
    )
    await mkdir(directory, { recursive: true })
    await writeSafetensors(join(directory, 'adapter_model.safetensors'), tensors)
    const config = {
      format: 'jola-adapter-1',
      program: made.program,
      ...(made.modelProgram === undefined ? {} : { model_program: made.modelProgram }),
      recipe: recipe.name,
      program_hash: hash,
      base_model: made.model,
      base: await modelIdentityOf(model, facts.constants),
      sizes: Object.fromEntries([...sizes].filter(([name]) => !batchSizes.has(name))),
      tensors: Object.fromEntries([...tensors].map(([name, t]) => [name, t.shape])),
      settings: Object.fromEntries(settings),
      seed: made.seed,
    }
    await writeFile(join(directory, 'adapter_config.json'), JSON.stringify(config))
  } finally {
    await model.checkpoint?.close()
  }
}
