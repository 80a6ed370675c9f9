import { join } from 'node:path'
import { UserError } from '../errors/user-error.js'
import { readJsonObjectIfAny } from '../files/json-file.js'
import { endTokensOf, type Tokenizer, tokenizerOf } from '../text/tokenizer.js'
import { foreignTokenizer } from './foreign.js'
import { isGguf, readGguf, tokenizerOfGguf } from './gguf-model.js'

/**
 * Opens the tokenizer of a GGUF file, or of a model's directory: `tokenizer.json`, and for the tokens that
 * end a text `tokenizer_config.json`, `config.json` and `generation_config.json` where present. Only the
 * post-processor in `tokenizer.json` decides whether begin-of-text precedes a text, as in transformers 5,
 * which ignores `add_bos_token` if there is a `tokenizer.json`. Throws a `UserError` if a file is missing,
 * broken, or of an unknown kind.
 */
export const openTokenizer = async (directory: string): Promise<Tokenizer> => {
  if (await isGguf(directory)) return tokenizerOfGguf(await readGguf(directory))
  const path = join(directory, 'tokenizer.json')
  const tokenizer = await readJsonObjectIfAny(path)
  if (tokenizer === undefined)
    throw new UserError({
      what: 'the model has no tokenizer.json',
      where: path,
      why: 'a model folder needs it to turn text into tokens and back',
      hint: "put the model's tokenizer.json beside its config.json",
      ...(await foreignTokenizer(directory)),
    })
  const [settings = {}, config = {}, generation = {}] = await Promise.all(
    ['tokenizer_config.json', 'config.json', 'generation_config.json'].map(name =>
      readJsonObjectIfAny(join(directory, name)),
    ),
  )
  const ends = [
    ...endTokensOf(config.eos_token_id, join(directory, 'config.json')),
    ...endTokensOf(generation.eos_token_id, join(directory, 'generation_config.json')),
  ]
  return tokenizerOf(tokenizer, settings, { ...config, eos_token_id: ends }, path)
}
