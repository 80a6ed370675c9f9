// A task is a declaration in JSON: which files hold its examples, how they become prompts and answers, and
// how answers are scored. In: the JSON of stdlib/tasks, or a user's own. Out: a TaskDeclaration, or one for
// each value of a field (MMLU-Pro's domains).

import type { PromptTemplate, Reading } from '../data/reading.js'
import type { Split } from '../data/split-files.js'
import { UserError } from '../errors/user-error.js'
import { isJsonObject, type JsonObject, shownJson } from '../json/json-values.js'
import type { Scoring } from '../score/evaluation.js'
import type { ListOps } from './listops.js'

/** The number by which methods are compared on a task. */
export type Metric = 'accuracy' | 'bleu' | 'rouge_l'

/** A task: its data and its score. */
export interface TaskDeclaration {
  /** Letters, digits and `-`; a task of several has the value behind a slash, as `mmlu-pro/math`. */
  readonly name: string
  /** What a model has to do, in a phrase. */
  readonly title: string
  /** Where the data and the prompt are described. */
  readonly source: string
  /** Tasks of one family are also averaged. */
  readonly family?: string
  /** The folders of the user's data in which its files may lie; the first that exists is read. */
  readonly folders: readonly string[]
  /** The names of the files, where they differ from `train`, `valid` and `test`. */
  readonly files: Readonly<Partial<Record<Split, string>>>
  /** How the files are read. */
  readonly reading: Reading
  readonly score: Scoring
  readonly metric: Metric
  /** How examples are made, for a task that has no files. */
  readonly made?: ListOps
}

const scores: readonly Scoring[] = ['choice', 'word', 'letter', 'text']
const metrics: readonly Metric[] = ['accuracy', 'bleu', 'rouge_l']

const isTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  isJsonObject(value) && Object.values(value).every(v => typeof v === 'string')

const isNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every(v => typeof v === 'string' && v !== '')

const isCounts = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0

const isTemplate = (value: unknown): value is PromptTemplate =>
  isJsonObject(value) &&
  Object.keys(value).every(name => ['as', 'text', 'lists'].includes(name)) &&
  (value.as === 'prompt' || value.as === 'instruction') &&
  typeof value.text === 'string' &&
  (value.lists === undefined || isTexts(value.lists))

const isMade = (value: unknown): value is ListOps =>
  isJsonObject(value) &&
  value.by === 'listops' &&
  (['depth', 'arguments', 'train', 'valid', 'test'] as const).every(name => isCounts(value[name])) &&
  Number.isSafeInteger(value.seed)

const isEach = (value: unknown): value is { readonly field: string; readonly values: readonly string[] } =>
  isJsonObject(value) && typeof value.field === 'string' && isNames(value.values)

const isFiles = (value: unknown): boolean =>
  isTexts(value) && Object.keys(value).every(part => ['train', 'valid', 'test'].includes(part))

/** What each field of a declaration must be, and how that is said. */
const fields: Readonly<Record<string, readonly [(value: unknown) => boolean, string]>> = {
  name: [v => typeof v === 'string' && /^[a-z0-9][a-z0-9-]*$/.test(v), 'lower-case letters, digits and -'],
  title: [v => typeof v === 'string', 'a text'],
  source: [v => typeof v === 'string', 'a text'],
  family: [v => typeof v === 'string', 'a text'],
  folders: [isNames, 'a list of names of folders'],
  files: [isFiles, 'names of files for train, valid and test'],
  labels: [v => v === 'letters' || isNames(v), '"letters", or the names of the labels 0, 1, …'],
  fields: [isTexts, 'the name that the file has for a field, by its role'],
  ignore: [isNames, 'a list of names of fields'],
  where: [isTexts, 'values of fields'],
  template: [isTemplate, '{"as": "prompt" or "instruction", "text": "… {field} …", "lists": {…}}'],
  each: [isEach, '{"field": a name, "values": a list}'],
  score: [v => scores.includes(v as Scoring), scores.join(', ')],
  metric: [v => metrics.includes(v as Metric), metrics.join(', ')],
  made: [isMade, '{"by": "listops", "depth", "arguments", "train", "valid", "test", "seed"}'],
}

const needed = ['name', 'title', 'source', 'score', 'metric']

const refuse = (path: string, why: string): UserError =>
  new UserError({
    what: 'the file declares no task',
    where: path,
    why,
    hint: 'docs/experiments.md says what a task may have; `jola task show trec` prints one',
  })

const check = (path: string, found: JsonObject): void => {
  const missing = needed.find(name => found[name] === undefined)
  if (missing !== undefined) throw refuse(path, `it has no "${missing}"`)
  for (const [name, value] of Object.entries(found)) {
    const field = fields[name]
    if (field === undefined)
      throw refuse(path, `nothing reads "${name}"; the names are ${Object.keys(fields).join(', ')}`)
    if (!field[0](value)) throw refuse(path, `"${name}" is ${shownJson(value)}, and must be ${field[1]}`)
  }
  if ((found.folders === undefined) === (found.made === undefined))
    throw refuse(path, 'it must have one of "folders" and "made"')
  if (found.metric !== 'accuracy' && found.score !== 'text')
    throw refuse(path, `the metric ${shownJson(found.metric)} needs "score": "text"`)
}

/** A value as the end of a task's name: `computer science` becomes `computer-science`. */
export const slug = (value: string): string =>
  value
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')

/**
 * The tasks that a file declares: one, or one for each value of the field that `each` names. Throws a
 * `UserError` that names the first wrong entry.
 */
export const tasksIn = (path: string, found: JsonObject): readonly TaskDeclaration[] => {
  check(path, found)
  const reading = Object.fromEntries(
    ['labels', 'fields', 'ignore', 'where', 'template'].flatMap(name =>
      found[name] === undefined ? [] : [[name, found[name]]],
    ),
  ) as Reading
  const task: TaskDeclaration = {
    name: found.name as string,
    title: found.title as string,
    source: found.source as string,
    ...(found.family === undefined ? {} : { family: found.family as string }),
    folders: (found.folders ?? []) as readonly string[],
    files: (found.files ?? {}) as TaskDeclaration['files'],
    reading,
    score: found.score as Scoring,
    metric: found.metric as Metric,
    ...(isMade(found.made) ? { made: found.made } : {}),
  }
  if (!isEach(found.each)) return [task]
  const { field, values } = found.each
  return values.map(value => ({
    ...task,
    name: `${task.name}/${slug(value)}`,
    title: `${task.title}: ${value}`,
    reading: { ...reading, where: { ...reading.where, [field]: value } },
  }))
}
