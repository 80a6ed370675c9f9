// Measures again what docs/performance.md tells: runs the command of each `<!-- $ jola bench … -->` and puts what it prints between that line and
// the next `<!-- end -->`. Arguments choose the sections whose commands contain one of them. The build must be there.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = `${root}/docs/performance.md`
const wanted = process.argv.slice(2)

const measured = command => {
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(m => m[1] ?? m[2])
  const { status, stdout } = spawnSync(process.execPath, ['dist/src/cli/main.js', ...words, '--markdown'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`jola ${command} ends with ${status}`)
  return stdout.trim()
}

const section = /<!-- \$ jola (.+?) -->\n[\s\S]*?<!-- end -->/g
for (const [old, command] of readFileSync(page, 'utf8').matchAll(section)) {
  if (wanted.length > 0 && !wanted.some(w => command.includes(w))) continue
  console.error(`jola ${command}`)
  const fresh = `<!-- $ jola ${command} -->\n${measured(command)}\n<!-- end -->`
  // Written section by section: what has been measured is kept if a later one fails.
  writeFileSync(
    page,
    readFileSync(page, 'utf8').replace(old, () => fresh),
  )
}
