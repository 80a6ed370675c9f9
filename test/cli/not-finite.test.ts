import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { withDevice } from '../support/device.js'
import { temporaryDirectory } from '../support/temporary.js'
import { folderWith, jola } from './support.js'

const model = fileURLToPath(new URL('../../examples/quickstart/model', import.meta.url))

/** The quickstart's model with a last norm so large that logits overflow; every weight is finite. */
const overflowing = async (): Promise<string> => {
  const directory = await temporaryDirectory()
  await cp(model, directory, { recursive: true })
  const path = join(directory, 'model.safetensors')
  const bytes = await readFile(path)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { data_offsets: [number, number] }
  >
  const [begin, end] = header['model.norm.weight']!.data_offsets
  // 0x7f7f is the largest finite number of bf16.
  for (let at = start + begin; at < start + end; at += 2) bytes.writeUInt16LE(0x7f7f, at)
  await writeFile(path, bytes)
  return directory
}

withDevice('a model whose weights are finite and whose logits are not', () => {
  it('writes no text and gives no score', async () => {
    const directory = await overflowing()
    const text = await jola('generate', '--model', directory, '--prompt', 'a herb is a', '--tokens', '4')
    expect(text.err).toContain('the logits are not numbers')
    expect(text).toMatchObject({ code: 1, out: '' })
    const example = { prompt: 'a herb is a', answer: ' plant', options: [' plant', ' body'] }
    const data = await folderWith({ 'test.jsonl': JSON.stringify(example) })
    const score = await jola('eval', '--model', directory, '--data', data)
    expect(score.err).toContain('the logits are not numbers')
    expect(score).toMatchObject({ code: 1, out: '' })
  })
})
