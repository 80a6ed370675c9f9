import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { nodeRooms, portableRooms, srcFloors } from './floors.js'
import { importsOf, modulesUnder, type SourceFile } from './sources.js'

/** The room of a file of src/: its folder, or the file itself. Undefined for files elsewhere. */
const roomOf = (path: string): string | undefined => /^src\/([^/]+)/.exec(path)?.[1]

const isNodes = (name: string): boolean => name.startsWith('node:') || /^runtime\/node[.-]/.test(name)

/** Imports of a higher room, or of another room on the same floor: `file → imported`. */
const climbing = (files: readonly SourceFile[]): readonly string[] => {
  const floorOf = new Map(srcFloors.flatMap((rooms, floor) => rooms.map(room => [room, floor] as const)))
  return files.flatMap(file => {
    const room = roomOf(file.path)!
    return importsOf(file).flatMap(imported => {
      const other = roomOf(imported)
      if (other === undefined || other === room) return []
      return floorOf.get(other)! < floorOf.get(room)! ? [] : [`${file.path} → ${imported}`]
    })
  })
}

/** The ways from some files to what only Node has, through all that they import: `file → … → node:fs`. */
const waysToNode = (starts: readonly SourceFile[], files: readonly SourceFile[]): readonly string[] => {
  const imports = new Map([...files, ...starts].map(file => [file.path, importsOf(file)]))
  const seen = new Set<string>()
  const walk = (path: string, way: readonly string[]): readonly string[] => {
    if (isNodes(path)) return [[...way, path].join(' → ')]
    if (seen.has(path)) return []
    seen.add(path)
    return (imports.get(path) ?? []).flatMap(next => walk(next, [...way, path]))
  }
  return starts.flatMap(file => walk(file.path, []))
}

const nodeGlobals = new Set(['process', 'Buffer', 'setImmediate', '__dirname', '__filename', 'require'])

/** The names of Node's globals that a file uses. */
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

const src = modulesUnder('src')
const portable = src.filter(file => portableRooms.has(roomOf(file.path)!))

describe('the rooms of src/', () => {
  it('are all on the list, each once', () => {
    const listed = srcFloors.flat()
    expect([...new Set(src.map(file => roomOf(file.path)!))].sort()).toEqual([...listed].sort())
    expect([...nodeRooms].filter(room => !listed.includes(room))).toEqual([])
  })

  it('import lower rooms only', () => {
    expect(climbing(src)).toEqual([])
  })

  it('refuse an import of a higher room', () => {
    const planted = { path: 'src/data/x.ts', text: "import type { Model } from '../model/model.js'" }
    expect(climbing([planted])).toEqual(['src/data/x.ts → src/model/model.ts'])
  })
})

describe('the portable rooms of src/', () => {
  const all = [...src, ...modulesUnder('compiler', 'runtime')]

  it('need no Node, whatever they import', () => {
    expect(portable.length).toBeGreaterThan(50)
    expect(waysToNode(portable, all)).toEqual([])
    expect(portable.flatMap(nodeGlobalsIn)).toEqual([])
  })

  it('refuse Node by way of another file', () => {
    const planted = { path: 'src/train/x.ts', text: "import { a } from './y.js'" }
    const between = { path: 'src/train/y.ts', text: "export const a = () => import('node:fs')" }
    expect(waysToNode([planted], [...all, between])).toEqual(['src/train/x.ts → src/train/y.ts → node:fs'])
    expect(nodeGlobalsIn({ path: 'x', text: 'a.process(Buffer.from(b))' })).toEqual(['x: Buffer'])
  })
})
