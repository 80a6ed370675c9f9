import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UserError } from '../errors/user-error.js'
import { readJsonObjectIfAny } from '../files/json-file.js'
import type { JsonObject } from '../json/json-values.js'
import type { Model } from '../model/model.js'
import { storesEmbeddingAsHead } from '../model/tied.js'
import type { WeightFormat } from '../model/weight-format.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { withinVocabulary } from '../text/vocabulary.js'
import { foreignFile, foreignModel } from './foreign.js'
import { isGguf, openGgufCheckpoint, readGguf, tokenizerOfGguf } from './gguf-model.js'
import { openCheckpoint } from './open-checkpoint.js'
import { openTokenizer } from './open-tokenizer.js'

/**
 * A model's `config.json`, as it stands, or what the metadata of a GGUF file says in its words. Throws a
 * `UserError` if the directory has none or it is broken.
 */
export const readConfig = async (directory: string): Promise<JsonObject> => {
  if (await isGguf(directory)) return (await readGguf(directory)).config
  const path = join(directory, 'config.json')
  const found = await stat(directory).catch(() => undefined)
  if (found === undefined)
    throw new UserError({
      what: 'there is no such model',
      where: directory,
      why: 'there is no folder or file of this name',
      hint: 'check the path; a model is a folder in the Hugging Face layout, or a GGUF file, on this machine',
    })
  if (found.isFile()) {
    const folder = dirname(directory)
    const isModel = await stat(join(folder, 'config.json')).then(
      f => f.isFile(),
      () => false,
    )
    throw new UserError({
      what: 'a model is a folder, and this is a file',
      where: directory,
      hint: `name the folder that holds it: ${folder}`,
      ...(isModel ? {} : foreignFile(directory, folder)),
    })
  }
  const config = await readJsonObjectIfAny(path)
  if (config !== undefined) return config
  throw new UserError({
    what: 'the model has no config.json',
    where: path,
    why: 'it gives the sizes of the model',
    hint: 'name the directory of a model in the Hugging Face layout',
    ...(await foreignModel(directory)),
  })
}

const tokenizerFor = async (directory: string, config: JsonObject): Promise<Tokenizer> => {
  const tokenizer = await openTokenizer(directory)
  const { vocab_size } = config
  return typeof vocab_size === 'number' ? withinVocabulary(tokenizer, vocab_size, directory) : tokenizer
}

/** The most tokens that a model was made for, by the name that most families have for it, or by GPT-2's. */
const contextOf = ({ max_position_embeddings, n_positions }: JsonObject): number => {
  const positions = max_position_embeddings ?? n_positions
  return typeof positions === 'number' ? positions : 2048
}

/** The parts of a model's folder to open, and their options. */
export interface ModelWants {
  readonly weights: boolean
  readonly tokenizer: boolean
  /** `auto` unless said. */
  readonly format?: WeightFormat | undefined
  /** See {@link Model.allowed}. */
  readonly allow?: readonly string[] | undefined
}

/** Opens a GGUF file as a model. */
const openGgufModel = async (path: string, wants: ModelWants): Promise<Model> => {
  const gguf = await readGguf(path)
  const { config } = gguf
  const { vocab_size: vocabulary } = config
  const tokenizer = wants.tokenizer ? tokenizerOfGguf(gguf) : undefined
  return {
    directory: path,
    configFile: path,
    config,
    checkpoint: wants.weights ? await openGgufCheckpoint(gguf) : undefined,
    headIsEmbedding: false,
    format: wants.format ?? 'auto',
    tokenizer:
      tokenizer !== undefined && typeof vocabulary === 'number'
        ? withinVocabulary(tokenizer, vocabulary, path)
        : tokenizer,
    context: contextOf(config),
    allowed: new Set(wants.allow),
  }
}

/** Opens a model: a folder, or a GGUF file. Throws a `UserError` if a part is missing or broken. */
export const openModel = async (directory: string, wants: ModelWants): Promise<Model> => {
  if (await isGguf(directory)) return openGgufModel(directory, wants)
  const config = await readConfig(directory)
  const tokenizer = wants.tokenizer ? await tokenizerFor(directory, config) : undefined
  // The checkpoint is opened last, since it stays open.
  const checkpoint = wants.weights ? await openCheckpoint(directory) : undefined
  return {
    directory,
    configFile: join(directory, 'config.json'),
    config,
    checkpoint,
    headIsEmbedding: checkpoint !== undefined && (await storesEmbeddingAsHead(checkpoint, config)),
    format: wants.format ?? 'auto',
    tokenizer,
    context: contextOf(config),
    allowed: new Set(wants.allow),
  }
}
