import { UserError } from '../errors/user-error.js'
import { shownJson } from '../json/json-values.js'
import type { Reading } from './reading.js'
import { type DataRecord, placeOf } from './records.js'

/** A function from a record's label to its answer, and the list of all answers. */
export interface Labelling {
  readonly options: readonly string[]
  answerOf(record: DataRecord): string
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** A label as a whole number; a table stores it as text. */
const numberOf = (value: unknown): number | undefined => {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined
  return typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : undefined
}

const refuse = (record: DataRecord, what: string, why: string, hint: string): UserError =>
  new UserError({ what, where: placeOf(record), why, hint })

/** The field of a record that labels it. A name is preferred to a number. */
const labelOf = ({ value }: DataRecord): unknown =>
  typeof value.label_text === 'string' ? value.label_text : value.label

const textLabel = (record: DataRecord): string | undefined => {
  const label = labelOf(record)
  return typeof label === 'string' && label.trim() !== '' ? label.trim() : undefined
}

const unlabelled = (record: DataRecord): UserError =>
  refuse(
    record,
    'the label is none',
    `it is ${shownJson(labelOf(record))}, and a label is a whole number from 0 or a name`,
    'give the text a label, or leave it out (test sets that hide their labels have -1 everywhere)',
  )

/**
 * How the labels of a data set become answers, from its training records. Numbers need `--labels`; names are
 * answers as they stand, or letters in the order of the names. Throws a `UserError` where the labels can't be
 * told apart or named.
 */
export const labellingOf = (records: readonly DataRecord[], labels: Reading['labels']): Labelling => {
  const first = records[0]!
  const numbered = records.every(record => numberOf(labelOf(record)) !== undefined)
  if (numbered && labels === undefined)
    throw refuse(
      first,
      'the labels are numbers, and nothing says what they mean',
      `this one is ${shownJson(labelOf(first))}`,
      'name them in the order 0, 1, 2, …: --labels negative,positive, or have letters for ' +
        'answers: --labels letters',
    )
  if (numbered) {
    const most = Math.max(...records.map(record => numberOf(labelOf(record))!))
    const names = labels === 'letters' ? [...letters.slice(0, Math.max(most + 1, 2))] : labels!
    return {
      options: names,
      answerOf(record) {
        const number = numberOf(labelOf(record))
        if (number === undefined || number < 0) throw unlabelled(record)
        const name = names[number]
        if (name !== undefined) return name
        throw refuse(
          record,
          `there is no name for the label ${number}`,
          labels === 'letters'
            ? `the training data has labels up to ${most}, and there are 26 letters`
            : `--labels names ${names.length}: ${names.join(', ')}`,
          'name every label, in the order 0, 1, 2, …',
        )
      },
    }
  }
  const texts = records.map(record => {
    const text = textLabel(record)
    if (text === undefined) throw unlabelled(record)
    return text
  })
  const found = [...new Set(texts)].sort()
  const known = new Set(labels === undefined || labels === 'letters' ? found : labels)
  if (labels === 'letters' && found.length > letters.length)
    throw refuse(
      first,
      'there are more labels than letters',
      `there are ${found.length}`,
      'leave out --labels: the names themselves are the answers then',
    )
  const answerFor = (name: string): string => (labels === 'letters' ? letters[found.indexOf(name)]! : name)
  return {
    options: [...known].map(answerFor),
    answerOf(record) {
      const text = textLabel(record)
      if (text === undefined) throw unlabelled(record)
      if (known.has(text)) return answerFor(text)
      throw refuse(
        record,
        `the label '${text}' is not among the others`,
        `${labels === undefined || labels === 'letters' ? 'the training data has' : '--labels names'} ` +
          `${[...known].slice(0, 12).join(', ')}`,
        'spell it as the others are, or name every label by --labels',
      )
    },
  }
}
