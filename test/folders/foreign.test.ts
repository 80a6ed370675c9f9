import { expect, it } from 'vitest'
import { openTokenizer } from '../../src/folders/open-tokenizer.js'
import { folderWith } from '../cli/support.js'
import { userError } from '../support/user-error.js'

it('a tokenizer.model alone is named with the command that converts it', async () => {
  const folder = await folderWith({ 'config.json': '{"vocab_size": 9}', 'tokenizer.model': 'x' })
  const error = await userError(openTokenizer(folder))
  expect(error.why).toContain('tokenizer.model is there: an older form of a tokenizer')
  expect(error.hint).toContain('AutoTokenizer')
})
