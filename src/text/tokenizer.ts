import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers'
import { UserError } from '../errors/user-error.js'
import { isJsonObject, type JsonObject } from '../json/json-values.js'
import { continued } from './prompt-span.js'
import { checkTokenizerShape } from './tokenizer-shape.js'

/** A prompt and its answer as one row of tokens. */
export interface EncodedExample {
  /** Begin-of-text if the model has it, the text of both, and end-of-text if it was asked for. */
  readonly tokens: readonly number[]
  /**
   * Index of the answer's first token; everything from here on is the answer. At least 1 if there is
   * begin-of-text.
   */
  readonly answerStart: number
}

/** Text to tokens and back, as the model was trained. */
export interface Tokenizer {
  /** The number of token ids, counting added tokens; the model's vocabulary may be padded beyond it. */
  readonly size: number
  /** Begin-of-text, if this tokenizer puts one before a text. */
  readonly bos: number | undefined
  /** End-of-text, if the model has one. */
  readonly eos: number | undefined
  /** Every token that ends generation. */
  readonly stops: readonly number[]
  /** Tokens of a text, after begin-of-text where the model has it. */
  encode(text: string): readonly number[]
  /** Tokens of a text alone. */
  encodePlain(text: string): readonly number[]
  /** A token's spelling in the vocabulary, also for special tokens; empty if it has none. */
  tokenText(token: number): string
  /** The text of tokens, without special tokens. */
  decode(tokens: readonly number[]): string
  /**
   * The prompt's tokens as they are when the model is asked, and the answer's after them, so that training,
   * scoring and generation see the same. Only where no tokens of the answer by itself give back the text is
   * the answer's first token one merged across the border. With `chat`, the model's chat template has written
   * the prompt: its special tokens are in the text, none is put before it, and `endOfText` adds the
   * template's own ending.
   */
  encodeExample(
    prompt: string,
    answer: string,
    endOfText: boolean,
    chat?: { readonly ending: string },
  ): EncodedExample
}

const tokenText = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : isJsonObject(value) && typeof value.content === 'string'
      ? value.content
      : undefined

const isToken = (id: unknown): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0

/**
 * The tokens of an `eos_token_id`: one, several, or none. Throws a `UserError` that names the file for
 * anything else.
 */
export const endTokensOf = (value: unknown, where: string): readonly number[] => {
  const given: readonly unknown[] = Array.isArray(value)
    ? value
    : value === undefined || value === null
      ? []
      : [value]
  if (given.every(isToken)) return given
  throw new UserError({
    what: 'the tokens that end a text cannot be read',
    where: `${where}, "eos_token_id"`,
    why: `it is ${JSON.stringify(value)}, and a token's number belongs there, or a list of them`,
    hint: 'mend it, or fetch the file again',
  })
}

/** The tokens that the tokenizer's post-processor puts before every text. */
const ownPrefix = (hub: HubTokenizer): readonly number[] => {
  const bare: readonly number[] = hub.encode('a', { add_special_tokens: false }).ids
  const full: readonly number[] = hub.encode('a').ids
  for (let at = 0; at + bare.length <= full.length; at++) {
    if (bare.every((id, i) => full[at + i] === id)) return full.slice(0, at)
  }
  return []
}

const build = (tokenizer: JsonObject, settings: JsonObject, ends: readonly number[]): Tokenizer => {
  const hub = new HubTokenizer(tokenizer, { ...settings, clean_up_tokenization_spaces: false })
  const idOf = (value: unknown): number | undefined => {
    const text = tokenText(value)
    return text === undefined ? undefined : hub.token_to_id(text)
  }
  const named = idOf(settings.eos_token)
  const stops = [...new Set([...(named === undefined ? [] : [named]), ...ends])]
  const prefix = ownPrefix(hub)
  const added = [...hub.get_added_tokens_decoder().keys()]
  const encodePlain = (text: string): readonly number[] => hub.encode(text, { add_special_tokens: false }).ids
  const decodeAll = (tokens: readonly number[]): string =>
    tokens.length === 0 ? '' : hub.decode([...tokens])
  const eos = stops[0]
  return {
    size: Math.max(hub.get_vocab().size, ...added.map(id => id + 1)),
    bos: prefix[0],
    eos,
    stops,
    encode: text => [...prefix, ...encodePlain(text)],
    encodePlain,
    tokenText: token => hub.id_to_token(token) ?? '',
    decode: tokens => (tokens.length === 0 ? '' : hub.decode([...tokens], { skip_special_tokens: true })),
    encodeExample(prompt, answer, endOfText, chat) {
      const { tokens, start } = continued(prompt, answer, encodePlain, decodeAll)
      const front = chat === undefined ? prefix : []
      const end = !endOfText ? [] : chat === undefined ? stops.slice(0, 1) : encodePlain(chat.ending)
      return { tokens: [...front, ...tokens, ...end], answerStart: front.length + start }
    },
  }
}

const unusable = (where: string, error: unknown): UserError => {
  if (error instanceof UserError) return error
  if (!(error instanceof Error)) throw error
  return new UserError({
    what: 'the tokenizer cannot be used',
    where,
    why: error.message,
    hint: 'it should be a tokenizer.json as the tokenizers library writes it (BPE, Unigram or WordPiece)',
  })
}

/** A tokenizer whose errors name its file. */
const guarded = (tokenizer: Tokenizer, where: string): Tokenizer => {
  const guard =
    <A extends readonly unknown[], B>(action: (...given: A) => B) =>
    (...given: A): B => {
      try {
        return action(...given)
      } catch (error) {
        throw unusable(where, error)
      }
    }
  return {
    ...tokenizer,
    encode: guard(tokenizer.encode),
    encodePlain: guard(tokenizer.encodePlain),
    decode: guard(tokenizer.decode),
    encodeExample: guard(tokenizer.encodeExample),
  }
}

/** A tokenizer from parsed files; `where` is named in errors. Throws a `UserError` if it cannot be used. */
export const tokenizerOf = (
  tokenizer: JsonObject,
  settings: JsonObject,
  config: JsonObject,
  where: string,
): Tokenizer => {
  try {
    checkTokenizerShape(tokenizer)
    return guarded(build(tokenizer, settings, endTokensOf(config.eos_token_id, where)), where)
  } catch (error) {
    throw unusable(where, error)
  }
}
