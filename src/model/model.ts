import { join } from 'node:path'
import type { CoreParam, Program } from '../../compiler/core/core.js'
import type { Type } from '../../compiler/core/type.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import type { SizeEquation } from '../../compiler/specialise/solve-sizes.js'
import { type ConstantValue, constantValue } from '../../compiler/specialise/specialise.js'
import { UserError } from '../errors/user-error.js'
import { readConfig } from '../files/json-file.js'
import { type Checkpoint, openCheckpoint } from '../folders/open-checkpoint.js'
import type { JsonObject } from '../json/json-values.js'
import { openTokenizer, type Tokenizer } from '../text/tokenizer.js'
import { withinVocabulary } from '../text/vocabulary.js'
import { type BoundParam, bindParam } from './bind.js'
import { type ConfigProblem, ConfigReader } from './config-reader.js'
import { configError, readConstants } from './config-values.js'
import { namesFamilies, unreadEntries, withNeeds } from './door.js'
import { configEquations, declareSize, missingEntries } from './sizes.js'
import { storesEmbeddingAsHead } from './tied.js'
import { refuseUnused } from './unused.js'
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
  /** Whether the checkpoint holds the embedding again as a head, which a tied model does not read. */
  readonly headIsEmbedding?: boolean
  /** Entries and tensors that were refused, and that the user lets pass. */
  readonly allowed?: ReadonlySet<string>
}

const tokenizerFor = async (directory: string, config: JsonObject): Promise<Tokenizer> => {
  const tokenizer = await openTokenizer(directory)
  const { vocab_size } = config
  return typeof vocab_size === 'number' ? withinVocabulary(tokenizer, vocab_size, directory) : tokenizer
}

/** What of a model's folder is wanted, and how. */
export interface ModelWants {
  readonly weights: boolean
  readonly tokenizer: boolean
  /** `auto` unless said. */
  readonly format?: WeightFormat | undefined
  /** See {@link Model.allowed}. */
  readonly allow?: readonly string[] | undefined
}

/** Opens a model's folder. Throws a `UserError` for whatever is missing or broken in it. */
export const openModel = async (directory: string, wants: ModelWants): Promise<Model> => {
  const config = await readConfig(directory)
  const positions = config.max_position_embeddings
  const tokenizer = wants.tokenizer ? await tokenizerFor(directory, config) : undefined
  // Last, since it stays open.
  const checkpoint = wants.weights ? await openCheckpoint(directory) : undefined
  return {
    directory,
    config,
    checkpoint,
    headIsEmbedding: checkpoint !== undefined && (await storesEmbeddingAsHead(checkpoint, config)),
    format: wants.format ?? 'auto',
    tokenizer,
    context: typeof positions === 'number' ? positions : 2048,
    allowed: new Set(wants.allow),
  }
}

/** What a model's folder decides about a program. */
export interface ModelFacts {
  readonly constants: ReadonlyMap<string, ConstantValue>
  readonly equations: readonly SizeEquation[]
  /** What to do where a size is still unknown. */
  readonly hint: string
  /** Whether the `bool` constant under which a name of the checkpoint stands is true. */
  readonly holds: (id: string) => boolean
}

const isStored = (t: Type): boolean => inputsOf('', t).some(s => s.from !== undefined)

/**
 * What a model's folder decides about a program: constants, and sizes that are still to be solved. Throws a `UserError`
 * with all that the configuration asks for and the program does not know: entries of another type or range, and, where the `types` are stored in
 * checkpoints, entries that nothing reads. `partial`: a program that names no families may read as little as it likes.
 */
export const modelFacts = (
  program: Program,
  types: readonly Type[],
  model: Model,
  { partial = false } = {},
): ModelFacts => {
  const file = join(model.directory, 'config.json')
  const { config, allowed = new Set<string>() } = model
  const reader = new ConfigReader(config, allowed)
  const constants = readConstants(program, reader)
  const missing = [...new Set(types.flatMap(t => missingEntries(program, t, reader)))]
  const equations = types.flatMap(t => configEquations(program, t, reader, constants))
  const whole = types.some(isStored) && (!partial || namesFamilies(program))
  const refused = (problems: readonly ConfigProblem[]): void => {
    const some = problems.filter(p => !p.names.some(n => allowed.has(n)))
    if (some.length > 0) throw configError(some, file)
  }
  // Of an unknown family the other entries are no news.
  refused(reader.problems.filter(p => p.names.includes('model_type')).map(p => withNeeds(p, config)))
  refused([...reader.problems, ...(whole ? unreadEntries(reader) : [])])
  return {
    constants,
    equations,
    hint:
      missing.length === 0
        ? declareSize
        : `${file} has no ${missing.join(', no ')}: complete it, or take another model`,
    holds: id => constantValue(program, id, constants) === 1,
  }
}

/**
 * Binds parameters to the model's checkpoint. Throws a `UserError` for tensors that are missing or of another shape, and, unless `partial`, for those that no
 * field asks for.
 */
export const bindModel = (
  params: readonly CoreParam[],
  sizes: ReadonlyMap<string, number>,
  model: Model,
  { holds }: Pick<ModelFacts, 'holds'>,
  { partial = false } = {},
): BoundParam => {
  const { checkpoint } = model
  if (checkpoint === undefined)
    throw new UserError({ what: 'the model has no weights', where: model.directory })
  const bound = params.map(p => bindParam(p, sizes, checkpoint, holds))
  const tensors = bound.flatMap(b => b.tensors)
  if (!partial) refuseUnused(tensors, checkpoint, model)
  return { tensors, absent: new Map(bound.flatMap(b => [...b.absent])) }
}
