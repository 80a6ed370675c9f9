import type { FnItem, Module, Name, Path } from './ast.js'

/** The function of a module with this name, as it was parsed. */
export const functionTree = (module: Module, name: string): FnItem | undefined =>
  module.items.find((item): item is FnItem => item.kind === 'fn' && item.name.text === name)

const isObject = (x: unknown): x is object => typeof x === 'object' && x !== null
const isName = (x: object): x is Name => 'text' in x && 'span' in x && !('kind' in x)
const isPath = (x: object): x is Path =>
  'name' in x && isObject(x.name) && 'span' in x && Object.keys(x).length <= 3

/** A value that stands on its parent's line: a number, a word, a name or a path. */
const wordOf = (x: unknown): string | undefined => {
  if (!isObject(x)) return typeof x === 'string' ? x : JSON.stringify(x)
  if (Array.isArray(x))
    return x.length > 0 && x.every(i => isObject(i) && isName(i)) ? x.map(wordOf).join(', ') : undefined
  if (isName(x)) return x.text
  if ('kind' in x || !isPath(x)) return undefined
  return x.module === undefined ? x.name.text : `${x.module.text}.${x.name.text}`
}

/** The lines of a node: its kind and its words, then its children, each under the name of its field. */
const linesOf = (label: string, node: object): readonly string[] => {
  const fields = Object.entries(node).filter(
    ([key, x]) => key !== 'span' && key !== 'kind' && x !== undefined,
  )
  const words = fields.flatMap(([key, x]) => {
    const word = wordOf(x)
    return word === undefined ? [] : [`${key}=${word}`]
  })
  const children = fields.flatMap(([key, x]) => {
    if (!isObject(x) || wordOf(x) !== undefined) return []
    return Array.isArray(x)
      ? x.flatMap((y: unknown) => (isObject(y) ? linesOf(key, y) : []))
      : linesOf(key, x)
  })
  const kind = 'kind' in node ? [String(node.kind)] : []
  return [[label === '' ? [] : [`${label}:`], kind, words].flat().join(' '), ...children.map(l => `  ${l}`)]
}

/** A syntax tree, one node a line, indented by depth. The places in the source are left out. */
export const printTree = (node: object): string => linesOf('', node).join('\n')

/** A syntax tree as plain data, without the places in the source. */
export const treeAsData = (node: object): unknown =>
  JSON.parse(JSON.stringify(node, (key, value: unknown) => (key === 'span' ? undefined : value)))
