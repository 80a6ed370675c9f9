/**
 * A GGUF file's tokenizer as the files that a Hugging Face folder has for it: `tokenizer.json`, and what
 * `tokenizer_config.json` says of special tokens and the chat template. Two kinds are read: `llama`,
 * SentencePiece's byte pairs, whose scores say in which order pieces merge, and `gpt2`, byte pairs of bytes
 * with their merges.
 */
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'
import type { MetadataValue } from './cursor.js'
import type { GgufHeader } from './header.js'
import { mergesByScore } from './merges.js'
import { preTokenizers } from './pre-tokenizers.js'

/** A tokenizer in the form that the tokenizers library reads. */
export interface GgufTokenizer {
  /** As `tokenizer.json` has it. */
  readonly tokenizer: JsonObject
  /** As `tokenizer_config.json` has it: special tokens by name. */
  readonly settings: JsonObject
  /** Tokens that end a text. */
  readonly ends: readonly number[]
}

/** llama.cpp's kinds of tokens. */
const kinds = { normal: 1, unknown: 2, control: 3, userDefined: 4 } as const

/** The mark of a space in SentencePiece's tokens. */
const mark = '▁'

/** Reads entries of the tokenizer, or refuses them. */
class Entries {
  constructor(
    private readonly file: string,
    private readonly metadata: ReadonlyMap<string, MetadataValue>,
  ) {}

  refuse(key: string, why: string, hint = 'the file is damaged, or of a kind that is not read'): never {
    throw new UserError({
      what: "the file's tokenizer cannot be used",
      where: `${this.file}, ${key}`,
      why,
      hint,
    })
  }

  get(key: string): MetadataValue | undefined {
    return this.metadata.get(`tokenizer.ggml.${key}`)
  }

  list<T extends MetadataValue>(
    key: string,
    is: (value: MetadataValue) => value is T,
    wanted: string,
  ): readonly T[] | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    if (Array.isArray(value) && (value as readonly MetadataValue[]).every(is))
      return value as unknown as readonly T[]
    return this.refuse(`tokenizer.ggml.${key}`, `a list of ${wanted} belongs there`)
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.get(key) ?? otherwise
    return typeof value === 'boolean'
      ? value
      : this.refuse(`tokenizer.ggml.${key}`, `it is ${String(value)}, and true or false belongs there`)
  }

  /** The number of one of so many tokens. */
  token(key: string, count: number): number | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < count) return value
    return this.refuse(
      `tokenizer.ggml.${key}`,
      `it is ${String(value)}, and the number of one of ${count} tokens belongs there`,
    )
  }
}

const isText = (value: MetadataValue): value is string => typeof value === 'string'
const isNumber = (value: MetadataValue): value is number => typeof value === 'number'

const addedToken = (id: number, content: string, special: boolean) => ({
  ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special },
})

/** Puts a token before a text. */
const startingWith = (token: string, id: number): JsonObject => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [
    { SpecialToken: { id: token, type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
    { Sequence: { id: 'B', type_id: 1 } },
  ],
  special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
})

/** The parts of `tokenizer.json` in which the kinds differ. */
interface Kind {
  readonly normalizer: JsonObject | null
  readonly preTokenizer: JsonObject | null
  readonly decoder: JsonObject
  readonly model: JsonObject
  readonly addBos: boolean
}

const vocabularyOf = (tokens: readonly string[]): Readonly<Record<string, number>> => {
  const ids = new Map<string, number>()
  for (const [id, token] of tokens.entries()) if (!ids.has(token)) ids.set(token, id)
  return Object.fromEntries(ids)
}

/** The mark stands for a space, and a text begins with one if the file says so. */
const sentencePiece = (
  entries: Entries,
  tokens: readonly string[],
  { types, unknown }: { readonly types: readonly number[] | undefined; readonly unknown: number | undefined },
): Kind => {
  const scores = entries.list('scores', isNumber, 'numbers')
  if (scores?.length !== tokens.length)
    return entries.refuse(
      'tokenizer.ggml.scores',
      `there are ${tokens.length} tokens and ${scores?.length ?? 'no'} scores`,
    )
  const prefixed = entries.flag('add_space_prefix', true)
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: mark }
  const isPiece = (id: number): boolean => (types?.[id] ?? kinds.normal) === kinds.normal
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: prefixed ? [{ type: 'Prepend', prepend: mark }, spaces] : [spaces],
    },
    preTokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: mark }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefixed ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      unk_token: unknown === undefined ? null : tokens[unknown],
      ...{ dropout: null, fuse_unk: true, byte_fallback: true, ignore_merges: false },
      vocab: vocabularyOf(tokens),
      merges: mergesByScore(tokens, scores, isPiece),
    },
    addBos: true,
  }
}

