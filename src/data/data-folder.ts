import { UserError } from '../errors/user-error.js'
import { shownJson } from '../json/json-values.js'
import type { Chat } from '../text/chat.js'
import type { DataSource } from './data-source.js'
import { exampleOf } from './example-of.js'
import type { Example } from './examples.js'
import { type FoundForm, formOf, knownFields } from './forms.js'
import { type Labelling, labellingOf } from './labels.js'
import { withMessages } from './preferences.js'
import { permutation } from './random.js'
import type { Reading } from './reading.js'
import { type DataRecord, parseRecords, placeOf } from './records.js'
import { missingPart, type Split, splitFile } from './split-files.js'
import { withPrompt } from './template.js'

/** A part of a data set as its file stores it: all records have one form, and there is at least one. */
interface Part {
  readonly form: FoundForm
  readonly records: readonly DataRecord[]
}

/** A text of a part that is running text. */
export interface RunningText {
  readonly text: string
  readonly file: string
  readonly line: number
}

const without = <T>(object: Readonly<Record<string, T>>, names: ReadonlySet<string>): Record<string, T> =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.has(name)))

/**
 * The record with its fields renamed as forms know them, and without ignored fields. Throws a `UserError` for
 * a name that is in no record.
 */
const renamed = (record: DataRecord, { fields = {}, ignore = [] }: Reading): DataRecord => {
  const sources = new Set(Object.values(fields))
  const roles = new Set(Object.keys(fields))
  const missing = [...sources].find(name => !Object.hasOwn(record.value, name))
  if (missing !== undefined)
    throw new UserError({
      what: `there is no field '${missing}'`,
      where: placeOf(record),
      why: `--fields names it; the entry has ${Object.keys(record.value).join(', ')}`,
      hint: 'write it as the file has it',
    })
  const kept = without(record.value, new Set([...sources, ...roles, ...ignore]))
  const given = Object.entries(fields).map(([role, name]) => [role, record.value[name]] as const)
  return { ...record, value: { ...kept, ...Object.fromEntries(given) } }
}

/** The records whose fields have the values that are asked for. Throws a `UserError` if there is none. */
const selected = (records: readonly DataRecord[], where: Reading['where']): readonly DataRecord[] => {
  if (where === undefined || records.length === 0) return records
  const wanted = Object.entries(where)
  const found = records.filter(r => wanted.every(([name, value]) => String(r.value[name]) === value))
  if (found.length > 0) return found
  const [name, value] = wanted[0]!
  const values = [...new Set(records.map(r => String(r.value[name])))].slice(0, 20)
  throw new UserError({
    what: `no entry has "${name}": "${value}"`,
    where: records[0]!.file,
    why: `its values are ${values.join(', ')}`,
    hint: 'write the value as the file has it',
  })
}

const checkRoles = (fields: Readonly<Record<string, string>>): void => {
  const wrong = Object.keys(fields).find(role => !knownFields.has(role))
  if (wrong === undefined) return
  throw new UserError({
    what: `--fields gives a field for '${wrong}', which nothing reads`,
    hint: `the names that are read are ${[...knownFields].join(', ')}`,
    exitCode: 2,
  })
}

const sameForm = (record: DataRecord, form: FoundForm, first: FoundForm, place: string): void => {
  if (form.name === first.name) return
  throw new UserError({
    what: `the entry is ${form.title}, and others are ${first.title}`,
    where: placeOf(record),
    why: `${place} has ${first.title}; a data set of two kinds would be learned as neither`,
    hint: 'write all of it in one form',
  })
}

/** A part made of a file's records, which must all have one form. */
const partOf = (file: string, raw: readonly DataRecord[], reading: Reading): Part => {
  const { template } = reading
  const [begin, ...rest] = selected(raw, reading.where)
    .map(record => (template === undefined ? record : withPrompt(record, template)))
    .map(record => withMessages(renamed(record, reading)))
  if (begin === undefined)
    throw new UserError({
      what: 'the data is empty',
      where: file,
      why: 'it holds no examples',
      hint: 'write one example a line: {"prompt": "…", "answer": "…"}',
    })
  const form = formOf(begin)
  for (const record of rest) sameForm(record, formOf(record), form, placeOf(begin))
  return { form, records: [begin, ...rest] }
}

/** A data folder. Each part is found and read at its first use, once. */
export class DataFolder {
  readonly #parts = new Map<Split, Promise<Part | undefined>>()
  readonly #files = new Map<string, Promise<Part>>()

  constructor(
    readonly source: DataSource,
    readonly reading: Reading = {},
    private readonly chat: Chat | undefined = undefined,
  ) {
    checkRoles(reading.fields ?? {})
  }

  /** The folder's name in messages. */
  get directory(): string {
    return this.source.directory
  }

