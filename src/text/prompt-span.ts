/**
 * How many of `tokens` (of a prompt and what follows it, tokenised together) are wholly of the prompt: the
 * most whose text `prompt` begins with. `prompt` is the prompt as the tokenizer writes it back, since a
 * tokenizer may normalise. A token that holds the border, or a part of a character behind it, is not of the
 * prompt.
 */
const promptTokens = (
  tokens: readonly number[],
  prompt: string,
  decode: (tokens: readonly number[]) => string,
): number => {
  // The search goes from the end, since a prefix that stops within a character decodes to text that the
  // prompt does not contain.
  for (let count = tokens.length; count > 0; count--) {
    if (prompt.startsWith(decode(tokens.slice(0, count)))) return count
  }
  return 0
}

/**
 * The texts put before an answer that is tokenised alone: nothing, or a character that merges with no other.
 */
const leads = ['', '\n', '\u0001']

/**
 * Prompt and answer as one row, the prompt's tokens being those it has alone. An answer's own tokens are
 * sought in the text together, by itself, and after a character that keeps a tokenizer from beginning a word;
 * they are right when the row decodes to the same text. Failing that the two are tokenised together, and a
 * token across the border is the answer's.
 */
export const continued = (
  prompt: string,
  answer: string,
  encode: (text: string) => readonly number[],
  decode: (tokens: readonly number[]) => string,
): { readonly tokens: readonly number[]; readonly start: number } => {
  const head = encode(prompt)
  const together = encode(prompt + answer)
  const begins = (row: readonly number[], front: readonly number[]): boolean =>
    front.every((t, i) => row[i] === t)
  if (together.length > head.length && begins(together, head)) return { tokens: together, start: head.length }
  const whole = decode(together)
  for (const lead of leads) {
    const front = encode(lead)
    const row = encode(lead + answer)
    if (!begins(row, front)) continue
    const tokens = [...head, ...row.slice(front.length)]
    if (tokens.length > head.length && decode(tokens) === whole) return { tokens, start: head.length }
  }
  return { tokens: together, start: promptTokens(together, decode(head), decode) }
}