const bytePairs = (entries: Entries, tokens: readonly string[]): Kind => {
  const merges = entries.list('merges', isText, 'texts')
  if (merges === undefined) return entries.refuse('tokenizer.ggml.merges', 'it is missing')
  const name = entries.get('pre')
  const pre = typeof name === 'string' ? preTokenizers.get(name) : undefined
  const found = name === undefined ? 'it is missing' : `it is '${String(name)}'`
  const known = [...preTokenizers.keys()].join(', ')
  if (pre === undefined)
    return entries.refuse(
      'tokenizer.ggml.pre',
      `${found}, and it says how text is split before pieces merge; the known ones are ${known}`,
      'take a file that a present version of llama.cpp has converted, of a model with one of these',
    )
  return {
    normalizer: pre.normalizer,
    preTokenizer: { type: 'Sequence', pretokenizers: pre.steps },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false },
      ignore_merges: pre.ignoreMerges,
      vocab: vocabularyOf(tokens),
      merges,
    },
    addBos: pre.addBos,
  }
}

/**
 * The tokenizer of a file. Throws a `UserError` that names the entry where it is missing, damaged or of
 * another kind.
 */
export const ggufTokenizer = (file: string, { metadata }: GgufHeader): GgufTokenizer => {
  const entries = new Entries(file, metadata)
  const tokens = entries.list('tokens', isText, 'texts')
  if (tokens === undefined || tokens.length === 0)
    return entries.refuse('tokenizer.ggml.tokens', 'it is missing', 'take a file with its tokenizer')
  const types = entries.list('token_type', isNumber, 'numbers')
  if (types !== undefined && types.length !== tokens.length)
    entries.refuse(
      'tokenizer.ggml.token_type',
      `there are ${tokens.length} tokens, and ${types.length} types`,
    )
  const id = (name: string): number | undefined => entries.token(`${name}_token_id`, tokens.length)
  const [bos, eos, unknown, padding] = [id('bos'), id('eos'), id('unknown'), id('padding')]
  const model = entries.get('model')
  const kind =
    model === 'llama'
      ? sentencePiece(entries, tokens, { types, unknown })
      : model === 'gpt2'
        ? bytePairs(entries, tokens)
        : entries.refuse(
            'tokenizer.ggml.model',
            `it is ${model === undefined ? 'missing' : `'${String(model)}'`}, and llama and gpt2 are read`,
            'take a model with one of these',
          )
  const special = new Set([bos, eos, unknown, padding].filter(t => t !== undefined))
  const added = tokens.flatMap((content, i) => {
    const type = types?.[i] ?? (special.has(i) ? kinds.control : kinds.normal)
    if (content === '' || type === kinds.normal) return []
    if (type === kinds.userDefined) return [addedToken(i, content, false)]
    return type === kinds.control || type === kinds.unknown ? [addedToken(i, content, true)] : []
  })
  const puts = bos !== undefined && entries.flag('add_bos_token', kind.addBos)
  const named = { bos_token: bos, eos_token: eos, unk_token: unknown, pad_token: padding }
  const template = metadata.get('tokenizer.chat_template')
  return {
    tokenizer: {
      ...{ version: '1.0', truncation: null, padding: null, added_tokens: added },
      normalizer: kind.normalizer,
      pre_tokenizer: kind.preTokenizer,
      post_processor: puts ? startingWith(tokens[bos]!, bos) : null,
      decoder: kind.decoder,
      model: kind.model,
    },
    settings: {
      ...Object.fromEntries(
        Object.entries(named).flatMap(([k, t]) => (t === undefined ? [] : [[k, tokens[t]]])),
      ),
      ...(typeof template === 'string' ? { chat_template: template } : {}),
    },
    ends: [...new Set([eos, id('eot'), id('eom')].filter(t => t !== undefined))],
  }
}