  /** Whether there is a part of the name. */
  async has(split: Split): Promise<boolean> {
    return (await this.#part(split)) !== undefined
  }

  /**
   * Whether a part is running text. Throws a `UserError` if it is missing, or of another form than the other
   * parts read so far.
   */
  async isText(split: Split): Promise<boolean> {
    return (await this.#needed(split)).form.name === 'text'
  }

  /** The texts of a part that is running text; empty ones are left out. */
  async texts(split: Split): Promise<{ readonly texts: readonly RunningText[]; readonly empty: number }> {
    const { records } = await this.#needed(split)
    const texts = records.map(({ value, ...place }): RunningText => {
      if (typeof value.text === 'string') return { text: value.text, ...place }
      throw new UserError({
        what: 'a line without text',
        where: placeOf(place),
        why: `the text is ${shownJson(value.text)}`,
        hint: 'write {"text": "…"} a line',
      })
    })
    const filled = texts.filter(({ text }) => text.trim() !== '')
    return { texts: filled, empty: texts.length - filled.length }
  }

  /** The examples of a part. Throws a `UserError` if it is missing, empty or broken. */
  async examples(split: Split): Promise<readonly Example[]> {
    const { form, records } = await this.#needed(split)
    const labelling = form.name === 'label' ? await this.#labelling(split) : undefined
    return records.map(record => exampleOf(record, { labelling, chat: this.chat }, formOf(record)))
  }

  /** Labels come from the training data, or from the part itself if there is no training data. */
  async #labelling(split: Split): Promise<Labelling> {
    const train = await this.#part('train')
    const part = train?.form.name === 'label' ? train : await this.#needed(split)
    return labellingOf(part.records, this.reading.labels)
  }

  async #needed(split: Split): Promise<Part> {
    const part = await this.#part(split)
    if (part === undefined) throw await missingPart(this.source, split)
    const train = split === 'train' ? undefined : await this.#part('train')
    // Running text is learned in another way than examples, so the two cannot be mixed.
    if (train !== undefined && (part.form.name === 'text') !== (train.form.name === 'text'))
      sameForm(part.records[0]!, part.form, train.form, placeOf(train.records[0]!))
    return part
  }

  #part(split: Split): Promise<Part | undefined> {
    const known = this.#parts.get(split) ?? this.#find(split)
    this.#parts.set(split, known)
    return known
  }

  #read(file: string): Promise<Part> {
    const known = this.#files.get(file) ?? this.#records(file)
    this.#files.set(file, known)
    return known
  }

  async #records(file: string): Promise<Part> {
    const text = await this.source.text(file)
    return partOf(file, parseRecords(file, text), this.reading)
  }

  async #find(split: Split): Promise<Part | undefined> {
    const { split: sizes, take } = this.reading
    const whole = sizes === undefined ? await this.#file(split) : await this.#splitOff(split, sizes)
    if (whole === undefined || take === undefined || split === 'test') return whole
    return { ...whole, records: whole.records.slice(0, take) }
  }

  async #file(split: Split): Promise<Part | undefined> {
    const file = await splitFile(this.source, split)
    return file === undefined ? undefined : this.#read(file)
  }

  /**
   * Splits training and validation data off the training file, else the validation file, else the test file.
   * The rest is the test data if no other file has it.
   */
  async #splitOff(split: Split, { train, valid }: NonNullable<Reading['split']>): Promise<Part | undefined> {
    const validFile = await splitFile(this.source, 'valid')
    const trainFile = await splitFile(this.source, 'train')
    if (validFile !== undefined && trainFile !== undefined)
      throw new UserError({
        what: 'there is validation data, and --split would make some',
        where: validFile,
        hint: 'leave out --split; --take N takes the first N of the training and of the validation data',
      })
    const testFile = await splitFile(this.source, 'test')
    const file = trainFile ?? validFile ?? testFile
    if (split === 'test' && testFile !== undefined && testFile !== file) return this.#read(testFile)
    if (file === undefined) throw await missingPart(this.source, 'train')
    const { form, records } = await this.#read(file)
    const isAll = split === 'test' || file === testFile
    if (records.length < train + valid + (isAll ? 1 : 0))
      throw new UserError({
        what: `there are too few examples to split off ${train} and ${valid}`,
        where: file,
        why: `it has ${records.length}${isAll ? ', and what is left is the test data' : ''}`,
        hint: 'split off fewer: --split TRAIN/VALID',
      })
    // The order is the same for all seeds, since runs with different seeds are compared.
    const order = permutation(0, 0, records.length)
    const [from, to] = { train: [0, train], valid: [train, train + valid], test: [train + valid, undefined] }[
      split
    ] as [number, number | undefined]
    return { form, records: [...order.slice(from, to)].map(i => records[i]!) }
  }
}
