import { open } from 'node:fs/promises'
import { fileError } from '../files/file-error.js'
import { openRangeFile } from '../files/range-file.js'
import { ggufCheckpoint, readDivisors } from '../gguf/checkpoint.js'
import { configOf } from '../gguf/family.js'
import { type GgufHeader, readGgufHeader } from '../gguf/header.js'
import { ggufTokenizer } from '../gguf/tokenizer.js'
import type { JsonObject } from '../json/json-values.js'
import type { ByteRanges, Checkpoint } from '../safetensors/checkpoint.js'
import { type Tokenizer, tokenizerOf } from '../text/tokenizer.js'

/**
 * Whether a path is a GGUF file, by its name or its first bytes: files in Ollama's cache have no such name.
 */
export const isGguf = async (path: string): Promise<boolean> => {
  const handle = await open(path, 'r').catch(() => undefined)
  if (handle === undefined) return false
  try {
    if (!(await handle.stat()).isFile()) return false
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0)
    return /\.gguf$/i.test(path) || (bytesRead === 4 && buffer.toString('latin1') === 'GGUF')
  } finally {
    await handle.close()
  }
}

/** A GGUF file's header, and its model's configuration. */
export interface GgufFile {
  readonly path: string
  readonly header: GgufHeader
  readonly config: JsonObject
}

const openFile = (path: string): Promise<ByteRanges> =>
  openRangeFile(path).catch((error: unknown) => {
    throw fileError('open the model', path, error)
  })

/** The result of `work`, which uses a file; if `work` fails, the file is closed. */
const closedOnFailure = async <T>(file: ByteRanges, work: () => T | Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    await file.close()
    throw error
  }
}

/**
 * Reads the header of a GGUF file. Rejects with a `UserError` where it is damaged, or holds a model that is
 * not computed.
 */
export const readGguf = async (path: string): Promise<GgufFile> => {
  const file = await openFile(path)
  return closedOnFailure(file, async () => {
    const header = await readGgufHeader(file)
    const config = configOf(path, header, await readDivisors(file, header))
    await file.close()
    return { path, header, config }
  })
}

/** The tensors of a GGUF file, which is open until the checkpoint is closed. */
export const openGgufCheckpoint = async ({ path, header, config }: GgufFile): Promise<Checkpoint> => {
  const file = await openFile(path)
  return closedOnFailure(file, () => ggufCheckpoint(file, header, config))
}

/** The tokenizer of a file. */
export const tokenizerOfGguf = ({ path, header }: GgufFile): Tokenizer => {
  const { tokenizer, settings, ends } = ggufTokenizer(path, header)
  return tokenizerOf(tokenizer, settings, { eos_token_id: ends }, path)
}

/** The tokenizer's entries as bytes, to know it by. */
export const tokenizerBytes = ({ metadata }: GgufHeader): Uint8Array => {
  const own = [...metadata]
    .filter(([key]) => key.startsWith('tokenizer.'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.from(
    JSON.stringify(own, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
  )
}

/**
 * The files that a folder in the Hugging Face layout has beside the weights, by name, for the model of a GGUF
 * file: its configuration, and its tokenizer where it has one.
 */
export const folderFilesOfGguf = async (path: string): Promise<ReadonlyMap<string, JsonObject>> => {
  const { header, config } = await readGguf(path)
  if (!header.metadata.has('tokenizer.ggml.tokens')) return new Map([['config.json', config]])
  const { tokenizer, settings, ends } = ggufTokenizer(path, header)
  return new Map([
    ['config.json', { ...config, eos_token_id: ends }],
    ['tokenizer.json', tokenizer],
    ['tokenizer_config.json', settings],
  ])
}
