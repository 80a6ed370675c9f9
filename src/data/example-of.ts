import { UserError } from '../errors/user-error.js'
import { shownJson } from '../json/json-values.js'
import type { Chat } from '../text/chat.js'
import type { Example } from './examples.js'
import { type FoundForm, formOf, wrongNames } from './forms.js'
import type { Labelling } from './labels.js'
import { chatParts, messagesOf } from './messages.js'
import { type DataRecord, placeOf } from './records.js'

/**
 * JoLA's prompt (Lai, Fraser and Titov, ICML 2025), with one blank before the first `###`; the answer follows
 * it.
 */
export const jolaPrompt = (instruction: string): string =>
  'Below is an instruction that describes a task. ' +
  'Write a response that appropriately completes the request.\n' +
  ` ### Instruction:\n${instruction}\n\n### Response:\n`

const refuse = (record: DataRecord, what: string, why: string, hint: string): UserError =>
  new UserError({ what, where: placeOf(record), why, hint })

const textField = (record: DataRecord, name: string): string | undefined => {
  const field = record.value[name]
  if (field === undefined || field === null || typeof field === 'string') return field ?? undefined
  throw refuse(
    record,
    `the field '${name}' is not text`,
    `it is ${shownJson(field)}`,
    `write it in quotes: "${name}": "…"`,
  )
}

/** A field that must be a text. */
const neededText = (record: DataRecord, name: string): string => {
  const text = textField(record, name) ?? ''
  if (text.trim() !== '') return text
  throw refuse(
    record,
    `the ${name} is empty`,
    'there would be nothing to go on from',
    'write it, or leave the example out',
  )
}

const emptyAnswer = (record: DataRecord): UserError =>
  refuse(
    record,
    'the answer is empty',
    'there would be nothing to learn or to score',
    'give every example an answer, or leave it out',
  )

/** A field that holds a text or several, none of them empty. */
const textsOf = (record: DataRecord, name: string): readonly string[] => {
  const field = record.value[name]
  if (!Array.isArray(field)) {
    const text = textField(record, name)
    if (text === undefined || text.trim() === '') throw emptyAnswer(record)
    return [text]
  }
  if (!field.every((a): a is string => typeof a === 'string'))
    throw refuse(
      record,
      `the field '${name}' is not a list of texts`,
      `it is ${shownJson(field)}`,
      `write "${name}": ["…", "…"]`,
    )
  if (field.length === 0 || field.some(a => a.trim() === '')) throw emptyAnswer(record)
  return [...new Set(field)]
}

/** The answers of a record. Training uses the first; scoring accepts each. */
const answersOf = textsOf

/** The wrong answers that a record names; the right ones may not be among them. */
const wrongOf = (record: DataRecord, answers: readonly string[]): { readonly wrong?: readonly string[] } => {
  const given = wrongNames.filter(name => (record.value[name] ?? undefined) !== undefined)
  if (given.length === 0) return {}
  const wrong = [...new Set(given.flatMap(name => textsOf(record, name)))]
  const right = new Set(answers.map(a => a.trim()))
  const both = wrong.find(w => right.has(w.trim()))
  if (both === undefined) return { wrong }
  throw refuse(
    record,
    'the right answer is among the wrong ones',
    `it is ${shownJson(both)}`,
    `leave it out of '${given.join("' and '")}', or leave out the example`,
  )
}

const listField = (record: DataRecord): readonly string[] | undefined => {
  const name = record.value.options === undefined ? 'choices' : 'options'
  const options = record.value[name]
  if (options === undefined || options === null) return undefined
  if (
    Array.isArray(options) &&
    options.length > 0 &&
    options.every((o): o is string => typeof o === 'string')
  )
    return options
  throw refuse(
    record,
    `the field '${name}' is not a list of texts`,
    `it is ${shownJson(options)}`,
    'list every answer to choose from, spelled as in the answer',
  )
}

const letterOf = (i: number): string => String.fromCharCode(65 + i)

/** The index of the option that an answer names by its number or letter. */
const placeAmong = (answer: unknown, options: readonly string[]): number => {
  if (options.length > 26) return -1
  if (typeof answer === 'number') return Number.isInteger(answer) && answer < options.length ? answer : -1
  const at =
    typeof answer === 'string' && /^[A-Z]$/.test(answer.trim()) ? answer.trim().charCodeAt(0) - 65 : -1
  return at < options.length ? at : -1
}

