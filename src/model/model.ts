import { join } from 'node:path'
import type { CoreParam, Program } from '../../compiler/core/core.js'
import type { Type } from '../../compiler/types/type.js'
import { UserError } from '../errors.js'
import { readConfig } from '../hub/config.js'
import { type Checkpoint, openCheckpoint } from '../hub/safetensors.js'
import { openTokenizer, type Tokenizer } from '../hub/tokenizer.js'
import { withinVocabulary } from '../hub/vocabulary.js'
import type { JsonObject } from '../json.js'
import { type BoundParam, bindParam } from './bind.js'
import { configuredConstants } from './config-values.js'
import { configEquations, declareSize, missingEntries } from './sizes.js'
import type { WeightFormat } from './weights.js'

/** A model's folder: its configuration, and when asked for its weights and its tokenizer. */
export interface Model {
  readonly directory: string
  readonly config: JsonObject
  readonly checkpoint: Checkpoint | undefined
  /** What its weights are to be on the device. */
  readonly format: WeightFormat
  readonly tokenizer: Tokenizer | undefined
  /** The most tokens it reads. */
  readonly context: number
}

const tokenizerFor = async (directory: string, config: JsonObject): Promise<Tokenizer> => {
  const tokenizer = await openTokenizer(directory)
  const { vocab_size } = config
  return typeof vocab_size === 'number' ? withinVocabulary(tokenizer, vocab_size, directory) : tokenizer
}

/** Opens a model's folder. Throws a `UserError` for whatever is missing or broken in it. */
export const openModel = async (
  directory: string,
  wants: {
    readonly weights: boolean
    readonly tokenizer: boolean
    /** `auto` unless said. */
    readonly format?: WeightFormat | undefined
  },
): Promise<Model> => {
  const config = await readConfig(directory)
  const positions = config.max_position_embeddings
  const tokenizer = wants.tokenizer ? await tokenizerFor(directory, config) : undefined
  return {
    directory,
    config,
    // Last, since it stays open.
    checkpoint: wants.weights ? await openCheckpoint(directory) : undefined,
    format: wants.format ?? 'auto',
    tokenizer,
    context: typeof positions === 'number' ? positions : 2048,
  }
}

/**
 * What a model's folder decides about a program: constants, and sizes that are still to be solved. Throws a `UserError`
 * when the configuration asks for something that the program does not know.
 */
export const modelFacts = (program: Program, types: readonly Type[], model: Model) => {
  const file = join(model.directory, 'config.json')
  const missing = [...new Set(types.flatMap(t => missingEntries(program, t, model.config)))]
  return {
    constants: configuredConstants(program, model.config, file),
    equations: types.flatMap(t => configEquations(program, t, model.config)),
    /** What to do where a size is still unknown. */
    hint:
      missing.length === 0
        ? declareSize
        : `${file} has no ${missing.join(', no ')}: complete it, or take another model`,
  }
}

/** Binds parameters to the model's checkpoint, telling of what nothing asks for. */
export const bindModel = (
  params: readonly CoreParam[],
  sizes: ReadonlyMap<string, number>,
  model: Model,
): BoundParam => {
  const { checkpoint } = model
  if (checkpoint === undefined)
    throw new UserError({ what: 'the model has no weights', where: model.directory })
  const bound = params.map(p => bindParam(p, sizes, checkpoint))
  return {
    tensors: bound.flatMap(b => b.tensors),
    absent: new Map(bound.flatMap(b => [...b.absent])),
    unused: bound.length === 1 ? bound[0]!.unused : [],
  }
}
