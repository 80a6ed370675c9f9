import { Template } from '@huggingface/jinja'
import { UserError } from '../errors/user-error.js'
import { isJsonObject, type JsonObject } from '../json/json-values.js'

/** One turn of a conversation, as chat templates take it. */
export interface Message {
  readonly role: string
  readonly content: string
}

/** Writes conversations as a model's chat template does. */
export interface Chat {
  /** The text of messages; with `open`, the beginning of the next answer follows. */
  render(messages: readonly Message[], open: boolean): string
}

/** The template of a `tokenizer_config.json`: a text, or the one called `default` of several. */
export const configuredTemplate = (value: unknown): string | undefined => {
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

/** A model's chat template, as its files store it. */
export interface ChatSource {
  /** The model's folder and the template's file, for messages. */
  readonly directory: string
  readonly file: string
  /** The template; absent if the model has none. */
  readonly template: string | undefined
  /** The content of `tokenizer_config.json`. */
  readonly settings: JsonObject
}

/** Does some work, or throws if it takes too long, since a template is foreign code. */
export type InBoundedTime = <T>(work: () => T) => T

/**
 * Writes conversations by a model's chat template. Rendering throws a `UserError` if the model has none, or
 * if the template refuses the messages.
 */
export const chatOf = (
  { directory, file, template: text, settings }: ChatSource,
  bounded: InBoundedTime,
): Chat => {
  const tokens = specialTokens(settings)
  let template: Template | undefined
  const failed = (what: string, error: unknown): UserError =>
    new UserError({
      what,
      where: file,
      why: error instanceof Error ? error.message : String(error),
      hint: 'write the examples as {"prompt": "…", "answer": "…"} with the text that the model is to see',
    })
  return {
    render(messages: readonly Message[], open: boolean): string {
      if (text === undefined)
        throw new UserError({
          what: 'the model has no chat template',
          where: directory,
          why:
            'the data has messages, and a chat template says how they become text: ' +
            'chat_template.jinja, or chat_template in tokenizer_config.json',
          hint:
            'take a model that was trained on conversations, or write the examples as {"prompt": ' +
            '"…", "answer": "…"}',
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
