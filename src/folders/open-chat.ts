import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { fileError, systemCode } from '../files/file-error.js'
import { readJsonObjectIfAny } from '../files/json-file.js'
import { byteLimits, readTextFile } from '../files/text-file.js'
import { ggufTokenizer } from '../gguf/tokenizer.js'
import { isJsonObject } from '../json/json-values.js'
import { type Chat, chatOf, configuredTemplate } from '../text/chat.js'
import { isGguf, readGguf } from './gguf-model.js'

const textIfAny = (path: string): Promise<string | undefined> =>
  readTextFile(path, { most: byteLimits.json }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError('read the chat template', path, error)
  })

/**
 * The time limit of a template for one conversation, in milliseconds. A template is foreign code; it usually
 * takes less than one.
 */
const mostTime = 3000

/** The result of `work`. If `work` takes longer than {@link mostTime}, V8 interrupts it and this throws. */
const bounded = <T>(work: () => T): T => {
  let result: { readonly value: T } | undefined
  const run = () => {
    result = { value: work() }
  }
  try {
    runInContext('run()', createContext({ run }), { timeout: mostTime })
  } catch (error) {
    // The error comes from another context, so it is not an instance of this realm's `Error`.
    if (isJsonObject(error) && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      throw new Error(`it takes longer than ${mostTime / 1000} seconds`)
    throw error
  }
  return result!.value
}

/**
 * The chat template of a GGUF file, or of a model's folder: `chat_template.jinja`, else that in
 * `tokenizer_config.json`. Rendering throws a `UserError` where the model has none, or where it refuses the
 * messages.
 */
export const openChat = async (directory: string): Promise<Chat> => {
  if (await isGguf(directory)) {
    const { settings } = ggufTokenizer(directory, (await readGguf(directory)).header)
    const template = configuredTemplate(settings.chat_template)
    return chatOf({ directory, file: directory, template, settings }, bounded)
  }
  const file = join(directory, 'chat_template.jinja')
  const config = join(directory, 'tokenizer_config.json')
  const own = await textIfAny(file)
  const settings = (await readJsonObjectIfAny(config)) ?? {}
  const template = own ?? configuredTemplate(settings.chat_template)
  return chatOf({ directory, file: own === undefined ? config : file, template, settings }, bounded)
}
