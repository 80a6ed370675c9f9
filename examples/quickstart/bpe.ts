/**
 * Byte-level byte-pair encoding (Sennrich et al. 2016; the bytes as in GPT-2), trained to a Hugging Face
 * `tokenizer.json`.
 */

/** Ids 0 and 1: what every text starts with, and what ends a document. */
export const specials = ['<|bos|>', '<|end|>'] as const

/** The part of `tokenizer.json` that differs from one training to another is `model`. */
export interface TokenizerJson {
  readonly version: '1.0'
  readonly added_tokens: readonly {
    readonly id: number
    readonly content: string
    readonly special: boolean
  }[]
  readonly model: {
    readonly type: 'BPE'
    readonly vocab: Readonly<Record<string, number>>
    readonly merges: readonly (readonly [string, string])[]
  }
}

/** How `ByteLevel` with `use_regex` cuts text before any merge: GPT-2's pattern. */
const pieces = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

/**
 * GPT-2's printable stand-in for each byte: printable Latin-1 stands for itself, the rest for U+0100 onwards.
 */
const byteCharacters: readonly string[] = (() => {
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(printable(b) ? b : next++))
})()

const encoder = new TextEncoder()

/** A pair of symbols as one number; vocabularies stay below 2¹⁶. */
const pairKey = (left: number, right: number): number => left * 65536 + right

interface Word {
  symbols: number[]
  readonly count: number
}

const countWords = (documents: Iterable<string>, index: ReadonlyMap<string, number>): Word[] => {
  const counts = new Map<string, number>()
  for (const text of documents)
    for (const [piece] of text.matchAll(pieces)) counts.set(piece, (counts.get(piece) ?? 0) + 1)
  return [...counts].map(([piece, count]) => ({
    symbols: [...encoder.encode(piece)].map(b => index.get(byteCharacters[b]!)!),
    count,
  }))
}

const merged = (symbols: readonly number[], left: number, right: number, id: number): number[] => {
  const result: number[] = []
  for (let i = 0; i < symbols.length; i++)
    if (symbols[i] === left && symbols[i + 1] === right) {
      result.push(id)
      i++
    } else result.push(symbols[i]!)
  return result
}

/**
 * Merges the most frequent pair (of equals, the one of lower ids) until the vocabulary has `size` entries or
 * no pair occurs twice. The same documents give the same tokenizer.
 * @param size specials, 256 bytes and merges together; at least 258, below 65,536
 */
export const trainBpe = (documents: Iterable<string>, size: number): TokenizerJson => {
  const tokens: string[] = [...specials, ...byteCharacters]
  const words = countWords(documents, new Map(tokens.map((token, id) => [token, id])))
  const counts = new Map<number, number>()
  const where = new Map<number, Set<number>>()
  const tally = (at: number, sign: 1 | -1): void => {
    const { symbols, count } = words[at]!
    for (let i = 0; i + 1 < symbols.length; i++) {
      const pair = pairKey(symbols[i]!, symbols[i + 1]!)
      counts.set(pair, (counts.get(pair) ?? 0) + sign * count)
      const places = where.get(pair) ?? new Set<number>()
      where.set(pair, places.add(at))
    }
  }
  words.forEach((_, at) => {
    tally(at, 1)
  })
  const merges: [string, string][] = []
  while (tokens.length < size) {
    let best = -1
    let most = 1
    for (const [pair, count] of counts)
      if (count > most || (count === most && count > 1 && pair < best)) {
        best = pair
        most = count
      }
    if (best < 0) break
    const [left, right] = [Math.floor(best / 65536), best % 65536]
    const id = tokens.push(tokens[left]! + tokens[right]!) - 1
    merges.push([tokens[left]!, tokens[right]!])
    for (const at of where.get(best)!) {
      tally(at, -1)
      words[at]!.symbols = merged(words[at]!.symbols, left, right, id)
      tally(at, 1)
    }
    counts.delete(best)
    where.delete(best)
  }
  return tokenizerJson(tokens, merges)
}

const tokenizerJson = (tokens: readonly string[], merges: readonly (readonly [string, string])[]) => ({
  version: '1.0' as const,
  truncation: null,
  padding: null,
  added_tokens: specials.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: specials[0], type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [
      { SpecialToken: { id: specials[0], type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { Sequence: { id: 'B', type_id: 1 } },
    ],
    special_tokens: { [specials[0]]: { id: specials[0], ids: [0], tokens: [specials[0]] } },
  },
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
  model: {
    type: 'BPE' as const,
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges,
  },
})
