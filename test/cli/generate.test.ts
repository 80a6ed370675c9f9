import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { withDevice } from '../support/device.js'
import { writeTinyLlama } from '../support/tiny-model.js'
import { folderWith, jola } from './support.js'

const modelIn = async (files: Readonly<Record<string, string>> = {}) => {
  const folder = await folderWith(files)
  const model = join(folder, 'model')
  await writeTinyLlama(model)
  return { folder, model }
}

describe('jola generate', () => {
  it.each([
    [['--prompt', 'a', '--prompts', 'x'], 'given twice'],
    [['--chat', '--prompts', 'x'], 'given twice'],
    [['--prompt', 'a', '--system', 'b'], '--system is for a conversation'],
    [['--prompt', 'a', '--top-k', '0'], 'whole number'],
    [['--prompt', 'a', '--temperature', 'warm'], 'not a number'],
    [['--prompt', 'a', '--stop', ''], 'empty text'],
  ])('refuses %j as usage', async (options, text) => {
    const { code, err } = await jola('generate', '--model', '/nowhere', ...options)
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(text) })
  })
})

withDevice('jola generate', () => {
  it('continues a text on each line of a file, with the same tokens as one by one', async () => {
    const { folder, model } = await modelIn({ 'prompts.txt': 'abc\n\ndef\nca\n' })
    const drawn = ['--tokens', '5', '--temperature', '1.5', '--seed', '3']
    const { code, out, err } = await jola(
      ...['generate', '--model', model, '--prompts', join(folder, 'prompts.txt'), ...drawn],
    )
    expect({ code, err }).toMatchObject({ code: 0 })
    const lines = out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines.map(l => l.prompt)).toEqual(['abc', 'def', 'ca'])
    for (const { prompt, text } of lines) expect(text.startsWith(prompt)).toBe(true)
    const alone = await jola('generate', '--model', model, '--prompt', 'abc', '--json', ...drawn)
    expect(JSON.parse(alone.out).tokens).toEqual(lines[0].tokens)
  })

  it('ends before a stop text, and refuses numbers outside their range by name', async () => {
    const { model } = await modelIn()
    const whole = await jola('generate', '--model', model, '--prompt', 'abc', '--tokens', '6', '--json')
    const { text } = JSON.parse(whole.out)
    const stop = text.slice(5, 6)
    const cut = await jola('generate', '--model', model, '--prompt', 'abc', '--tokens', '6', '--stop', stop)
    expect(cut.out.trimEnd()).toBe(text.slice(0, 3 + text.slice(3).indexOf(stop)).trimEnd())
    const wrong = await jola('generate', '--model', model, '--prompt', 'abc', '--top-p', '2')
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('top-p cannot be 2') })
  })

  it('says that a model without a chat template cannot hold a conversation', async () => {
    const { model } = await modelIn()
    const { code, err } = await jola('generate', '--model', model, '--chat', '--prompt', 'abc')
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('no chat template') })
  })
})
