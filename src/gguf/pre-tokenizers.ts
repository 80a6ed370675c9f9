import type { JsonObject } from '../json/json-values.js'

/** How a vocabulary of byte pairs splits text before it merges, by `tokenizer.ggml.pre`. */
export interface PreTokenizer {
  readonly normalizer: JsonObject | null
  readonly steps: readonly JsonObject[]
  /** Whether a piece that is a token is that token, whatever merges would give. */
  readonly ignoreMerges: boolean
  /** Whether begin-of-text is put before a text where the file does not say. */
  readonly addBos: boolean
}

const bytesOnly: JsonObject = {
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
}

/** GPT-2's pieces, and their bytes. */
const gpt2Pieces: JsonObject = { ...bytesOnly, use_regex: true }

const singleDigits: JsonObject = { type: 'Digits', individual_digits: true }

const pieces = (regex: string): JsonObject => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior: 'Isolated',
  invert: false,
})

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const words = String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`
const symbolsAndSpaces = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

/** Pieces of at most so many digits in a row, as Llama 3 and Qwen 2 have them. */
const wordsAndDigits = (digits: string): string => `${contractions}|${words}|${digits}|${symbolsAndSpaces}`

const llama3 = wordsAndDigits(String.raw`\p{N}{1,3}`)
const qwen2 = wordsAndDigits(String.raw`\p{N}`)

/** Mistral's newer pieces: letters by their case, each digit by itself. */
const tekken = [
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`,
  String.raw`\p{N}`,
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
].join('|')

const plain = { normalizer: null, ignoreMerges: false, addBos: false } as const

const ofLlama3: PreTokenizer = {
  normalizer: null,
  steps: [pieces(llama3), bytesOnly],
  ignoreMerges: true,
  addBos: true,
}

const ofQwen2: PreTokenizer = { ...plain, normalizer: { type: 'NFC' }, steps: [pieces(qwen2), bytesOnly] }

const ofGpt2: PreTokenizer = { ...plain, steps: [gpt2Pieces] }

const ofSingleDigits: PreTokenizer = { ...plain, steps: [singleDigits, gpt2Pieces] }

/** The splits that are known, by the name that files have for them. */
export const preTokenizers: ReadonlyMap<string, PreTokenizer> = new Map([
  ...['llama-bpe', 'llama3', 'llama-v3'].map(name => [name, ofLlama3] as const),
  ...['smaug-bpe', 'dbrx'].map(name => [name, { ...ofLlama3, ignoreMerges: false, addBos: false }] as const),
  ...['qwen2', 'deepseek-r1-qwen'].map(name => [name, ofQwen2] as const),
  ...['gpt-2', 'mpt', 'phi-2'].map(name => [name, ofGpt2] as const),
  // GPT-NeoX's, which Pythia and the first OLMo have.
  ['olmo', { ...ofGpt2, normalizer: { type: 'NFC' } }],
  ...['smollm', 'refact', 'starcoder'].map(name => [name, ofSingleDigits] as const),
  ['tekken', { ...ofLlama3, steps: [pieces(tekken), bytesOnly] }],
])
