import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConstantValue } from '../../compiler/specialise/specialise.js'
import { systemCode } from '../files/file-error.js'
import { nodeSha256 } from '../host/node-sha256.js'
import { identityFrom, type ModelIdentity } from '../model/identity.js'
import type { Checkpoint } from '../safetensors/checkpoint.js'
import { isGguf, readGguf, tokenizerBytes } from './gguf-model.js'

const fileIfAny = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return await readFile(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The identity of a model in a folder, for a program that reads these constants from its configuration. */
export const modelIdentityOf = async (
  { directory, checkpoint }: { readonly directory: string; readonly checkpoint: Checkpoint | undefined },
  constants: ReadonlyMap<string, ConstantValue>,
): Promise<ModelIdentity> => {
  const tokenizerFile = (await isGguf(directory))
    ? tokenizerBytes((await readGguf(directory)).header)
    : await fileIfAny(join(directory, 'tokenizer.json'))
  return identityFrom({ checkpoint, tokenizerFile }, constants, nodeSha256)
}
