import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { nodeFloors, pictureOf, portableFloors, roomOf, srcFloors, violationsOf } from './floors.js'
import { importsOf, modulesUnder, root, type SourceFile } from './sources.js'

const src = modulesUnder('src')
const importsIn = new Map(
  [...src, ...modulesUnder('compiler', 'runtime')].map(file => [file.path, importsOf(file)]),
)
const portableRooms = new Set(portableFloors.flat().map(room => room.name))
const portable = src.filter(file => portableRooms.has(roomOf(file.path)))

const isNodes = (name: string): boolean => name.startsWith('node:') || /^runtime\/node[.-]/.test(name)

/** The ways from some files to what only Node has, by all that they import: `file → … → node:fs`. */
const waysToNode = (
  starts: readonly string[],
  imports: ReadonlyMap<string, readonly string[]>,
): readonly string[] => {
  const seen = new Set<string>()
  const walk = (path: string, way: readonly string[]): readonly string[] => {
    if (isNodes(path)) return [[...way, path].join(' → ')]
    if (seen.has(path)) return []
    seen.add(path)
    return (imports.get(path) ?? []).flatMap(next => walk(next, [...way, path]))
  }
  return starts.flatMap(path => walk(path, []))
}

const nodeGlobals = new Set(['process', 'Buffer', 'setImmediate', '__dirname', '__filename', 'require'])

/** Uses of Node's globals in a file. */
const nodeGlobalsIn = ({ path, text }: SourceFile): readonly string[] => {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const { parent } = node
    const isMember = parent && ts.isPropertyAccessExpression(parent) && parent.name === node
    if (ts.isIdentifier(node) && nodeGlobals.has(node.text) && !isMember) found.push(`${path}: ${node.text}`)
    node.forEachChild(visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return found
}

describe('the floors of src/', () => {
  const imports = new Map(src.map(({ path }) => [path, importsIn.get(path)!]))

  it('hold: a room imports lower floors only, types included', () => {
    expect(violationsOf(srcFloors, imports)).toEqual([])
  })

  it('are drawn in docs/ARCHITECTURE.md as they are: `npm run house -- --draw`', () => {
    const page = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')
    for (const floors of [nodeFloors, portableFloors]) expect(page).toContain(pictureOf(floors).join('\n'))
  })

  it('refuse an import that goes up', () => {
    const [file, imported] = ['src/data/batch.ts', 'src/model/model.ts']
    expect(violationsOf(srcFloors, new Map([...imports, [file, [imported]]]))).toEqual([{ file, imported }])
  })
})

describe('the portable rooms of src/', () => {
  it('need no Node, whatever they import', () => {
    expect(portable.length).toBeGreaterThan(50)
    expect(
      waysToNode(
        portable.map(file => file.path),
        importsIn,
      ),
    ).toEqual([])
    expect(portable.flatMap(nodeGlobalsIn)).toEqual([])
  })

  it('refuse Node, also by way of another file', () => {
    const planted = new Map([
      ['src/train/x.ts', ['src/train/y.ts']],
      ['src/train/y.ts', ['node:fs']],
    ])
    expect(waysToNode(['src/train/x.ts'], planted)).toEqual(['src/train/x.ts → src/train/y.ts → node:fs'])
    expect(nodeGlobalsIn({ path: 'x', text: 'a.process(Buffer.from(b))' })).toEqual(['x: Buffer'])
  })
})
