import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { replaceBy } from '../diagnostics/fix.js'
import type { Source, Span } from '../diagnostics/source.js'
import type { ImportDecl, Module, Name } from '../syntax/ast.js'
import { parse } from '../syntax/parse.js'
import { isBuiltin } from '../types/builtin-table.js'
import { type LocalName, type NameUses, nameUses } from './name-uses.js'

/**
 * What is probably not meant in a file without errors: names that nothing reads, and local names that hide a
 * built-in function. A name that begins with `_` is silent. A file that does not parse has no warnings.
 */
export const warningsIn = (source: Source): readonly Diagnostic[] => {
  const parsed = parse(source)
  if (parsed._tag === 'Left') return []
  const module = parsed.right
  const uses = nameUses(module)
  return [
    ...uses.locals.filter(isUnused).map(unusedLocal),
    ...unusedSizes(module, uses),
    ...unusedImports(module, uses),
    ...uses.locals.filter(hidesBuiltin).map(({ name }) => hidingName(name)),
  ]
}

const isSilent = (name: Name): boolean => name.text.startsWith('_')

/**
 * An index says how long an axis is, a lambda takes what its caller gives, and a parameter with axes may be
 * there for its sizes: none of them must be read.
 */
const isUnused = ({ name, kind, used }: LocalName): boolean =>
  !used && !isSilent(name) && (kind === 'let' || kind === 'number parameter')

const unusedLocal = ({ name, kind }: LocalName): Diagnostic => ({
  code: 'W0401',
  title: `nothing reads ${kind === 'let' ? '' : 'the parameter '}\`${name.text}\``,
  labels: [{ span: name.span, text: 'named here' }],
  hint: `remove it, or name it \`_${name.text}\` if it must be there`,
  ...(kind === 'let' && {
    fixes: [replaceBy(name.span, `_${name.text}`, { title: `rename it \`_${name.text}\``, sure: false })],
  }),
})

const unusedSizes = (module: Module, uses: NameUses): readonly Diagnostic[] =>
  module.items.flatMap(item => {
    if (item.kind !== 'size' && item.kind !== 'type') return []
    const names = item.kind === 'size' ? item.names : [item.name]
    return names
      .filter(name => !uses.read.has(name.text) && !isSilent(name))
      .map((name): Diagnostic => {
        const what = item.kind === 'size' ? 'size' : 'type parameter'
        const whole = names.length === 1
        return {
          code: 'W0402',
          title: `nothing has the ${what} \`${name.text}\``,
          labels: [{ span: name.span, text: 'declared here' }],
          hint: `remove it, or use it in a type`,
          ...(whole && {
            fixes: [
              replaceBy(lineOf(item.span), '', { title: `remove the ${what} \`${name.text}\``, sure: false }),
            ],
          }),
        }
      })
  })

const unusedImports = (module: Module, uses: NameUses): readonly Diagnostic[] =>
  module.imports.flatMap(item => {
    const qualifier = item.alias ?? (item.names === undefined ? item.segments.at(-1) : undefined)
    const names = [...(item.names ?? []), ...(qualifier === undefined ? [] : [qualifier])]
    const unused = names.filter(name => !uses.read.has(name.text))
    return unused.map(
      (name): Diagnostic => ({
        code: 'W0403',
        title: `nothing uses the import \`${name.text}\``,
        labels: [{ span: name.span, text: 'imported here' }],
        hint: 'remove it',
        fixes: [
          {
            title: `remove the import \`${name.text}\``,
            sure: true,
            edits: [{ span: removable(item, name, names.length, unused.length), text: '' }],
          },
        ],
      }),
    )
  })

/** The text to remove with an imported name: the whole line, or the name with one comma. */
const removable = (item: ImportDecl, name: Name, all: number, unused: number): Span => {
  if (all === unused) return lineOf(item.span)
  const { source, start, end } = name.span
  const after = /^\s*,\s*/.exec(source.text.slice(end))
  if (after !== null) return { source, start, end: end + after[0].length }
  const before = /\s*,\s*$/.exec(source.text.slice(0, start))
  return { source, start: start - (before?.[0].length ?? 0), end }
}

/** What everyone calls a key and a sum. */
const usualNames: ReadonlySet<string> = new Set(['key', 'total'])

const hidesBuiltin = ({ name }: LocalName): boolean => isBuiltin(name.text) && !usualNames.has(name.text)

const hidingName = (name: Name): Diagnostic => ({
  code: 'W0404',
  title: `\`${name.text}\` hides the built-in \`${name.text}\``,
  labels: [{ span: name.span, text: 'below, the name means this' }],
  hint: 'choose another name',
})

/** A declaration with its line break, so that no empty line is left. */
const lineOf = (span: Span): Span => {
  const { text } = span.source
  const rest = /^[^\S\n]*\n?/.exec(text.slice(span.end))
  return { ...span, end: span.end + (rest?.[0].length ?? 0) }
}
