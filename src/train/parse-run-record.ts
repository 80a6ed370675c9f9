import { UserError } from '../errors/user-error.js'
import { isJsonObject, type JsonObject } from '../json/json-values.js'
import { JsonError, parseJson } from '../json/parse-json.js'
import type { EpochRecord, History, Position, StepRecord } from './run-record.js'

/** The metadata of a run's state is not as `jola train` writes it. */
const damaged = (file: string, entry: string, why: string): UserError =>
  new UserError({
    what: `the state of the run is damaged: its ${entry}`,
    where: file,
    why,
    hint: 'copy the folder of the run again, or train again with --force',
  })

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isEpoch = (value: unknown): value is EpochRecord & JsonObject =>
  isJsonObject(value) && isCount(value.epoch) && isCount(value.step) && typeof value.loss === 'number'

const isStep = (value: unknown): value is StepRecord & JsonObject =>
  isJsonObject(value) &&
  isCount(value.step) &&
  Object.values(value).every((number): number is number => typeof number === 'number')

const parsed = (file: string, entry: string, text: string): JsonObject => {
  try {
    const value = parseJson(text)
    if (isJsonObject(value)) return value
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    throw damaged(file, entry, error.message)
  }
  throw damaged(file, entry, 'it is no object')
}

/**
 * The position in the metadata of a run's state. Throws a `UserError` that names `file` if it is of another
 * shape.
 */
export const readPosition = (file: string, text: string | undefined): Position => {
  if (text === undefined) throw damaged(file, 'position', 'it is missing')
  const { step, steps, done, best } = parsed(file, 'position', text)
  if (!isCount(step) || !isCount(steps) || step > steps)
    throw damaged(file, 'position', 'its step and steps are not whole numbers that fit each other')
  if (typeof done !== 'boolean') throw damaged(file, 'position', 'its done is neither true nor false')
  if (best !== undefined && !isEpoch(best))
    throw damaged(file, 'position', 'its best is no epoch with a step and a loss')
  return { step, steps, done, ...(best === undefined ? {} : { best }) }
}

/**
 * The history in the metadata of a run's state. Throws a `UserError` that names `file` if it is of another
 * shape.
 */
export const readHistory = (file: string, text: string | undefined): History => {
  if (text === undefined) throw damaged(file, 'history', 'it is missing')
  const { steps, epochs } = parsed(file, 'history', text)
  if (!Array.isArray(steps) || !steps.every(isStep))
    throw damaged(file, 'history', 'its steps are not records of numbers')
  if (!Array.isArray(epochs) || !epochs.every(isEpoch))
    throw damaged(file, 'history', 'its epochs are not records with a step and a loss')
  return { steps, epochs }
}
