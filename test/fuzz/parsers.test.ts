import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openTokenizer } from '../../src/folders/open-tokenizer.js'
import { readAdapterConfig } from '../../src/runs/read-adapter.js'
import { readHistory, readPosition } from '../../src/train/parse-run-record.js'
import { temporaryDirectory } from '../support/temporary.js'
import { userError } from '../support/user-error.js'
import { fuzzTarget, parserTargets } from './parsers/part.js'
import { Broken, type Target } from './parsers/target.js'

const count = Number(process.env.JOLA_FUZZ ?? 2000)

describe('a damaged file is refused by a message or read as it stands:', () => {
  it.each(parserTargets.map(t => [t.name, t] as const))('%s', async (_, target) => {
    const { tried, findings } = await fuzzTarget(target, { seed: 2026, count, say: () => undefined })
    expect(findings).toEqual([])
    expect(tried).toBe(count)
  })
})

describe('the fuzzing itself', () => {
  it('finds what is no message, and shows it with fewer bytes', async () => {
    const fragile: Target = {
      name: 'fragile',
      make: random => Buffer.from(`abc${random.once(3) ? 'X' : ''}def`),
      read: bytes => {
        if (bytes.includes('X')) throw new TypeError('no message')
      },
    }
    const { findings } = await fuzzTarget(fragile, { seed: 1, count: 20, say: () => undefined })
    expect(findings.length).toBeGreaterThan(1)
    expect(findings[0]).toEqual({ what: 'fragile: TypeError: no message', input: '"X"' })
  })

  it('finds what is taken and must not be', async () => {
    const lax: Target = {
      name: 'lax',
      make: () => Buffer.from('a'),
      read: () => {
        throw new Broken('it lies outside')
      },
    }
    expect((await fuzzTarget(lax, { seed: 1, count: 1, say: () => undefined })).findings).toHaveLength(1)
  })
})

describe('files of a shape that nobody wrote', () => {
  it('are refused where a run would go on from them', async () => {
    for (const text of [
      undefined,
      '',
      '[]',
      '{"step": 3, "steps": 2, "done": false}',
      '{"step": "1", "steps": 2, "done": false}',
    ])
      expect((await userError(() => readPosition('here', text))).where).toBe('here')
    for (const text of [
      undefined,
      '{}',
      '{"steps": [{"step": 1, "loss": null}], "epochs": []}',
      '{"steps": 3, "epochs": []}',
    ])
      expect((await userError(() => readHistory('here', text))).where).toBe('here')
    expect(readPosition('here', '{"step": 1, "steps": 2, "done": false}')).toEqual({
      step: 1,
      steps: 2,
      done: false,
    })
  })

  it('are refused where they describe an adapter', async () => {
    const folder = await temporaryDirectory()
    const good = {
      program: 'p',
      recipe: 'r',
      program_hash: 'h',
      base_model: 'm',
      sizes: { T: 2 },
      settings: {},
      tensors: { a: [2] },
      seed: 0,
    }
    const read = async (more: object): Promise<string | undefined> => {
      await writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...good, ...more }))
      return (await userError(readAdapterConfig(folder))).why
    }
    expect(await read({ tensors: { a: null } })).toContain('"tensors"')
    expect(await read({ tensors: { a: [1e300] } })).toContain('"tensors"')
    expect(await read({ sizes: { T: true } })).toContain('"sizes"')
    expect(await read({ settings: { a: [] } })).toContain('"settings"')
    expect(await read({ weights: 'f64' })).toContain('"weights"')
  })

  it('are refused at once where a token would be the two billionth', async () => {
    const folder = await temporaryDirectory()
    const model = new URL('../../examples/quickstart/model/tokenizer.json', import.meta.url)
    const tokenizer = JSON.parse(await readFile(model, 'utf8')) as {
      added_tokens: { id: number }[]
      model: object
    }
    await mkdir(join(folder, 'm'))
    const read = async (changed: object): Promise<string | undefined> => {
      await writeFile(join(folder, 'm', 'tokenizer.json'), JSON.stringify(changed))
      return (await userError(openTokenizer(join(folder, 'm')))).why
    }
    const added = tokenizer.added_tokens.map(t => ({ ...t, id: 2147483647 }))
    expect(await read({ ...tokenizer, added_tokens: added })).toContain('is 2147483647, and a whole number')
    expect(await read({ ...tokenizer, model: { ...tokenizer.model, vocab: { a: 2147483647 } } })).toContain(
      '2147483647',
    )
    expect(await read({ ...tokenizer, pre_tokenizer: { type: 'Split', pattern: 2 } })).toContain(
      'the pattern of',
    )
  })
})
