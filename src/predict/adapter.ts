import type { Precision } from '../../compiler/artifact.js'
import type { Program } from '../../compiler/core/core.js'
import type { GivenValue } from '../../compiler/specialise/specialise.js'
import { UserError } from '../errors/user-error.js'
import { checkFields } from '../json/check-fields.js'
import type { JsonObject } from '../json/json-values.js'
import { identityDiffers, type ModelIdentity, shortHash } from '../model/identity.js'
import type { WeightFormat } from '../model/weight-format.js'
import type { Checkpoint } from '../safetensors/checkpoint.js'

/** An adapter's description, as `adapter_config.json` has it. */
export interface AdapterConfig {
  readonly program: string
  /** The program that computes the base model, if one was chosen. */
  readonly model_program?: string
  readonly recipe: string
  readonly program_hash: string
  readonly base_model: string
  /** The identity of the base model; absent in adapters of earlier versions. */
  readonly base?: ModelIdentity
  /** The format of the base model's weights on the device. */
  readonly weights?: WeightFormat
  /** Refused entries and tensors of the base model that the user allowed. */
  readonly allow?: readonly string[]
  /** The precision of products. */
  readonly precision?: Precision
  readonly sizes: Readonly<Record<string, number>>
  readonly settings: Readonly<Record<string, GivenValue>>
  readonly tensors: Readonly<Record<string, readonly number[]>>
  readonly seed: number
}

/**
 * An adapter's description from the JSON of its file. Throws a `UserError` that names `path` if it is of
 * another shape.
 */
export const adapterConfigOf = (path: string, found: JsonObject): AdapterConfig => {
  checkFields(path, found, {
    program: 'text',
    model_program: 'text?',
    recipe: 'text',
    program_hash: 'text',
    base_model: 'text',
    base: 'object?',
    weights: 'format?',
    precision: 'precision?',
    sizes: 'counts',
    settings: 'settings',
    tensors: 'shapes',
    seed: 'count',
  })
  return found as unknown as AdapterConfig
}

/** The definition of a size in the first module that has one. */
const meaningOf = (program: Program, size: string): string | undefined => {
  for (const { sizes } of program.modules.values()) {
    const doc = sizes.get(size)?.doc?.trim()
    if (doc !== undefined) return doc.replace(/\.$/, '')
  }
  return undefined
}

const named = (program: Program, size: string): string => {
  const meaning = meaningOf(program, size)
  return meaning === undefined ? size : `${meaning} (${size})`
}

/** Throws a `UserError` if the adapter was trained with other sizes than the model's. */
export const checkSizes = (
  program: Program,
  adapter: AdapterConfig,
  sizes: ReadonlyMap<string, number>,
  { where, model }: { readonly where: string; readonly model: string },
): void => {
  const wrong = Object.entries(adapter.sizes).filter(([k, v]) => sizes.has(k) && sizes.get(k) !== v)
  if (wrong.length === 0) return
  throw new UserError({
    what: `the adapter was trained on another model than ${model}`,
    where,
    why: wrong.map(([k, v]) => `${named(program, k)}: ${v}, and the model has ${sizes.get(k)}`).join('; '),
    hint: `give the model it was trained on by --model; it says ${adapter.base_model}`,
  })
}

/**
 * The differences between an adapter and the program and model that it is opened on, with both values. Throws
 * a `UserError` with them unless `force`: the results would differ from those of training.
 */
export const checkFits = (
  adapter: AdapterConfig,
  found: { readonly hash: string; readonly base: ModelIdentity | undefined },
  where: string,
  force: boolean,
): readonly string[] => {
  const program =
    adapter.program_hash === undefined || adapter.program_hash === found.hash
      ? []
      : [
          `${adapter.program} has changed since it was trained: it was ` +
            `${shortHash(adapter.program_hash)}, and is ${shortHash(found.hash)}`,
        ]
  const base =
    adapter.base === undefined || found.base === undefined ? [] : identityDiffers(adapter.base, found.base)
  const differs = [...program, ...base]
  if (differs.length === 0 || force) return differs
  throw new UserError({
    what:
      'the adapter was trained on another ' +
      `${base.length === 0 ? 'program' : program.length === 0 ? 'model' : 'model and program'}`,
    where,
    why: differs.join('; '),
    hint:
      'take what it was trained on (--model names another folder), train again, or go on ' +
      'all the same by --force',
  })
}

/** Throws a `UserError` if the adapter's tensors do not match its description. */
export const checkTensors = (adapter: AdapterConfig, checkpoint: Checkpoint): void => {
  const wrong = Object.entries(adapter.tensors).flatMap(([name, shape]) => {
    const found = checkpoint.tensors.get(name)
    if (found === undefined) return [`\`${name}\` is missing`]
    return found.shape.join() === shape.join()
      ? []
      : [`\`${name}\` is [${found.shape.join(', ')}], not [${shape.join(', ')}]`]
  })
  if (wrong.length > 0)
    throw new UserError({
      what: 'the adapter does not hold what its description says',
      where: checkpoint.path,
      why: wrong.join('; '),
      hint: 'copy both files of the adapter from one run',
    })
}
