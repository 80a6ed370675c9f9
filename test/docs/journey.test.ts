import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { stageNames } from '../../src/cli/explain-stages.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { failuresOf } from './examples.js'
import { listingsIn, printedBy, withListings } from './listings.js'

const root = new URL('../../', import.meta.url)
const page = readFileSync(new URL('docs/journey.md', root), 'utf8')
const listings = listingsIn(page)

describe('docs/journey.md', () => {
  it.each(listings.map(l => [l.command, l] as const))('%s', async (_, { args, text }) => {
    expect(await printedBy(args), 'the page is old: write it anew by `npm run journey`').toBe(text)
  })

  it('links to files that exist', () => {
    const links = [...page.matchAll(/\]\(\.\.\/([^)#]+)\)/g)].map(found => found[1]!)
    expect(links.length).toBeGreaterThan(20)
    expect(links.filter(link => !existsSync(new URL(link, root)))).toEqual([])
  })

  it('shows every stage of both programs, compiled for any device', () => {
    for (const program of ['softmax.jola', 'edit.jola']) {
      const shown = listings.filter(l => l.command.includes(program))
      expect(shown.map(l => l.args[l.args.indexOf('--stage') + 1])).toEqual([...stageNames])
      for (const l of shown) expect(l.command).toContain('--device any')
    }
  })
})

it('the glossary of docs/ARCHITECTURE.md names files that exist, its terms in order', () => {
  const text = readFileSync(new URL('docs/ARCHITECTURE.md', root), 'utf8').split('## Glossary')[1]!
  const rows = [...text.matchAll(/^\| ([a-z ]+) \| .* \| `(.+)` \|$/gm)]
  expect(rows.length).toBeGreaterThan(30)
  expect(rows.map(r => r[1])).toEqual(rows.map(r => r[1]).sort())
  expect(rows.flatMap(r => (existsSync(new URL(r[2]!, root)) ? [] : [r[2]]))).toEqual([])
})

it.each(['softmax', 'edit'])('the tests of examples/journey/%s.jola pass', async name => {
  const { program } = loadProgram([`examples/journey/${name}.jola`])
  expect(program.tests.length).toBe(2)
  expect(await failuresOf(program)).toEqual([])
})

describe('listings of a page', () => {
  const sample = [
    'text',
    '```sh',
    'jola explain a.jola --fn f',
    '```',
    '',
    '```text',
    'old',
    '```',
    'end',
  ].join('\n')

  it('are found below their command, and replaced', () => {
    expect(listingsIn(sample).map(l => [l.args.join(' '), l.text])).toEqual([
      ['explain a.jola --fn f', 'old'],
    ])
    expect(withListings(sample, ['new\nlines'])).toBe(sample.replace('old', 'new\nlines'))
  })

  it('may not be missing', () => {
    const words = sample.replace('```text', 'prose\n```text')
    expect(() => listingsIn(words)).toThrow('no listing follows `jola explain a.jola --fn f`')
  })
})
