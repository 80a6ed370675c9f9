/**
 * `npm run house [FOLDER…]`: circles of imports, names that recur, wide functions and long lines.
 * `npm run house -- --draw`: draws the floors of compiler/ and src/ into docs/ARCHITECTURE.md.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compilerFloors, nodeFloors, pictureOf, portableFloors } from '../test/house/floors.js'
import { circlesOf } from '../test/house/graph.js'
import {
  exportedNames,
  filesUnder,
  importsOf,
  modulesUnder,
  root,
  wideFunctions,
} from '../test/house/sources.js'

const longest = 110

/** Replaces the text between the marks of a page. */
const draw = (page: string, mark: string, lines: readonly string[]): void => {
  const path = join(root, page)
  const [begin, end] = [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`]
  const text = readFileSync(path, 'utf8')
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${page} has no marks for ${mark}`)
  writeFileSync(path, [before, begin, '\n```\n', lines.join('\n'), '\n```\n', end, after].join(''))
}

if (process.argv.includes('--draw')) {
  draw('docs/ARCHITECTURE.md', 'compiler floors', pictureOf(compilerFloors))
  draw('docs/ARCHITECTURE.md', 'src floors, Node', pictureOf(nodeFloors))
  draw('docs/ARCHITECTURE.md', 'src floors, portable', pictureOf(portableFloors))
  process.exit(0)
}

const only = process.argv.slice(2)
const mine = (path: string): boolean => only.length === 0 || only.some(folder => path.startsWith(folder))

const modules = modulesUnder('compiler', 'runtime', 'src')
const circles = circlesOf(new Map(modules.map(file => [file.path, importsOf(file)])))
for (const circle of circles.filter(c => c.some(mine))) console.log(`circle: ${circle.join(' → ')}`)

for (const folder of ['compiler', 'runtime', 'src']) {
  const homes = new Map<string, string[]>()
  for (const file of modules.filter(f => f.path.startsWith(`${folder}/`)))
    for (const name of exportedNames(file)) homes.set(name, [...(homes.get(name) ?? []), file.path])
  const twice = [...homes].filter(([, files]) => files.length > 1)
  for (const [name, files] of twice) if (files.some(mine)) console.log(`name: ${name} in ${files.join(', ')}`)
  console.log(`${folder}: ${twice.length} exported names stand in two or more files`)
}

const wide = modules.flatMap(file => wideFunctions(file, 5)).filter(f => mine(f.path))
for (const { path, line, parameters } of wide) console.log(`parameters: ${path}:${line} takes ${parameters}`)

const long = filesUnder('compiler', 'runtime', 'src', 'stdlib', 'examples', 'scripts', 'test')
  .filter(
    file => /\.(ts|mts|mjs|jola)$/.test(file.path) && !file.path.includes('/fixtures/') && mine(file.path),
  )
  .map(({ path, text }) => ({ path, count: text.split('\n').filter(l => l.length > longest).length }))
  .filter(({ count }) => count > 0)
for (const { path, count } of long) console.log(`long lines: ${path} has ${count}`)

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
console.log(
  `${sum(circles.map(c => c.length))} files in ${circles.length} circles, ` +
    `${wide.length} functions of 5 and more parameters, ` +
    `${sum(long.map(l => l.count))} lines over ${longest} columns`,
)
