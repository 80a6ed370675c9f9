import { UserError } from '../errors/user-error.js'
import { isJsonObject, shownJson } from '../json/json-values.js'
import type { Chat, Message } from '../text/chat.js'
import { type DataRecord, placeOf } from './records.js'

/** Names of roles in the ShareGPT form. */
const speakers: ReadonlyMap<string, string> = new Map([
  ['human', 'user'],
  ['gpt', 'assistant'],
])

const refuse = (record: DataRecord, what: string, why: string, hint: string): UserError =>
  new UserError({ what, where: placeOf(record), why, hint })

/**
 * The turns of a record: `{role, content}` as chat models have them, or `{from, value}`. Throws a `UserError`
 * for others, and unless the last is the assistant's.
 */
export const messagesOf = (record: DataRecord, field: string): readonly Message[] => {
  const list = record.value[field]
  const form = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'
  if (!Array.isArray(list))
    throw refuse(record, `the field '${field}' is not a list`, `it is ${shownJson(list)}`, `write ${form}`)
  const messages = list.map((turn: unknown, i): Message => {
    const [role, content] = isJsonObject(turn)
      ? [turn.role ?? turn.from, turn.content ?? turn.value]
      : [undefined, undefined]
    if (typeof role !== 'string' || typeof content !== 'string')
      throw refuse(
        record,
        `the message ${i + 1} is not of a role and a text`,
        `it is ${shownJson(turn)}`,
        `write ${form}; pictures and calls of tools are not read`,
      )
    const others = Object.keys(turn as object).filter(
      key =>
        !['role', 'from', 'content', 'value', 'name', 'id'].includes(key) &&
        (turn as Record<string, unknown>)[key] !== null,
    )
    if (others.length > 0)
      throw refuse(
        record,
        `the message ${i + 1} has more than a role and a text`,
        `it has ${others.join(', ')} too, which the model would not see`,
        'leave that out, or leave out the example',
      )
    return { role: speakers.get(role) ?? role, content }
  })
  const last = messages.at(-1)
  if (last?.role === 'assistant' && last.content.trim() !== '' && messages.length > 1) return messages
  throw refuse(
    record,
    'the conversation does not end with an answer',
    last === undefined
      ? 'it has no messages'
      : messages.length === 1
        ? 'it has one message'
        : `its last message is of the ${last.role}${last.role === 'assistant' ? ', and empty' : ''}`,
    'end it with a message of the assistant: that is what is learned and scored',
  )
}

/** A conversation as a prompt, an answer, and the template's text after the answer. */
export interface ChatParts {
  readonly prompt: string
  readonly answer: string
  readonly ending: string
}

/**
 * Takes the last message of a conversation as the answer to all earlier ones. If the template writes a text
 * before the message (an empty thought), that text belongs to the prompt. Throws a `UserError` if the
 * template writes different beginnings with and without the answer.
 */
export const chatParts = (record: DataRecord, messages: readonly Message[], chat: Chat): ChatParts => {
  const before = chat.render(messages.slice(0, -1), true)
  const whole = chat.render(messages, false)
  const content = messages.at(-1)!.content
  const rest = whole.slice(before.length)
  const said = rest.includes(content) ? content : content.trim()
  const at = rest.indexOf(said)
  if (!whole.startsWith(before) || at < 0)
    throw refuse(
      record,
      "the model's chat template cannot be told apart from the answer",
      'it writes the beginning of the conversation otherwise once the answer is there, or changes the answer',
      'write the examples as {"prompt": "…", "answer": "…"} with the text that the model is to see',
    )
  const lead = rest.slice(0, at)
  const ending = rest.slice(at + said.length).trimEnd()
  return lead.trim() === ''
    ? { prompt: before, answer: lead + said, ending }
    : { prompt: before + lead, answer: said, ending }
}
