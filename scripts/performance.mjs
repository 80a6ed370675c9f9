// Measures again what docs/performance.md tells: runs the command of each `<!-- $ jola bench … -->` and puts
// what it prints between that line and
// the next `<!-- end -->`. Arguments choose the sections whose commands contain one of them. The build must
// be there. A section stays as it is if
// its command fails, or a kernel or a peer that belongs in it was not timed; with --incomplete what was timed
// replaces it.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = join(root, 'docs', 'performance.md')
const cli = join(root, 'dist', 'src', 'cli', 'main.js')
const parts = process.argv.slice(2).filter(a => a !== '--incomplete')
const incomplete = process.argv.includes('--incomplete')
const folder = mkdtempSync(join(tmpdir(), 'jola-performance-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('SIGINT', () => process.exit(130)) // after the command, which gets it too

const fail = (...lines) => {
  console.error(lines.join('\n  '))
  process.exit(1)
}

/** What a report should hold and does not. */
const gaps = ({ kernels = [], peers = { comparisons: [], missing: [] }, data }) => [
  ...kernels.filter(k => k.wrong).map(k => `${k.name} computes something else`),
  ...peers.missing.map(({ name, why, install }) => `${name} is not here (${why}): ${install}`),
  ...(data?.missing ?? []).map(({ name, why }) => `${name} was not measured: ${why}`),
  ...(data?.wrong ?? []).map(work => `it computes something else: ${work}`),
  ...peers.comparisons.flatMap(work =>
    work.peers.filter(p => p.refused).map(p => `${p.name} was not timed at ${work.name}: ${p.refused}`),
  ),
]

/** What a command prints, and why it is not to be published. */
const measured = command => {
  const json = join(folder, 'bench.json')
  rmSync(json, { force: true })
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(m => m[1] ?? m[2])
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    [cli, ...words, '--markdown', '--json', json],
    { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  )
  if (signal === 'SIGINT') process.exit(130)
  const missed = existsSync(json) ? gaps(JSON.parse(readFileSync(json, 'utf8'))) : []
  if (status !== 0 && missed.length === 0) return { why: [`it ended with ${status ?? signal}`] }
  return { text: stdout.trim(), why: missed }
}

if (!existsSync(cli)) fail('there is no build', `where: ${cli}`, 'hint:  run `npm run build` first')
const section = /<!-- \$ jola (.+?) -->\n[\s\S]*?<!-- end -->/g
const all = [...readFileSync(page, 'utf8').matchAll(section)]
const unknown = parts.filter(part => !all.some(([, command]) => command.includes(part)))
if (unknown.length > 0)
  fail(
    `no section's command contains \`${unknown.join('`, `')}\``,
    ...all.map(([, command]) => `there is: ${command}`),
  )
for (const [old, command] of all) {
  if (parts.length > 0 && !parts.some(part => command.includes(part))) continue
  console.error(`jola ${command}`)
  const { text, why } = measured(command)
  if (why.length > 0) {
    const kept = text === undefined || !incomplete
    console.error([`  ${kept ? 'this section stays as it was' : 'incomplete'}:`, ...why].join('\n    '))
    if (kept) process.exitCode = 1
    if (kept && text !== undefined) console.error('  to replace it all the same: --incomplete')
    if (kept) continue
  }
  // Written section by section: what has been measured is kept if a later one fails.
  const fresh = `<!-- $ jola ${command} -->\n${text}\n<!-- end -->`
  writeFileSync(
    page,
    readFileSync(page, 'utf8').replace(old, () => fresh),
  )
}
