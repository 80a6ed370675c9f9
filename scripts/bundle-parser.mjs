/**
 * Puts the parser library into the build as the one file that it ships. Node takes a second of CPU time to
 * read its many modules, and every command would pay for that.
 */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = join(root, 'dist', 'compiler', 'syntax')
const library = fileURLToPath(import.meta.resolve('chevrotain'))
copyFileSync(join(dirname(library), '..', 'chevrotain.min.mjs'), join(folder, 'chevrotain.mjs'))

for (const name of readdirSync(folder).filter(n => n.endsWith('.js'))) {
  const text = readFileSync(join(folder, name), 'utf8')
  const bundled = text.replaceAll("from 'chevrotain'", "from './chevrotain.mjs'")
  if (bundled !== text) writeFileSync(join(folder, name), bundled)
}
