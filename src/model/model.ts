import type { CoreParam, Program } from '../../compiler/core/core.js'
import type { Type } from '../../compiler/core/type.js'
import { inputsOf } from '../../compiler/specialise/parameters.js'
import type { SizeEquation } from '../../compiler/specialise/solve-sizes.js'
import { type ConstantValue, constantValue } from '../../compiler/specialise/specialise.js'
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'
import type { Checkpoint } from '../safetensors/checkpoint.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { type BoundParam, bindParam } from './bind.js'
import { type ConfigProblem, ConfigReader } from './config-reader.js'
import { configError, readConstants } from './config-values.js'
import { namesFamilies, unreadEntries, withNeeds } from './door.js'
import { configEquations, declareSize, missingEntries } from './sizes.js'
import { refuseUnused } from './unused.js'
import type { WeightFormat } from './weight-format.js'

/** A model's folder: its configuration, and, if requested, its weights and its tokenizer. */
export interface Model {
  readonly directory: string
  /** The file of its configuration, for messages; `config.json` in its folder unless given. */
  readonly configFile?: string
  readonly config: JsonObject
  readonly checkpoint: Checkpoint | undefined
  /** The format of its weights on the device. */
  readonly format: WeightFormat
  readonly tokenizer: Tokenizer | undefined
  /** The greatest number of tokens that it reads. */
  readonly context: number
  /**
   * Whether the checkpoint stores the embedding a second time as the head; a tied model does not read that
   * copy.
   */
  readonly headIsEmbedding?: boolean
  /** Refused entries and tensors that the user allows. */
  readonly allowed?: ReadonlySet<string>
}

/** The facts about a program that a model's folder determines. */
export interface ModelFacts {
  readonly constants: ReadonlyMap<string, ConstantValue>
  readonly equations: readonly SizeEquation[]
  /** Advice if a size is still unknown. */
  readonly hint: string
  /** Whether the `bool` constant that is the condition of a checkpoint's name is true. */
  readonly holds: (id: string) => boolean
}

const isStored = (t: Type): boolean => inputsOf('', t).some(s => s.from !== undefined)

/**
 * Reads the constants of a program from a model's folder, and equations for its sizes. Throws a `UserError`
 * that lists all entries of a wrong type or range, and, if the `types` are stored in checkpoints, all entries
 * that nothing reads. `partial`: a program that names no families may leave entries unread.
 */
export const modelFacts = (
  program: Program,
  types: readonly Type[],
  model: Model,
  { partial = false } = {},
): ModelFacts => {
  const file = model.configFile ?? `${model.directory}/config.json`
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
  // The other entries of an unknown family would only repeat the problem.
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

/** The entries of a configuration that a program reads nothing from, and that may change numbers. */
export const unknownEntries = (
  program: Program,
  types: readonly Type[],
  config: JsonObject,
): readonly string[] => {
  const reader = new ConfigReader(config)
  const constants = readConstants(program, reader)
  for (const t of types) {
    missingEntries(program, t, reader)
    configEquations(program, t, reader, constants)
  }
  return unreadEntries(reader).flatMap(p => p.names)
}

/**
 * Binds parameters to the model's checkpoint. Throws a `UserError` for tensors that are missing or of another
 * shape, and, unless `partial`, for those that no field asks for.
 */
export const bindModel = (
  params: readonly CoreParam[],
  sizes: ReadonlyMap<string, number>,
  model: Model,
  { holds, partial = false }: Pick<ModelFacts, 'holds'> & { readonly partial?: boolean },
): BoundParam => {
  const { checkpoint } = model
  if (checkpoint === undefined)
    throw new UserError({ what: 'the model has no weights', where: model.directory })
  const bound = params.map(p => bindParam(p, sizes, checkpoint, holds))
  const tensors = bound.flatMap(b => b.tensors)
  if (!partial) refuseUnused(tensors, checkpoint, model)
  return { tensors, absent: new Map(bound.flatMap(b => [...b.absent])) }
}
