import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openChat } from '../../src/folders/open-chat.js'
import { openBase } from '../../src/runs/open-run.js'
import { withDevice } from '../support/device.js'
import { bytesOfBase64 } from './support.js'

/** Where `npm run fetch-tinyllama` puts the file; without it these tests are skipped. */
const file = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  ...['jola', 'models', 'tinyllama-1.1b-chat.gguf'],
)

/** What transformers computes with the file's weights, decoded to f32: `test/fixtures/gguf/tinyllama.py`. */
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/gguf/tinyllama.json', import.meta.url), 'utf8'),
) as {
  readonly prompt: string
  readonly tokens: readonly number[]
  readonly step: number
  readonly logits: string
  readonly chat: readonly number[]
  readonly continued: readonly number[]
}

withDevice('TinyLlama from its GGUF file', device => {
  it.skipIf(!existsSync(file))(
    'has the logits and the words of transformers',
    { timeout: 900_000 },
    async () => {
      const model = await openBase(device, file, 'std.models.llama', { weights: 'auto', allow: [] })
      try {
        const { tokenizer, sequence } = model
        expect(tokenizer.encode(fixture.prompt)).toEqual(fixture.tokens)
        const chat = await openChat(file)
        const question = chat.render([{ role: 'user', content: 'What is 2+2?' }], true)
        expect(tokenizer.encode(question)).toEqual(fixture.chat)
        const wanted = new Float32Array(bytesOfBase64(fixture.logits).buffer)
        const prefixes = fixture.tokens.map((_, i) => fixture.tokens.slice(0, i + 1))
        const found = await sequence.next(prefixes)
        const width = wanted.length / prefixes.length
        const errors = found.map((row, i) =>
          Math.max(
            ...Array.from({ length: width }, (_, v) =>
              Math.abs(row[v * fixture.step]! - wanted[i * width + v]!),
            ),
          ),
        )
        expect(Math.max(...errors)).toBeLessThan(1e-3)
        const [words] = await sequence.greedy([fixture.chat], 8, tokenizer)
        expect(words).toEqual(fixture.continued.slice(0, 8))
      } finally {
        await model.close()
      }
    },
  )
})
