import { mean } from './scores.js'

/** The white space at which Python splits; it differs slightly from `\s`. */
const blank = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`
const blanks = new RegExp(blank)
const blanksAtEnd = new RegExp(`${blank}$`)

/**
 * Splits text as mteval-v13a and sacreBLEU's `13a` do: punctuation and symbols apart, but not a full stop or
 * comma between digits; case is kept.
 */
export const tokenise13a = (text: string): readonly string[] =>
  ` ${text
    .replace(blanksAtEnd, '')
    .replace(/<skipped>/g, '')
    .replace(/-\n/g, '')
    .replace(/\n/g, ' ')} `
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ')
    .split(blanks)
    .filter(word => word !== '')

const ngramCounts = (words: readonly string[], n: number): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (let i = 0; i + n <= words.length; i++) {
    const ngram = words.slice(i, i + n).join(' ')
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1)
  }
  return counts
}

/** Matches of a hypothesis's n-grams, each clipped at the most that one reference has of it. */
const clippedMatches = (
  hypothesis: readonly string[],
  references: readonly (readonly string[])[],
  n: number,
): number => {
  const allowed = references.map(words => ngramCounts(words, n))
  let matches = 0
  for (const [ngram, count] of ngramCounts(hypothesis, n)) {
    matches += Math.min(count, Math.max(...allowed.map(counts => counts.get(ngram) ?? 0)))
  }
  return matches
}

/** The reference length nearest to the hypothesis's; the shorter of two equally near ones. */
const nearestLength = (length: number, references: readonly (readonly string[])[]): number =>
  references
    .map(words => words.length)
    .reduce((best, l) => {
      const [d, bestD] = [Math.abs(l - length), Math.abs(best - length)]
      return d < bestD || (d === bestD && l < best) ? l : best
    })

/**
 * Corpus BLEU (Papineni et al. 2002), 0 to 100: the geometric mean of the clipped 1- to 4-gram precisions
 * over the whole corpus times the brevity penalty, on {@link tokenise13a} words. As sacreBLEU has it: where
 * there are n-grams of an order and none matches, the k-th such order counts as 1 / (2^k · n-grams) (the
 * smoothing `exp`, NIST's); no match at all, or texts without n-grams of some order, score 0. `references[i]`
 * are those of `hypotheses[i]`, at least one each.
 */
export const corpusBleu = (
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): number => {
  const matches = [0, 0, 0, 0]
  const totals = [0, 0, 0, 0]
  let length = 0
  let referenceLength = 0
  hypotheses.forEach((text, i) => {
    const words = tokenise13a(text)
    const refs = references[i]!.map(tokenise13a)
    length += words.length
    referenceLength += nearestLength(words.length, refs)
    for (let n = 1; n <= 4; n++) {
      matches[n - 1]! += clippedMatches(words, refs, n)
      totals[n - 1]! += Math.max(0, words.length - n + 1)
    }
  })
  if (matches.every(m => m === 0) || totals.includes(0)) return 0
  let unmatched = 1
  const precisions = matches.map((m, n) => {
    if (m === 0) unmatched *= 2
    return m === 0 ? 1 / (unmatched * totals[n]!) : m / totals[n]!
  })
  const logPrecision = mean(precisions.map(Math.log))
  const brevity = length >= referenceLength ? 1 : Math.exp(1 - referenceLength / length)
  return 100 * brevity * Math.exp(logPrecision)
}

/** Length of the longest common subsequence of words. */
export const longestCommonSubsequence = (a: readonly string[], b: readonly string[]): number => {
  let row = new Uint32Array(b.length + 1)
  for (const word of a) {
    const next = new Uint32Array(b.length + 1)
    for (let j = 0; j < b.length; j++) {
      next[j + 1] = b[j] === word ? row[j]! + 1 : Math.max(next[j]!, row[j + 1]!)
    }
    row = next
  }
  return row[b.length]!
}

const rougeWords = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []

const rougeF1 = (hypothesis: string, reference: string): number => {
  const [h, r] = [rougeWords(hypothesis), rougeWords(reference)]
  if (r.length === 0) return hypothesis.trim() === reference.trim() ? 1 : 0
  return (2 * longestCommonSubsequence(h, r)) / (h.length + r.length)
}

/**
 * ROUGE-L (Lin 2004), 0 to 1: the F-measure with β = 1 of recall LCS / m and precision LCS / n, with the
 * longest common subsequence of words of a text of n and a reference of m, which is 2 LCS / (m + n); the best
 * reference counts, averaged over the texts. Words are runs of letters and digits of any script, lower case,
 * without stemming: on English those of the `rouge_score` package. Where a reference has no words, the text
 * must be it.
 */
export const rougeL = (hypotheses: readonly string[], references: readonly (readonly string[])[]): number =>
  mean(hypotheses.map((text, i) => Math.max(...references[i]!.map(reference => rougeF1(text, reference)))))
