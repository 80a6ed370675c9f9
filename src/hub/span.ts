/**
 * How many of `tokens` (of a prompt and what follows it, tokenised together) are wholly of the prompt: the most whose
 * text `prompt` begins with. `prompt` is the prompt as the tokenizer writes it back, since a tokenizer may normalise.
 * A token that holds the border, or a part of a character behind it, is not of the prompt.
 */
export const promptTokens = (
  tokens: readonly number[],
  prompt: string,
  decode: (tokens: readonly number[]) => string,
): number => {
  // From the end, since a prefix that stops within a character decodes to something the prompt doesn't have.
  for (let count = tokens.length; count > 0; count--) {
    if (prompt.startsWith(decode(tokens.slice(0, count)))) return count
  }
  return 0
}