interface Answered {
  readonly answers: readonly string[]
  readonly options?: readonly string[]
  /** The text by which the prompt lists the options, if the answer is a letter. */
  readonly listing: string
}

const answered = (record: DataRecord, form: FoundForm): Answered => {
  const options = listField(record)
  const given = record.value[form.answer!]
  if (options === undefined) return { answers: answersOf(record, form.answer!), listing: '' }
  const isText = typeof given === 'string' && options.includes(given)
  const at = form.name === 'question' && !isText ? placeAmong(given, options) : -1
  if (at >= 0) {
    const index = record.value.answer_index
    if (typeof index === 'number' && index !== at)
      throw refuse(
        record,
        'the answer and its index contradict each other',
        `the answer is ${shownJson(given)}, and answer_index is ${index}`,
        'leave out what is wrong',
      )
    const letters = options.map((_, i) => letterOf(i))
    return {
      answers: [letters[at]!],
      options: letters,
      listing: options.map((option, i) => `\n${letters[i]}. ${option}`).join(''),
    }
  }
  const answers = answersOf(record, form.answer!)
  if (answers.every(a => options.includes(a))) return { answers, options, listing: '' }
  throw refuse(
    record,
    'the answer is not among the options',
    `the options are ${shownJson(options)}, the answer is ${shownJson(given)}`,
    'list every answer to choose from, spelled as in the answer',
  )
}

/** The context that a record needs to become an example. */
export interface FormContext {
  readonly labelling?: Labelling | undefined
  readonly chat?: Chat | undefined
}

const promptOf = (record: DataRecord, form: FoundForm, listing: string): string => {
  if (form.name === 'prompt') return textField(record, form.source) ?? ''
  const task = neededText(record, form.source) + listing
  const [input, context] = [textField(record, 'input') ?? '', textField(record, 'context') ?? '']
  if (form.name === 'question') return jolaPrompt(context === '' ? task : `${context}\n${task}`)
  return jolaPrompt([task, input, context].filter(part => part !== '').join('\n'))
}

/**
 * The prompt of a labelled text: a `prompt` is complete, and a blank separates other texts from the label.
 */
const labelledPrompt = (source: string, text: string): string => {
  if (source === 'instruction') return jolaPrompt(text)
  return source === 'prompt' ? text : `${text} `
}

/**
 * Makes an example of a record. `{prompt, answer}` is used unchanged; an instruction or a question goes
 * through {@link jolaPrompt}, with a non-empty `input` or `context` on its own line; a text with a label
 * becomes a prompt with a blank after it; messages go through the model's chat template. Throws a `UserError`
 * that names file and line if no form fits, or the answer is empty.
 */
export const exampleOf = (record: DataRecord, context: FormContext = {}, form = formOf(record)): Example => {
  const place = { file: record.file, line: record.line }
  if (form.name === 'messages') {
    const messages = messagesOf(record, form.source)
    if (context.chat === undefined)
      throw refuse(
        record,
        'messages need a model',
        'its chat template says how they become text',
        'name the model by --model',
      )
    const chat = context.chat
    const { prompt, answer, ending } = chatParts(record, messages, chat)
    const instead = (content: string) => [...messages.slice(0, -1), { role: 'assistant', content }]
    const { wrong } = wrongOf(record, [messages.at(-1)!.content])
    const written = wrong?.map(content => chatParts(record, instead(content), chat).answer)
    return {
      prompt,
      answer,
      chat: { ending },
      ...(written === undefined ? {} : { wrong: written }),
      ...place,
    }
  }
  if (form.name === 'label') {
    const labelling = context.labelling
    if (labelling === undefined)
      throw refuse(record, 'labels need names', 'nothing says what they mean', 'name them by --labels')
    const text = neededText(record, form.source)
    return {
      prompt: labelledPrompt(form.source, text),
      answer: labelling.answerOf(record),
      options: labelling.options,
      ...place,
    }
  }
  if (form.name === 'text')
    throw refuse(
      record,
      'the entry is no example',
      'it is running text, without an answer',
      'write {"prompt": "…", "answer": "…"}',
    )
  const { answers, options, listing } = answered(record, form)
  return {
    prompt: promptOf(record, form, listing),
    answer: answers[0]!,
    ...(answers.length > 1 ? { references: answers } : {}),
    ...(options === undefined ? {} : { options }),
    ...wrongOf(record, answers),
    ...place,
  }
}
