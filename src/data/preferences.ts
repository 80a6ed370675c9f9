import { UserError } from '../errors/user-error.js'
import { isJsonObject, shownJson } from '../json/json-values.js'
import { type DataRecord, placeOf } from './records.js'

const isTurns = (value: unknown): value is readonly Record<string, unknown>[] =>
  Array.isArray(value) && value.length > 0 && value.every(isJsonObject)

const contentOf = (turn: Record<string, unknown> | undefined): unknown => turn?.content ?? turn?.value

const refuse = (record: DataRecord, what: string, why: string): UserError =>
  new UserError({
    what,
    where: placeOf(record),
    why,
    hint: 'chosen and rejected are one conversation up to its last message, or the last message alone',
  })

/**
 * A record of preference data whose answers are conversations, as one of `messages` with `wrong` answers;
 * other records as they are. `chosen` and `rejected` hold the whole conversation, or its last message after
 * the `prompt`, itself messages. A `prompt` that is text is then the first message again, and is dropped.
 * Throws a `UserError` if the two are about different conversations.
 */
export const withMessages = (record: DataRecord): DataRecord => {
  const { prompt, chosen, rejected, ...rest } = record.value
  if (!isTurns(chosen)) return record
  if (rejected !== undefined && rejected !== null && !isTurns(rejected))
    throw refuse(record, 'chosen is a conversation, and rejected is not', `it is ${shownJson(rejected)}`)
  const before = isTurns(prompt) ? prompt : []
  const first = contentOf([...before, ...chosen][0])
  if (typeof prompt === 'string' && prompt !== first && !chosen.some(turn => contentOf(turn) === prompt))
    throw refuse(record, 'the prompt is no message of the conversation', `the prompt is ${shownJson(prompt)}`)
  const messages = [...before, ...chosen]
  if (!isTurns(rejected)) return { ...record, value: { ...rest, messages } }
  const [same, other] = [chosen.slice(0, -1), rejected.slice(0, -1)]
  if (JSON.stringify(same) !== JSON.stringify(other))
    throw refuse(
      record,
      'chosen and rejected differ before their last message',
      `they have ${same.length} and ${other.length} messages before it`,
    )
  return { ...record, value: { ...rest, messages, rejected: contentOf(rejected.at(-1)) } }
}
