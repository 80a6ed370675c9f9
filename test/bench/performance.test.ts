import { spawnSync } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary.js'

const script = fileURLToPath(new URL('../../scripts/performance.mjs', import.meta.url))

/** A command line that writes the report named by its second word, and fails where that says so. */
const cli = `import { writeFileSync } from 'node:fs'
const [, what, ...rest] = process.argv.slice(2)
const peers = {
  whole: { comparisons: [{ name: 'product', peers: [{ name: 'good' }] }], missing: [] },
  missing: { comparisons: [], missing: [{ name: 'PyTorch', why: 'no python3', install: 'install it' }] },
  refused: {
    comparisons: [{ name: 'product', peers: [{ name: 'odd', refused: 'it differs' }] }],
    missing: [],
  },
}[what]
if (peers === undefined) process.exit(3)
writeFileSync(rest[rest.indexOf('--json') + 1], JSON.stringify({ peers }))
console.log('new ' + what)
process.exit(what === 'refused' ? 1 : 0)
`

const section = (what: string, text: string): string =>
  `<!-- $ jola bench ${what} -->\n${text} ${what}\n<!-- end -->\n`

const measureAgain = async (...args: readonly string[]) => {
  const root = await temporaryDirectory()
  for (const folder of ['docs', 'scripts', 'dist/src/cli'])
    await mkdir(join(root, folder), { recursive: true })
  await cp(script, join(root, 'scripts', 'performance.mjs'))
  await writeFile(join(root, 'package.json'), '{ "type": "module" }')
  await writeFile(join(root, 'dist', 'src', 'cli', 'main.js'), cli)
  const page = join(root, 'docs', 'performance.md')
  await writeFile(
    page,
    ['whole', 'missing', 'refused', 'broken'].map(what => section(what, 'old')).join('\n'),
  )
  const copy = join(root, 'scripts', 'performance.mjs')
  const { status, stderr } = spawnSync(process.execPath, [copy, ...args], { encoding: 'utf8' })
  const text = await readFile(page, 'utf8')
  const fresh = [...text.matchAll(/^new (\w+)/gm)].map(m => m[1])
  return { status, stderr, fresh, kept: [...text.matchAll(/^old (\w+)/gm)].map(m => m[1]) }
}

it(
  'the page keeps a section whose peers are missing or refused, or whose command fails, ' + 'and says why',
  async () => {
    const { status, stderr, fresh, kept } = await measureAgain()
    expect(status).toBe(1)
    expect(fresh).toEqual(['whole'])
    expect(kept).toEqual(['missing', 'refused', 'broken'])
    expect(stderr).toMatch(/PyTorch is not here \(no python3\): install it/)
    expect(stderr).toMatch(/odd was not timed at product: it differs/)
    expect(stderr).toMatch(/it ended with 3/)
    expect(stderr).not.toMatch(/^ +at /m)
  },
)

it('what was timed replaces it where that is asked for', async () => {
  expect((await measureAgain('missing', 'refused', '--incomplete')).fresh).toEqual(['missing', 'refused'])
  expect(await measureAgain('broken', '--incomplete')).toMatchObject({ status: 1, fresh: [] })
})

it('parts choose sections, and one that chooses none is refused', async () => {
  expect(await measureAgain('whole')).toMatchObject({ status: 0, fresh: ['whole'] })
  const { status, stderr } = await measureAgain('holes')
  expect(status).toBe(1)
  expect(stderr).toMatch(/no section's command contains `holes`\n {2}there is: bench whole/)
})
