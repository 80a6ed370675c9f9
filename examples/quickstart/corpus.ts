/**
 * The quickstart model's pretraining documents: WordNet's entries as lines of a dictionary, without the
 * task's words.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allowed, type Entry, entries, random, shuffled } from './wordnet.js'

/** Documents to learn from, and documents of other synsets that measure what was learned. */
export interface Corpus {
  readonly train: readonly string[]
  readonly valid: readonly string[]
}

/**
 * Half of the documents name the category after the definition, a quarter before it, a quarter not at all.
 */
const layouts = { categoryLast: 0.5, categoryFirst: 0.75 } as const

const validDocuments = 1000

/** The longest definition and the most synonyms that a document takes from an entry. */
const limits = { definition: 160, words: 4 } as const

/**
 * One entry as a document, laid out as `u` in [0, 1) says: `dog, domestic dog: a member of … = animal; e.g.
 * the dog barked all night`, `dog, domestic dog = animal: a member of …; e.g. the dog barked all night`, or
 * the definition and what it defines, `a member of …: dog, domestic dog`. Most adjectives and adverbs have no
 * category, and their layouts none either.
 */
export const documentOf = (entry: Entry, u: number): string => {
  const words = entry.words.slice(0, limits.words).join(', ')
  const category = entry.category === 'all' ? '' : ` = ${entry.category}`
  const examples = entry.examples.length === 0 ? '' : `; e.g. ${entry.examples.join('; ')}`
  if (u < layouts.categoryLast) return `${words}: ${entry.definition}${category}${examples}`
  if (u < layouts.categoryFirst) return `${words}${category}: ${entry.definition}${examples}`
  return `${entry.definition}: ${words}`
}

/**
 * The corpus in an order, and with layouts, that depend on nothing but the seed. Individuals (people, cities)
 * and long definitions are left out: a model this small learns little from them.
 */
export const corpus = (seed: number, all: readonly Entry[] = entries()): Corpus => {
  const next = random(seed)
  const suited = allowed(all).filter(e => !e.instance && e.definition.length <= limits.definition)
  const documents = shuffled(suited, seed).map(entry => documentOf(entry, next()))
  return { train: documents.slice(validDocuments), valid: documents.slice(0, validDocuments) }
}

/**
 * Writes `train.jsonl` and `valid.jsonl`, a line `{"text": …}` for each document, into a folder, made if
 * missing.
 */
export const writeCorpus = (directory: string, seed: number): void => {
  mkdirSync(directory, { recursive: true })
  for (const [name, documents] of Object.entries(corpus(seed)) as [string, readonly string[]][])
    writeFileSync(
      join(directory, `${name}.jsonl`),
      `${documents.map(text => JSON.stringify({ text })).join('\n')}\n`,
    )
}
