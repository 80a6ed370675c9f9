import { UserError } from '../errors/user-error.js'
import type { DataSource } from './data-source.js'

/** The parts of a data directory. */
export type Split = 'train' | 'valid' | 'test'

/** The names that a part's file may have. */
const namesOf: Readonly<Record<Split, readonly string[]>> = {
  train: ['train'],
  valid: ['valid', 'validation', 'dev'],
  test: ['test'],
}

const endings = ['.jsonl', '.json', '.csv', '.tsv'].flatMap(ending => [ending, `${ending}.gz`])

const candidates = (split: Split): readonly string[] =>
  namesOf[split].flatMap(name => endings.map(ending => name + ending))

/**
 * The file of a part in a data directory: `train`, `valid` (`validation`, `dev`) or `test` with the ending
 * `.jsonl`, `.json`, `.csv` or `.tsv`, and perhaps `.gz`; `undefined` if there is none. Throws a `UserError`
 * if there are several, or the directory can't be read.
 */
export const splitFile = async (source: DataSource, split: Split): Promise<string | undefined> => {
  const entries = await source.list()
  const found = candidates(split).filter(name => entries.includes(name))
  if (found.length < 2) return found[0] === undefined ? undefined : source.pathOf(found[0])
  throw new UserError({
    what: `there are several files for '${split}'`,
    where: source.directory,
    why: `${found.join(' and ')} would both be read`,
    hint: 'keep one of them',
  })
}

/** Advice about a file that the user could have meant. */
const renaming = (name: string, split: Split): string => {
  if (/\.(xz|bz2|zst|zip|7z|tar)$/.test(name))
    return `${name} is compressed in a way that is not read: decompress it first`
  if (/\.(parquet|arrow|feather)$/.test(name))
    return (
      `${name} is not read: convert it to JSON Lines (in Python: ` +
      `pandas.read_parquet(…).to_json('${split}.jsonl', orient='records', lines=True))`
    )
  const ending = endings.filter(e => name.endsWith(e)).sort((a, b) => b.length - a.length)[0]
  return ending === undefined
    ? `${name} is there: convert it to ${split}.jsonl`
    : `${name} is there: name it ${split}${ending} if it is what you mean`
}

/**
 * The `UserError` for a missing part: it names files that could be meant, and the ways to do without the
 * part.
 */
export const missingPart = async (source: DataSource, split: Split): Promise<UserError> => {
  const entries = await source.list()
  const known = new Set((['train', 'valid', 'test'] as const).flatMap(candidates))
  const alike = entries.filter(
    name =>
      !known.has(name) &&
      !name.startsWith('.') &&
      /\.(jsonl|json|ndjson|csv|tsv|txt|parquet|arrow|feather|xz|gz|bz2|zst|zip)$/.test(name),
  )
  const words = namesOf[split].concat(split === 'valid' ? ['val', 'eval'] : [])
  const best = alike.find(name => words.some(word => name.toLowerCase().includes(word))) ?? alike[0]
  const others = entries.filter(name => known.has(name))
  const splitting = split !== 'test' && others.length > 0 ? '; or split some off: --split 200/200' : ''
  const listed = alike.slice(0, 8).join(', ') + (alike.length > 8 ? ', …' : '')
  const remedy =
    best === undefined ? `put the examples in ${source.pathOf(`${split}.jsonl`)}` : renaming(best, split)
  return new UserError({
    what: `there is no ${split} data`,
    where: source.directory,
    why:
      `none of ${namesOf[split].join(', ')} with the ending ` +
      '.jsonl, .json, .csv, .tsv (or one of those and .gz) is in it' +
      (alike.length === 0 ? '' : `; it has ${listed}`),
    hint: remedy + splitting,
  })
}
