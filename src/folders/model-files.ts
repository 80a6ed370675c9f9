import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomic } from '../files/atomic.js'
import { fileError, systemCode } from '../files/file-error.js'
import { folderFilesOfGguf, isGguf } from './gguf-model.js'

/** The files of a model's folder that have neither its weights nor its configuration. */
export const besideWeights: readonly string[] = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'tokenizer.model',
  'vocab.json',
  'merges.txt',
  'generation_config.json',
  'chat_template.jinja',
]

/** Gives a folder some of the files of a model, those that the model has. */
export const copyModelFiles = async (
  model: string,
  target: string,
  names: readonly string[],
): Promise<void> => {
  if (await isGguf(model)) {
    for (const [name, value] of await folderFilesOfGguf(model))
      if (names.includes(name))
        await writeAtomic(join(target, name), [`${JSON.stringify(value, undefined, 2)}\n`])
    return
  }
  for (const name of names)
    await copyFile(join(model, name), join(target, name)).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw fileError('copy the file', join(model, name), error)
    })
}
