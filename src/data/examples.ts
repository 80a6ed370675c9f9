import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileError, systemCode, UserError } from '../errors.js'
import { type DataRecord, placeOf, readRecords } from './jsonl.js'

/** A text to continue and the continuation that is right. */
export interface Example {
  readonly prompt: string
  readonly answer: string
  /** The answers to choose among, where the data names them. */
  readonly options?: readonly string[]
  readonly file: string
  /** The line of the data it begins on, from 1. */
  readonly line: number
}

/** The parts of a data directory. */
export type Split = 'train' | 'valid' | 'test'

/** JoLA's prompt (Lai, Fraser and Titov, ICML 2025), with its one blank before the first `###`; the answer follows. */
export const jolaPrompt = (instruction: string): string =>
  'Below is an instruction that describes a task. ' +
  'Write a response that appropriately completes the request.\n' +
  ` ### Instruction:\n${instruction}\n\n### Response:\n`

const textField = ({ value, ...place }: DataRecord, name: string): string | undefined => {
  const field = value[name]
  if (field === undefined || typeof field === 'string') return field
  throw new UserError({
    what: `the field '${name}' is not text`,
    where: placeOf(place),
    why: `it is ${JSON.stringify(field)}`,
    hint: `write it in quotes: "${name}": "…"`,
  })
}

const optionsOf = ({ value, ...place }: DataRecord, answer: string): readonly string[] | undefined => {
  const { options } = value
  if (options === undefined) return undefined
  const isList = Array.isArray(options) && options.every((o): o is string => typeof o === 'string')
  if (isList && options.includes(answer)) return options
  throw new UserError({
    what: isList ? 'the answer is not among the options' : "the field 'options' is not a list of texts",
    where: placeOf(place),
    why: `the options are ${JSON.stringify(options)}, the answer is ${JSON.stringify(answer)}`,
    hint: 'list every answer to choose from, spelled as in the answer',
  })
}

/**
 * A record as an example. `{prompt, answer}` is taken as it stands; `{instruction, answer}` goes through
 * {@link jolaPrompt}, with a non-empty `input` on a line of its own after the instruction. `options` is optional.
 * Throws a `UserError` that names file and line if neither fits or the answer is empty.
 */
export const exampleOf = (record: DataRecord): Example => {
  const prompt = textField(record, 'prompt')
  const instruction = textField(record, 'instruction')
  const answer = textField(record, 'answer')
  const place = { file: record.file, line: record.line }
  if (answer === undefined || (prompt === undefined) === (instruction === undefined)) {
    throw new UserError({
      what: 'the entry is no example',
      where: placeOf(record),
      why: `an example has an answer and either a prompt or an instruction; this has ${Object.keys(record.value).join(', ') || 'nothing'}`,
      hint: 'write {"prompt": "…", "answer": "…"} or {"instruction": "…", "answer": "…"}',
    })
  }
  if (answer === '') {
    throw new UserError({
      what: 'the answer is empty',
      where: placeOf(record),
      why: 'there would be nothing to learn or to score',
      hint: 'give every example an answer, or leave it out',
    })
  }
  const input = textField(record, 'input') ?? ''
  const text = prompt ?? jolaPrompt(input === '' ? (instruction ?? '') : `${instruction}\n${input}`)
  const options = optionsOf(record, answer)
  return { prompt: text, answer, ...(options === undefined ? {} : { options }), ...place }
}

/** Reads the examples of one file. Throws a `UserError` if it can't be read or holds none. */
const readExamples = async (path: string): Promise<readonly Example[]> => {
  const examples = (await readRecords(path)).map(exampleOf)
  if (examples.length > 0) return examples
  throw new UserError({
    what: 'the data is empty',
    where: path,
    why: 'it holds no examples',
    hint: 'write one example a line: {"prompt": "…", "answer": "…"}',
  })
}

const endings = ['.jsonl', '.json', '.jsonl.gz', '.json.gz']

/**
 * The file of a split in a data directory: `train`, `valid` or `test` with the ending `.jsonl` or `.json`, and perhaps
 * `.gz`; `undefined` if there is none. Throws a `UserError` if there are several, or the directory can't be read.
 */
export const splitFile = async (directory: string, split: Split): Promise<string | undefined> => {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === 'ENOTDIR')
      throw new UserError({
        what: 'the data is a folder, and this is a file',
        where: directory,
        hint: `name the folder that holds it: ${dirname(directory)}`,
      })
    throw fileError('read the data directory', directory, error)
  })
  const found = endings.map(ending => split + ending).filter(name => names.includes(name))
  if (found.length < 2) return found[0] === undefined ? undefined : join(directory, found[0])
  throw new UserError({
    what: `there are several files for '${split}'`,
    where: directory,
    why: `${found.join(' and ')} would both be read`,
    hint: 'keep one of them',
  })
}

/** Reads a split of a data directory. Throws a `UserError` if it is missing, empty or broken. */
export const readSplit = async (directory: string, split: Split): Promise<readonly Example[]> => {
  const file = await splitFile(directory, split)
  if (file !== undefined) return readExamples(file)
  throw new UserError({
    what: `there is no ${split} data`,
    where: directory,
    why: `none of ${endings.map(ending => split + ending).join(', ')} is in it`,
    hint: `put the examples in ${join(directory, `${split}.jsonl`)}`,
  })
}

/** Every distinct answer of some examples, sorted: what a classification chooses from when the data doesn't say. */
export const distinctAnswers = (examples: readonly Example[]): readonly string[] =>
  [...new Set(examples.map(({ answer }) => answer))].sort()
