import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { DataFolder } from '../../data/data-folder.js'
import type { DataSource } from '../../data/data-source.js'
import type { Reading } from '../../data/reading.js'
import { stdlibFolder } from '../../files/stdlib-folder.js'
import { filesIn } from '../../folders/open-data.js'
import { readConfig } from '../../folders/open-model.js'
import { openTokenizer } from '../../folders/open-tokenizer.js'
import type { JsonObject } from '../../json/json-values.js'
import { parseJson } from '../../json/parse-json.js'
import { type Tokenizer, tokenizerOf } from '../../text/tokenizer.js'
import { llamaConfig, stories15M } from '../random-model.js'

/** A model that gets random weights. */
export interface EpochModel {
  readonly name: string
  readonly config: JsonObject
  /** The most positions of a row. */
  readonly context: number
}

/** A data set of which only the lengths are used. */
export interface EpochPlan {
  readonly name: string
  /** Why it can't be read here; undefined if it can. */
  readonly missing: string | undefined
  /** The model that is trained on rows of these lengths. */
  model(): Promise<EpochModel>
  /** The positions of each training example, when its answer is one token. */
  lengths(): Promise<readonly number[]>
}

const root = join(stdlibFolder, '..')
const quickstart = join(root, 'examples', 'quickstart')

/** A file of the folder of real models and data: `JOLA_SHARED`, or `shared` beside the repository. */
const shared = (...parts: readonly string[]): string =>
  join(process.env.JOLA_SHARED ?? join(root, '..', 'shared'), 'data', ...parts)

/** One file packed with xz, as the training part of a data folder. */
const packedPart = (path: string): DataSource => {
  const name = `train.${path.includes('.jsonl') ? 'jsonl' : 'json'}`
  return {
    directory: path,
    list: async () => [name],
    pathOf: () => name,
    text: async () => execFileSync('xz', ['-dc', path], { encoding: 'utf8', maxBuffer: 2 ** 28 }),
  }
}

const promptLengths = async (
  source: DataSource,
  reading: Reading,
  tokenizer: Tokenizer,
): Promise<readonly number[]> =>
  (await new DataFolder(source, reading).examples('train')).map(
    ({ prompt, answer }) => tokenizer.encodeExample(prompt, answer, false).answerStart,
  )

const llama3 = (path: string): Tokenizer =>
  tokenizerOf(parseJson(gunzipSync(readFileSync(path)).toString('utf8')) as JsonObject, {}, {}, path)

const firstMissing = (paths: readonly string[]): string | undefined => paths.find(path => !existsSync(path))

/** Questions in the shared folder, with the tokens of Llama 3 and the shape of stories15M. */
const questions = (name: string, ...parts: readonly string[]): EpochPlan => {
  const [file, tokens] = [shared('tasks', ...parts), shared('tokenizers', 'llama3.tokenizer.json.gz')]
  return {
    name,
    missing: firstMissing([file, tokens]),
    model: async () => ({
      name: "stories15M's shape",
      config: llamaConfig({ ...stories15M, max_position_embeddings: 512 }),
      context: 512,
    }),
    lengths: () => promptLengths(packedPart(file), {}, llama3(tokens)),
  }
}

const folderModel = async (name: string, folder: string): Promise<EpochModel> => {
  const config = await readConfig(folder)
  return { name, config, context: Number(config.max_position_embeddings) }
}

/** Sentences with labels in the shared folder, with the tokens and the shape of stories260K. */
const sentences = (name: string, task: string, labels: NonNullable<Reading['labels']>): EpochPlan => {
  const [file, model] = [shared('tasks', `${task}.train.jsonl.xz`), shared('models', 'stories260K')]
  return {
    name,
    missing: firstMissing([file, model]),
    model: () => folderModel("stories260K's shape", model),
    lengths: async () => promptLengths(packedPart(file), { labels }, await openTokenizer(model)),
  }
}

/** The data sets whose epochs are measured. */
export const epochPlans = (): readonly EpochPlan[] => [
  sentences('TREC', 'trec', 'letters'),
  sentences('SST-2', 'sst2', ['negative', 'positive']),
  {
    name: "the quickstart's task",
    missing: firstMissing([quickstart]),
    model: () => folderModel("the quickstart's shape", join(quickstart, 'model')),
    lengths: async () =>
      promptLengths(filesIn(join(quickstart, 'task')), {}, await openTokenizer(join(quickstart, 'model'))),
  },
  questions('ARC-Challenge', 'commonsense', 'ARC-Challenge', 'train.json.xz'),
  questions('BoolQ', 'commonsense', 'boolq', 'train.json.xz'),
]
