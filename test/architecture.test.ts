import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../', import.meta.url))

const filesUnder = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter(file => !file.includes('node_modules/'))

const textOf = (file: string): string => readFileSync(join(root, file), 'utf8')

// Static and dynamic imports, and re-exports; in this project's format each begins a line or stands in `import(…)`.
const importPattern =
  /^(?:import|export)\b[^'"]*?\bfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm

/** What a file imports: files of the project by their path from the root, packages as they are written. */
const importsOf = (file: string): readonly string[] =>
  [...textOf(file).matchAll(importPattern)]
    .map(match => match[1] ?? match[2] ?? match[3])
    .map(name =>
      name.startsWith('.') ? posix.join(posix.dirname(file), name).replace(/\.js$/, '.ts') : name,
    )

/** `file → import` for each import in the folder that the rule forbids. */
const offences = (
  folder: string,
  forbidden: (imported: string, file: string) => boolean,
): readonly string[] =>
  filesUnder(folder)
    .filter(file => file.endsWith('.ts'))
    .flatMap(file => importsOf(file).flatMap(name => (forbidden(name, file) ? [`${file} → ${name}`] : [])))

const within = (...folders: readonly string[]) => {
  const prefixes = folders.map(folder => `${folder}/`)
  return (name: string): boolean => prefixes.some(prefix => name.startsWith(prefix))
}

describe('the import rules', () => {
  it('sees the imports there are', () => {
    expect(importsOf('runtime/node.ts')).toEqual(
      expect.arrayContaining(['node:os', 'webgpu', 'runtime/device.ts', 'runtime/index.ts']),
    )
  })

  it('compiler/ is pure: no runtime, no shell, no Node, no GPU', () => {
    const outside = within('runtime', 'src', 'test', 'examples', 'scripts')
    expect(
      offences('compiler', name => outside(name) || name.startsWith('node:') || name === 'webgpu'),
    ).toEqual([])
    expect(filesUnder('compiler').filter(file => /\bGPU[A-Z]\w+/.test(textOf(file)))).toEqual([])
  })

  it('runtime/ knows the artifact, not the compiler', () => {
    const allowed = new Set(['compiler/artifact.ts', 'compiler/core/type.ts'])
    const outside = within('src', 'test', 'examples', 'scripts', 'compiler')
    expect(offences('runtime', name => outside(name) && !allowed.has(name))).toEqual([])
    const values = filesUnder('runtime').filter(file =>
      /^import (?!type )[^'"]*'\.\.\/compiler\//m.test(textOf(file)),
    )
    expect(values, 'only types may come from the compiler').toEqual([])
  })

  it('runtime/ touches Node in node.ts and node-… alone, which nothing else imports', () => {
    const ours = within('runtime', 'compiler')
    const ofNode = (file: string): boolean => /^runtime\/node(-[a-z-]+)?\.ts$/.test(file)
    expect(offences('runtime', (name, file) => !ofNode(file) && (!ours(name) || ofNode(name)))).toEqual([])
  })

  it('src/ is built without tests, examples and scripts', () => {
    const outside = within('test', 'examples', 'scripts')
    expect(offences('src', outside)).toEqual([])
  })

  it('stdlib/ is written in the language', () => {
    expect(filesUnder('stdlib').filter(file => !file.endsWith('.jola'))).toEqual([])
  })
})

describe('files', () => {
  const mostLines = 400
  const folders = ['compiler', 'runtime', 'src', 'stdlib', 'examples', 'scripts', 'test']

  it(`have ${mostLines} lines at most: a longer one is two ideas`, () => {
    const long = folders
      .flatMap(filesUnder)
      .filter(file => /\.(ts|mjs|jola)$/.test(file) && !file.includes('/fixtures/'))
      .map(file => ({ file, lines: textOf(file).trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > mostLines)
    expect(long).toEqual([])
  })

  it('have names in kebab-case', () => {
    const names = folders.flatMap(filesUnder).filter(file => file.endsWith('.ts'))
    expect(names.filter(file => !/^([a-z0-9-]+\/)+[a-z0-9-]+(\.test|\.d)?\.ts$/.test(file))).toEqual([])
  })
})
