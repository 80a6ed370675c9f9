import { UserError } from '../errors/user-error.js'

/** Choices about reading a data folder that the files do not determine. It is JSON, and a run stores it. */
export interface Reading {
  /** The names of the labels 0, 1, 2, …, or `letters` for A, B, C, … */
  readonly labels?: readonly string[] | 'letters'
  /** The file's name of a field, by the name that Jola knows it under. */
  readonly fields?: Readonly<Record<string, string>>
  /** Fields to ignore. */
  readonly ignore?: readonly string[]
  /** The numbers of examples to split off for training and for validation. */
  readonly split?: { readonly train: number; readonly valid: number }
  /** The number of examples to take from the beginning of the training and of the validation data. */
  readonly take?: number
  /** Only the records whose fields have these values. */
  readonly where?: Readonly<Record<string, string>>
  /** A prompt that is written from a record's fields. */
  readonly template?: PromptTemplate
}

/** A prompt written from the fields of a record. */
export interface PromptTemplate {
  /** The field that it becomes: a `prompt` is complete, an `instruction` goes into JoLA's prompt. */
  readonly as: 'prompt' | 'instruction'
  /** Its text, in which `{name}` stands for a field. */
  readonly text: string
  /** What separates the items of fields that hold a list in one text. */
  readonly lists?: Readonly<Record<string, string>>
}

const usage = (what: string, hint: string): UserError => new UserError({ what, hint, exitCode: 2 })

/**
 * Parses `letters`, or names separated by commas. Throws a `UserError` unless there are at least two
 * different names.
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

/** The choices that differ between a run and the present command, in words. */
export const readingDiffers = (begun: Reading, given: Reading): readonly string[] =>
  (['labels', 'fields', 'ignore', 'split', 'take'] as const).flatMap(key =>
    given[key] === undefined || JSON.stringify(given[key]) === JSON.stringify(begun[key])
      ? []
      : [`--${key} was ${show(begun[key])}, and is ${show(given[key])}`],
  )
