import { UserError } from '../errors/user-error.js'
import { type DataRecord, placeOf } from './records.js'

/** The ways in which a record can be read. A file has one. */
export type FormName = 'prompt' | 'instruction' | 'question' | 'label' | 'messages' | 'text'

/** A form: the field that holds the prompt, and the other fields that may occur. */
interface Form {
  readonly name: FormName
  /** Its name in messages. */
  readonly title: string
  readonly source: string
  /** Fields that may hold the answer. */
  readonly answers: readonly string[]
  /** Optional fields that are read too. */
  readonly more: readonly string[]
}

const answerNames = ['answer', 'answers', 'references', 'output', 'response', 'completion', 'chosen'] as const

/** Fields that hold wrong answers, for recipes that learn from pairs. */
export const wrongNames = ['wrong', 'rejected'] as const

const chosen = ['options', 'choices', 'answer_index', ...wrongNames] as const

const forms: readonly Form[] = [
  { name: 'prompt', title: 'prompt and answer', source: 'prompt', answers: answerNames, more: chosen },
  {
    name: 'instruction',
    title: 'instruction and answer',
    source: 'instruction',
    answers: answerNames,
    more: [...chosen, 'input', 'context'],
  },
  {
    name: 'question',
    title: 'question and answer',
    source: 'question',
    answers: answerNames,
    more: [...chosen, 'context', 'cot_content'],
  },
  { name: 'label', title: 'text and label', source: 'text', answers: ['label'], more: ['label_text'] },
  { name: 'label', title: 'text and label', source: 'sentence', answers: ['label'], more: ['label_text'] },
  { name: 'label', title: 'prompt and label', source: 'prompt', answers: ['label'], more: ['label_text'] },
  {
    name: 'label',
    title: 'instruction and label',
    source: 'instruction',
    answers: ['label'],
    more: ['label_text'],
  },
  { name: 'messages', title: 'messages', source: 'messages', answers: [], more: wrongNames },
  { name: 'messages', title: 'messages', source: 'conversations', answers: [], more: wrongNames },
  { name: 'text', title: 'running text', source: 'text', answers: [], more: [] },
]

/** The names of all fields that some form reads. `--fields` can map fields of the file to them. */
export const knownFields: ReadonlySet<string> = new Set(
  forms.flatMap(form => [form.source, ...form.answers, ...form.more]),
)

/** Fields that only identify the record or its origin. */
const identity = ['id', '_id', 'idx', 'index', 'uid', 'guid', 'question_id', 'prompt_id']
const origin = ['source', 'src', 'category', 'subject', 'url', 'split', 'meta', 'metadata', 'dataset']

/** A record's form, and the field of its answer (running text and messages have none). */
export interface FoundForm {
  readonly name: FormName
  readonly title: string
  readonly source: string
  readonly answer: string | undefined
}

/** A list of names in prose: `a, b and c`. */
const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

const ways =
  '{"prompt": "…", "answer": "…"}, {"instruction": "…", "answer": "…"}, {"question": ' +
  '"…", "answer": "…"}, {"text": "…", "label": …} or {"messages": […]}'

const noExample = (record: DataRecord, fields: readonly string[]): UserError =>
  new UserError({
    what: 'the entry is no example',
    where: placeOf(record),
    why:
      'an example has an answer and either a prompt or an instruction (or a question, a ' +
      `text with a label, or messages); this has ${fields.join(', ') || 'nothing'}`,
    hint:
      `write ${ways}, or say which field is which: ` +
      `--fields prompt=${fields[0] ?? '…'},answer=${fields[1] ?? '…'}`,
  })

const ambiguous = (record: DataRecord, fields: readonly string[], role: string): UserError =>
  new UserError({
    what: `the entry is no example: several fields could be the ${role}`,
    where: placeOf(record),
    why: `it has ${listed(fields)}, and which is meant decides what is learned`,
    hint: `leave out what is not meant: --ignore ${fields.at(-1)}`,
  })

const notUnderstood = (record: DataRecord, form: Form, fields: readonly string[]): UserError =>
  new UserError({
    what:
      `the ${fields.length === 1 ? 'field' : 'fields'} ${listed(fields.map(f => `'${f}'`))} ` +
      `${fields.length === 1 ? 'is' : 'are'} not understood`,
    where: placeOf(record),
    why:
      `the entry is read as ${form.title}, which knows ` +
      `${fields.length === 1 ? 'no such field' : 'no such fields'}`,
    hint:
      `--ignore ${fields.join(',')} says that ` +
      `${fields.length === 1 ? 'it does' : 'they do'} not matter; --fields says which field ` +
      `is which, as in --fields prompt=${form.source},answer=${fields[0]}`,
  })

/**
 * The form of a record, from the names of its fields. Throws a `UserError` if no form fits, if several do, or
 * if a field remains that the form does not read: an unread field could change the meaning.
 */
export const formOf = (record: DataRecord): FoundForm => {
  const fields = Object.keys(record.value).filter(name => record.value[name] !== null)
  const has = (name: string): boolean => fields.includes(name)
  const sources = [...new Set(forms.map(form => form.source))].filter(has)
  if (sources.length === 0) throw noExample(record, fields)
  if (sources.length > 1) throw ambiguous(record, sources, 'prompt')
  const fitting = forms.filter(form => form.source === sources[0])
  const form = fitting.find(f => f.answers.length === 0 || f.answers.some(has) || f.more.some(has))
  if (form === undefined) throw noExample(record, fields)
  const answers = form.answers.filter(has)
  // An `output` beside an `answer` is a sentence that contains the answer.
  const plain = answers.includes('answer') && answers.every(a => a === 'answer' || a === 'output')
  if (answers.length > 1 && !plain) throw ambiguous(record, answers, 'answer')
  const answer = plain ? 'answer' : answers[0]
  if (answer === undefined && form.answers.length > 0 && !(form.name === 'label' && has('label_text')))
    throw noExample(record, fields)
  const harmless = form.name === 'text' ? identity : [...identity, ...origin]
  const known = new Set([form.source, ...answers, ...form.more, ...harmless])
  const left = fields.filter(name => !known.has(name))
  if (left.length > 0) throw notUnderstood(record, form, left)
  return { name: form.name, title: form.title, source: form.source, answer }
}
