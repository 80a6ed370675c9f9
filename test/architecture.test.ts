import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compilerFloors, pictureOf, violationsOf } from './house/floors.js'
import { circlesOf } from './house/graph.js'
import {
  exportedNames,
  filesUnder,
  importsOf,
  modulesUnder,
  root,
  type SourceFile,
  wideFunctions,
} from './house/sources.js'

const compiler = modulesUnder('compiler')
const runtime = modulesUnder('runtime')
const source = modulesUnder('src')
const product = [...compiler, ...runtime, ...source]
const importsIn = new Map(product.map(file => [file.path, importsOf(file)]))

const within = (...folders: readonly string[]) => {
  const prefixes = folders.map(folder => `${folder}/`)
  return (name: string): boolean => prefixes.some(prefix => name.startsWith(prefix))
}

/** `file → import` for each import of some files that the rule forbids. */
const offences = (
  files: readonly SourceFile[],
  forbidden: (imported: string, file: string) => boolean,
): readonly string[] =>
  files.flatMap(({ path }) =>
    importsIn.get(path)!.flatMap(name => (forbidden(name, path) ? [`${path} → ${name}`] : [])),
  )

describe('the import rules', () => {
  it('see the imports there are', () => {
    expect(importsIn.get('runtime/node.ts')).toEqual(
      expect.arrayContaining(['node:os', 'webgpu', 'runtime/device.ts', 'runtime/index.ts']),
    )
    const text = `import type { A } from './a.js'
      export { b } from '../b.js'
      type C = import('./c.js').C
      const d = await import('./d.js')`
    expect(importsOf({ path: 'x/y/z.ts', text })).toEqual(['x/y/a.ts', 'x/b.ts', 'x/y/c.ts', 'x/y/d.ts'])
  })

  it('compiler/ is pure: no runtime, no shell, no Node, no GPU', () => {
    const outside = within('runtime', 'src', 'test', 'examples', 'scripts')
    expect(
      offences(compiler, name => outside(name) || name.startsWith('node:') || name === 'webgpu'),
    ).toEqual([])
    expect(compiler.filter(({ text }) => /\bGPU[A-Z]\w+/.test(text)).map(f => f.path)).toEqual([])
  })

  it('compiler/artifact.ts is ground: it imports nothing', () => {
    expect(importsIn.get('compiler/artifact.ts')).toEqual([])
  })

  it('runtime/ knows the artifact, not the compiler', () => {
    const outside = within('src', 'test', 'examples', 'scripts', 'compiler')
    const ground = new Set(['compiler/artifact.ts'])
    expect(offences(runtime, name => outside(name) && !ground.has(name))).toEqual([])
    const values = runtime.filter(({ text }) => /^import (?!type )[^'"]*'\.\.\/compiler\//m.test(text))
    expect(
      values.map(f => f.path),
      'only types may come from the compiler',
    ).toEqual([])
  })

  it('runtime/ touches Node in node.ts and node-… alone, which nothing else imports', () => {
    const ours = within('runtime', 'compiler')
    const ofNode = (file: string): boolean => /^runtime\/node(-[a-z-]+)?\.ts$/.test(file)
    expect(offences(runtime, (name, file) => !ofNode(file) && (!ours(name) || ofNode(name)))).toEqual([])
  })

  it('src/ is built without tests, examples and scripts', () => {
    expect(offences(source, within('test', 'examples', 'scripts'))).toEqual([])
  })

  it('stdlib/ is written in the language, and declares methods and tasks', () => {
    expect(
      filesUnder('stdlib')
        .map(f => f.path)
        .filter(path => !/\.jola$|^stdlib\/(methods|tasks\/[a-z0-9-]+)\.json$/.test(path)),
    ).toEqual([])
  })
})

describe('the floors of the compiler', () => {
  const imports = new Map(compiler.map(({ path }) => [path, importsIn.get(path)!]))
  const planted = (file: string, imported: string) =>
    violationsOf(compilerFloors, new Map([...imports, [file, [imported]]]))

  it('hold: a room imports lower floors only, types included', () => {
    expect(violationsOf(compilerFloors, imports)).toEqual([])
  })

  it('refuse an import that goes up, one that goes across, and a room without a floor', () => {
    const up = ['compiler/ir/ir.ts', 'compiler/fuse/fuse.ts'] as const
    const across = ['compiler/simplify/simplify.ts', 'compiler/differentiate/differentiate.ts'] as const
    expect(planted(...up)).toEqual([{ file: up[0], imported: up[1] }])
    expect(planted(...across)).toEqual([{ file: across[0], imported: across[1] }])
    const stranger = planted('compiler/attic/box.ts', 'compiler/ir/ir.ts')
    expect(stranger).toEqual([{ file: 'compiler/attic/box.ts', imported: 'compiler/ir/ir.ts' }])
    const ground = planted('compiler/artifact.ts', 'compiler/core/type.ts')
    expect(ground).toEqual([{ file: 'compiler/artifact.ts', imported: 'compiler/core/type.ts' }])
  })

  it('are drawn in docs/ARCHITECTURE.md as they are: `npm run house -- --draw`', () => {
    const page = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')
    expect(page).toContain(pictureOf(compilerFloors).join('\n'))
  })
})

describe('circles of imports', () => {
  it('do not exist, in the whole product, types included', () => {
    expect(circlesOf(importsIn)).toEqual([])
  })

  it('are found, whether of two files or of more', () => {
    const graph = new Map([
      ['a', ['b', 'node:fs']],
      ['b', ['c']],
      ['c', ['a', 'd']],
      ['d', ['e']],
      ['e', ['d']],
      ['f', ['a']],
    ])
    expect(circlesOf(graph).map(c => [...c].sort())).toEqual([
      ['d', 'e'],
      ['a', 'b', 'c'],
    ])
  })
})

describe('names', () => {
  const repeated = (files: readonly SourceFile[]): readonly string[] => {
    const homes = new Map<string, string[]>()
    for (const file of files)
      for (const name of exportedNames(file)) homes.set(name, [...(homes.get(name) ?? []), file.path])
    return [...homes].flatMap(([name, paths]) => (paths.length > 1 ? [`${name}: ${paths.join(', ')}`] : []))
  }

  it('stand in one file each', () => {
    for (const part of [compiler, runtime, source]) expect(repeated(part)).toEqual([])
  })

  it('are seen however they are exported', () => {
    const text = `export const a = 1, b = 2
      export function c() {}
      export interface D {}
      export type E = D
      export class F {}
      export { g } from './g.js'
      const h = 3`
    expect(exportedNames({ path: 'x.ts', text })).toEqual(['a', 'b', 'c', 'D', 'E', 'F'])
    expect(
      repeated([
        { path: 'x.ts', text },
        { path: 'y.ts', text: 'export const a = 2' },
      ]),
    ).toEqual(['a: x.ts, y.ts'])
  })
})

describe('functions', () => {
  it('take four parameters at most, or a named record', () => {
    const wide = product.flatMap(file => wideFunctions(file, 5))
    expect(wide.map(({ path, line, parameters }) => `${path}:${line} takes ${parameters}`)).toEqual([])
  })

  it('are counted, whether they are arrows, methods or types', () => {
    const text = `const f = (a, b, c, d, e) => 0
      class C { m(a, b, c, d, e) {} }
      type T = (a: 1, b: 1, c: 1, d: 1) => void`
    expect(wideFunctions({ path: 'x.ts', text }, 5).map(f => f.line)).toEqual([1, 2])
  })
})

describe('files', () => {
  const mostLines = 400
  const mostColumns = 110
  const folders = ['compiler', 'runtime', 'src', 'stdlib', 'examples', 'scripts', 'test']
  const files = filesUnder(...folders).filter(
    ({ path }) => /\.(ts|mts|mjs|jola)$/.test(path) && !path.includes('/fixtures/'),
  )

  it(`have ${mostLines} lines at most: a longer one is two ideas`, () => {
    const long = files
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > mostLines)
    expect(long).toEqual([])
  })

  it(`have ${mostColumns} columns at most`, () => {
    const long = files.flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, i) => (line.length > mostColumns ? [`${path}:${i + 1}`] : [])),
    )
    expect(long).toEqual([])
  })

  it('have names in kebab-case', () => {
    const names = files.map(f => f.path).filter(path => path.endsWith('.ts'))
    expect(names.filter(path => !/^([a-z0-9-]+\/)+[a-z0-9-]+(\.test|\.d)?\.ts$/.test(path))).toEqual([])
  })
})
