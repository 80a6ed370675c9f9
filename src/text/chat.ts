import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { Template } from '@huggingface/jinja'
import type { Chat, Message } from '../data/messages.js'
import { fileError, systemCode, UserError } from '../errors/user-error.js'
import { readJsonObjectIfAny } from '../files/json-file.js'
import { byteLimits, readTextFile } from '../files/text-file.js'
import { isJsonObject, type JsonObject } from '../json/json-values.js'

const textIfAny = (path: string): Promise<string | undefined> =>
  readTextFile(path, { most: byteLimits.json }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError('read the chat template', path, error)
  })

/** The template of a `tokenizer_config.json`: a text, or the one called `default` of several. */
const configured = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const found: unknown = value.find((entry: unknown) => isJsonObject(entry) && entry.name === 'default')
  return isJsonObject(found) && typeof found.template === 'string' ? found.template : undefined
}

/** Special tokens as templates name them: `bos_token`, `eos_token`, … */
const specialTokens = (settings: JsonObject): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => {
      const text = isJsonObject(value) ? value.content : value
      return name.endsWith('_token') && typeof text === 'string' ? [[name, text]] : []
    }),
  )

/** A template is a program of others: it may take so long for one conversation, in milliseconds, and usually takes less than one. */
const mostTime = 3000

/** What `work` gives. Throws where it takes longer than {@link mostTime}: V8 stops it then, wherever it is. */
const bounded = <T>(work: () => T): T => {
  let result: { readonly value: T } | undefined
  const run = () => {
    result = { value: work() }
  }
  try {
    runInContext('run()', createContext({ run }), { timeout: mostTime })
  } catch (error) {
    // The error is one of the context's own, no `Error` of this realm.
    if (isJsonObject(error) && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      throw new Error(`it takes longer than ${mostTime / 1000} seconds`)
    throw error
  }
  return result!.value
}

/**
 * The chat template of a model's folder: `chat_template.jinja`, else that in `tokenizer_config.json`.
 * Rendering throws a `UserError` where the model has none, or where it refuses the messages.
 */
export const openChat = async (directory: string): Promise<Chat> => {
  const file = join(directory, 'chat_template.jinja')
  const config = join(directory, 'tokenizer_config.json')
  const own = await textIfAny(file)
  const settings = (await readJsonObjectIfAny(config)) ?? {}
  const text = own ?? configured(settings.chat_template)
  const where = own === undefined ? config : file
  const tokens = specialTokens(settings)
  let template: Template | undefined
  const failed = (what: string, error: unknown): UserError =>
    new UserError({
      what,
      where,
      why: error instanceof Error ? error.message : String(error),
      hint: 'write the examples as {"prompt": "…", "answer": "…"} with the text that the model is to see',
    })
  return {
    render(messages: readonly Message[], open: boolean): string {
      if (text === undefined)
        throw new UserError({
          what: 'the model has no chat template',
          where: directory,
          why: 'the data has messages, and a chat template says how they become text: chat_template.jinja, or chat_template in tokenizer_config.json',
          hint: 'take a model that was trained on conversations, or write the examples as {"prompt": "…", "answer": "…"}',
        })
      try {
        template ??= bounded(() => new Template(text))
      } catch (error) {
        throw failed('the chat template cannot be read', error)
      }
      try {
        const known = template
        return bounded(() => known.render({ ...tokens, messages, add_generation_prompt: open }))
      } catch (error) {
        throw failed('the chat template refuses the messages', error)
      }
    },
  }
}
