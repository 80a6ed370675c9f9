import { UserError } from '../errors/user-error.js'

/**
 * How the files of a data folder are to be read, where that is not plain from the files. It is JSON: a run
 * remembers it.
 */
export interface Reading {
  /** What the labels 0, 1, 2, … are called, or `letters` for A, B, C, … */
  readonly labels?: readonly string[] | 'letters'
  /** The file's name of a field, by the name that Jola knows it under. */
  readonly fields?: Readonly<Record<string, string>>
  /** Fields that do not matter. */
  readonly ignore?: readonly string[]
  /** How many examples to split off for training and for validation. */
  readonly split?: { readonly train: number; readonly valid: number }
  /** The first so many of the training and of the validation data. */
  readonly take?: number
}

const usage = (what: string, hint: string): UserError => new UserError({ what, hint, exitCode: 2 })

/**
 * `letters`, or names apart by commas. Throws a `UserError` unless there are two different names at least.
 */
export const parseLabels = (text: string): readonly string[] | 'letters' => {
  if (text.trim() === 'letters') return 'letters'
  const names = text.split(',').map(name => name.trim())
  if (names.length > 1 && names.every((name, i) => name !== '' && names.indexOf(name) === i)) return names
  throw usage(
    `--labels cannot be '${text}'`,
    'name what the labels 0, 1, 2, … mean: --labels negative,positive, or --labels letters for A, B, C, …',
  )
}

/** `role=field,…`: the file's name of each field. Throws a `UserError` for anything else. */
export const parseFields = (text: string): Readonly<Record<string, string>> => {
  const pairs = text.split(',').map(pair => /^\s*([a-z_]+)\s*=\s*(.+?)\s*$/.exec(pair))
  const roles = pairs.map(pair => pair?.[1])
  if (pairs.every(pair => pair !== null) && new Set(roles).size === roles.length)
    return Object.fromEntries(pairs.map(pair => [pair![1]!, pair![2]!]))
  throw usage(
    `--fields cannot be '${text}'`,
    'write which field of the file is which: --fields prompt=mr,answer=ref',
  )
}

/** `200/200`: examples for training and for validation. `undefined` for any other text. */
export const parseSizes = (text: string): Reading['split'] | undefined => {
  const [, train, valid] = /^([1-9][0-9]{0,8})\/([1-9][0-9]{0,8})$/.exec(text.trim()) ?? []
  return train === undefined ? undefined : { train: Number(train), valid: Number(valid) }
}

const show = (value: unknown): string => (value === undefined ? 'not given' : JSON.stringify(value))

/** What of a run's way of reading its data was given otherwise now, in words. */
export const readingDiffers = (begun: Reading, given: Reading): readonly string[] =>
  (['labels', 'fields', 'ignore', 'split', 'take'] as const).flatMap(key =>
    given[key] === undefined || JSON.stringify(given[key]) === JSON.stringify(begun[key])
      ? []
      : [`--${key} was ${show(begun[key])}, and is ${show(given[key])}`],
  )
