import { isJsonObject, type JsonObject, shownJson } from '../json/json-values.js'

/** More than any vocabulary has. A token's number is an index in a list in memory, so it must be bounded. */
const mostTokens = 1 << 24

const isToken = (id: unknown): id is number =>
  Number.isInteger(id) && (id as number) >= 0 && (id as number) < mostTokens

const refused = (name: string, value: unknown, wanted: string): Error =>
  new Error(`${name} is ${shownJson(value)}, and ${wanted} is wanted`)

const checkToken = (name: string, id: unknown): void => {
  if (!isToken(id)) throw refused(name, id, `a whole number from 0 to ${mostTokens - 1}`)
}

const checkAdded = (added: unknown): void => {
  if (added === undefined || added === null) return
  if (!Array.isArray(added)) throw refused('added_tokens', added, 'a list')
  for (const token of added as readonly unknown[]) {
    if (!isJsonObject(token) || typeof token.content !== 'string')
      throw refused('an entry of added_tokens', token, 'an object with its content')
    checkToken(`the id of the added token '${token.content.slice(0, 80)}'`, token.id)
  }
}

const isPair = (value: unknown, second: 'string' | 'number'): boolean =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === second

const checkMerges = (merges: unknown): void => {
  if (!Array.isArray(merges)) throw refused('merges', merges, 'a list')
  const wrong = merges.findIndex(merge => typeof merge !== 'string' && !isPair(merge, 'string'))
  if (wrong >= 0) throw refused(`merge ${wrong}`, merges[wrong], 'a text or a pair of texts')
}

const checkModel = (model: unknown): void => {
  if (!isJsonObject(model)) throw refused('model', model, 'an object')
  const { vocab, unk_token: unknown } = model
  if (Array.isArray(vocab)) {
    const wrong = vocab.findIndex(entry => !isPair(entry, 'number'))
    if (wrong >= 0) throw refused(`entry ${wrong} of vocab`, vocab[wrong], 'a text with its score')
    if (vocab.length === 0) throw refused('vocab', vocab, 'a list of tokens')
    if (typeof model.unk_id === 'number' && model.unk_id >= vocab.length)
      throw refused('unk_id', model.unk_id, `the number of one of ${vocab.length} tokens`)
    if (model.unk_id !== undefined && model.unk_id !== null) checkToken('unk_id', model.unk_id)
  } else if (isJsonObject(vocab)) {
    for (const [token, id] of Object.entries(vocab))
      checkToken(`the id of the token '${token.slice(0, 80)}'`, id)
  } else throw refused('vocab', vocab, 'a list or an object')
  if (unknown !== undefined && unknown !== null && typeof unknown !== 'string')
    throw refused('unk_token', unknown, 'a text')
  if (model.type === 'BPE' || model.merges !== undefined) checkMerges(model.merges)
}

const parts = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'] as const

const lists = new Set(['normalizers', 'pretokenizers', 'processors', 'decoders'])

/** A part of the way from text to tokens, and the parts inside it. */
const checkPart = (name: string, part: unknown): void => {
  if (!isJsonObject(part)) throw refused(name, part, 'an object')
  if (typeof part.type !== 'string') throw refused(`the type of ${name}`, part.type, 'a name')
  for (const [key, value] of Object.entries(part)) {
    if (lists.has(key)) {
      if (!Array.isArray(value)) throw refused(`${key} of ${name}`, value, 'a list')
      for (const inner of value as readonly unknown[]) checkPart(`a part of ${name}`, inner)
    } else if (key === 'pattern') {
      const { String: text, Regex: regex } = isJsonObject(value) ? value : {}
      if (typeof (text ?? regex) !== 'string')
        throw refused(`the pattern of ${name}`, value, '{"String": …} or {"Regex": …}')
    }
  }
  if (part.type === 'Sequence' && !Object.keys(part).some(key => lists.has(key)))
    throw refused(`the sequence ${name}`, part, 'a list of parts')
}

/**
 * Checks that a `tokenizer.json` has the shape that its readers assume. Throws an `Error` that names the
 * wrong part. The tokenizers library interprets the parts.
 */
export const checkTokenizerShape = (tokenizer: JsonObject): void => {
  checkAdded(tokenizer.added_tokens)
  checkModel(tokenizer.model)
  for (const name of parts)
    if (tokenizer[name] !== undefined && tokenizer[name] !== null) checkPart(name, tokenizer[name])
}
