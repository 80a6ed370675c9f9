import { type Fix, replaceBy } from '../diagnostics/fix.js'
import type { ModuleScope } from './module-scopes.js'
import { stdNames } from './std-modules.js'

/** How to import a name of the standard library that a module uses without importing it. */
export interface MissingImport {
  readonly hint: string
  readonly fix: Fix
}

/** The start of the comments that stand directly above an offset. */
const aboveComments = (text: string, offset: number): number => {
  let start = text.lastIndexOf('\n', offset - 1) + 1
  for (;;) {
    const before = text.lastIndexOf('\n', start - 2) + 1
    if (start === 0 || !text.slice(before, start).startsWith('///')) return start
    start = before
  }
}

/** The import that brings a name of the standard library; undefined for a name that it does not have. */
export const missingImport = ({ module }: ModuleScope, name: string): MissingImport | undefined => {
  const from = stdNames.get(name)
  if (from === undefined || from === module.name) return undefined
  const { imports, items, span } = module.ast
  const { source } = span
  const listed = imports.find(i => i.segments.map(s => s.text).join('.') === from && i.names !== undefined)
  const last = listed?.names?.at(-1)
  const line = `import ${from} (${name})`
  if (last !== undefined) {
    const at = { source, start: last.span.end, end: last.span.end }
    const title = `import \`${name}\` from ${from}`
    return {
      hint: `add \`${name}\` to the import of \`${from}\``,
      fix: replaceBy(at, `, ${name}`, { title }),
    }
  }
  const first = imports[0]
  const start = first?.span.start ?? aboveComments(source.text, items[0]?.span.start ?? 0)
  const title = `add \`${line}\``
  return { hint: title, fix: replaceBy({ source, start, end: start }, `${line}\n`, { title }) }
}
