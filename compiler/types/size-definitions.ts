import type { Size } from '../core/size.js'
import { sameSize, sizeName, sizeNamesIn, sizeText, substituteSizes } from '../core/size.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { ModuleScope } from '../names/module-scopes.js'
import { lookup } from '../names/module-scopes.js'
import { errorSize, isUnknownSizeName } from './basic-types.js'
import { isSizeName, refuseNegativeSize, resolveAnySize } from './size-expr.js'

/** A size name and what it stands for, with the place that says so. */
export interface SizeDefinition {
  readonly size: Size
  readonly span: Span
}

export type SizeDefinitions = ReadonlyMap<string, SizeDefinition>

/** The sizes without their places. */
export const definedSizes = (definitions: SizeDefinitions): ReadonlyMap<string, Size> =>
  new Map([...definitions].map(([n, d]) => [n, d.size]))

/**
 * Every defined name in every definition replaced by what it stands for; a circle is reported and left open.
 */
const expandAll = (definitions: SizeDefinitions, report: (d: Diagnostic) => void): SizeDefinitions => {
  const out = new Map<string, SizeDefinition>()
  const open: string[] = []
  const refused = (n: string): boolean => {
    const d = out.get(n)
    return d !== undefined && sameSize(d.size, errorSize)
  }
  const expand = (n: string): Size | undefined => {
    const done = out.get(n)
    if (done !== undefined) return done.size
    const definition = definitions.get(n)
    if (definition === undefined) return undefined
    if (open.includes(n)) {
      report({
        code: 'E0302',
        title: `the size \`${n}\` is defined by itself`,
        labels: [...new Set(open.slice(open.indexOf(n)))].map(o => ({
          span: definitions.get(o)!.span,
          text: `\`${o}\` is ${sizeText(definitions.get(o)!.size)}`,
        })),
      })
      return sizeName(n)
    }
    open.push(n)
    const whole = expanded(definition, substituteSizes(definition.size, expand), refused, report)
    open.pop()
    out.set(n, whole)
    return whole.size
  }
  for (const n of definitions.keys()) expand(n)
  return out
}

/** The definitions that a module's `size` items and the sizes that it imports by name bring. */
export const moduleDefinitions = (
  scope: ModuleScope,
  of: (module: string) => SizeDefinitions,
  report: (d: Diagnostic) => void,
): SizeDefinitions => {
  const raw = new Map<string, SizeDefinition>()
  for (const [text, decl] of scope.imported) {
    const definition = decl.kind === 'size' ? of(decl.module).get(text) : undefined
    if (definition !== undefined) raw.set(text, definition)
  }
  for (const [text, decl] of scope.own) {
    if (decl.kind !== 'size' || decl.item.definition === undefined) continue
    const names = (n: { readonly text: string; readonly span: Span }): Size | undefined => {
      const found = lookup(scope, n.text)
      if (found?.kind === 'size' || (found === undefined && scope.broken.has(n.text))) return sizeName(n.text)
      report({
        code: 'E0205',
        title: `there is no size \`${n.text}\``,
        labels: [{ span: n.span, text: 'not known here' }],
        hint: isSizeName(n.text)
          ? `declare it: \`size ${n.text}\``
          : 'size names begin with a capital letter',
      })
      return undefined
    }
    raw.set(text, { size: resolveAnySize(decl.item.definition, names, report), span: decl.item.span })
  }
  return expandAll(raw, report)
}

/**
 * A definition with others in place of their names, if it is a size; what is made of one in error is no
 * second error.
 */
const expanded = (
  raw: SizeDefinition,
  size: Size,
  refused: (name: string) => boolean,
  report: (d: Diagnostic) => void,
): SizeDefinition => ({
  size: sizeNamesIn(raw.size).some(refused) ? errorSize : refuseNegativeSize(size, raw.span, report),
  span: raw.span,
})

/** Joins definitions that are to hold in one signature; those that disagree are reported with both places. */
export const joinDefinitions = (
  all: readonly SizeDefinitions[],
  at: Span,
  report: (d: Diagnostic) => void,
): SizeDefinitions => {
  const joined = new Map<string, SizeDefinition>()
  const clashes = new Map<string, readonly [SizeDefinition, SizeDefinition]>()
  for (const definitions of all)
    for (const [n, d] of definitions) {
      const first = joined.get(n)
      if (first === undefined) joined.set(n, d)
      else if (!sameSize(first.size, d.size)) clashes.set(n, [first, d])
    }
  const expanded = expandAll(joined, report)
  for (const [n, [a, b]] of clashes) {
    const of = (d: SizeDefinition): Size => substituteSizes(d.size, m => expanded.get(m)?.size)
    if (sameSize(of(a), of(b)) || [a, b].some(d => sizeNamesIn(of(d)).some(isUnknownSizeName))) continue
    report({
      code: 'E0303',
      title: `\`${n}\` would have to be both ${sizeText(a.size)} and ${sizeText(b.size)}`,
      labels: [
        { span: at, text: `both definitions of \`${n}\` meet in this signature` },
        { span: a.span, text: `here it is ${sizeText(a.size)}` },
        { span: b.span, text: `here it is ${sizeText(b.size)}` },
      ],
      text:
        'Within one signature a name is one size. ' +
        'A record brings its size definitions into the signatures that mention it.',
      hint: `give one of the records its size explicitly: \`Record(${n} = …)\``,
    })
  }
  return expanded
}

/** The definitions among those given that say something about these names alone. */
export const definitionsAbout = (definitions: SizeDefinitions, sizes: ReadonlySet<string>): SizeDefinitions =>
  new Map(
    [...definitions].filter(
      ([, d]) => sizeNamesIn(d.size).every(n => sizes.has(n)) && sizeNamesIn(d.size).length > 0,
    ),
  )
