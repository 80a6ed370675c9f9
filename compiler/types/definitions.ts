import type { Poly } from '../core/poly.js'
import { equals, name, namesOf, show, substitute } from '../core/poly.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { ModuleScope } from '../names/scope.js'
import { lookup } from '../names/scope.js'
import { boundedSize, isSizeName, polyOf } from './size-expr.js'
import { errorSize } from './solver.js'

/** A size name and what it stands for, with the place that says so. */
export interface Definition {
  readonly poly: Poly
  readonly span: Span
}

export type Definitions = ReadonlyMap<string, Definition>

/** The names alone, for substitution and for messages. */
export const polysOf = (definitions: Definitions): ReadonlyMap<string, Poly> =>
  new Map([...definitions].map(([n, d]) => [n, d.poly]))

/** Every defined name in every definition replaced by what it stands for; a circle is reported and left open. */
const expandAll = (definitions: Definitions, report: (d: Diagnostic) => void): Definitions => {
  const out = new Map<string, Definition>()
  const open: string[] = []
  const refused = (n: string): boolean => {
    const d = out.get(n)
    return d !== undefined && equals(d.poly, errorSize)
  }
  const expand = (n: string): Poly | undefined => {
    const done = out.get(n)
    if (done !== undefined) return done.poly
    const definition = definitions.get(n)
    if (definition === undefined) return undefined
    if (open.includes(n)) {
      report({
        code: 'E0302',
        title: `the size \`${n}\` is defined by itself`,
        labels: [...new Set(open.slice(open.indexOf(n)))].map(o => ({
          span: definitions.get(o)!.span,
          text: `\`${o}\` is ${show(definitions.get(o)!.poly)}`,
        })),
      })
      return name(n)
    }
    open.push(n)
    const whole = expanded(definition, substitute(definition.poly, expand), refused, report)
    open.pop()
    out.set(n, whole)
    return whole.poly
  }
  for (const n of definitions.keys()) expand(n)
  return out
}

/** The definitions that a module's `size` items and the sizes that it imports by name bring. */
export const moduleDefinitions = (
  scope: ModuleScope,
  of: (module: string) => Definitions,
  report: (d: Diagnostic) => void,
): Definitions => {
  const raw = new Map<string, Definition>()
  for (const [text, decl] of scope.imported) {
    const definition = decl.kind === 'size' ? of(decl.module).get(text) : undefined
    if (definition !== undefined) raw.set(text, definition)
  }
  for (const [text, decl] of scope.own) {
    if (decl.kind !== 'size' || decl.item.definition === undefined) continue
    const names = (n: { readonly text: string; readonly span: Span }): Poly | undefined => {
      const found = lookup(scope, n.text)
      if (found?.kind === 'size' || (found === undefined && scope.broken.has(n.text))) return name(n.text)
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
    raw.set(text, { poly: polyOf(decl.item.definition, names, report), span: decl.item.span })
  }
  return expandAll(raw, report)
}

/** A definition with others in place of their names, if it is a size; what is made of one in error is no second error. */
const expanded = (
  raw: Definition,
  poly: Poly,
  refused: (name: string) => boolean,
  report: (d: Diagnostic) => void,
): Definition => ({
  poly: namesOf(raw.poly).some(refused) ? errorSize : boundedSize(poly, raw.span, report),
  span: raw.span,
})

/** Joins definitions that are to hold in one signature; those that disagree are reported with both places. */
export const joinDefinitions = (
  all: readonly Definitions[],
  at: Span,
  report: (d: Diagnostic) => void,
): Definitions => {
  const joined = new Map<string, Definition>()
  const clashes = new Map<string, readonly [Definition, Definition]>()
  for (const definitions of all)
    for (const [n, d] of definitions) {
      const first = joined.get(n)
      if (first === undefined) joined.set(n, d)
      else if (!equals(first.poly, d.poly)) clashes.set(n, [first, d])
    }
  const expanded = expandAll(joined, report)
  for (const [n, [a, b]] of clashes) {
    const of = (d: Definition): Poly => substitute(d.poly, m => expanded.get(m)?.poly)
    if (equals(of(a), of(b)) || [a, b].some(d => namesOf(of(d)).some(m => m.startsWith('?')))) continue
    report({
      code: 'E0303',
      title: `\`${n}\` would have to be both ${show(a.poly)} and ${show(b.poly)}`,
      labels: [
        { span: at, text: `both definitions of \`${n}\` meet in this signature` },
        { span: a.span, text: `here it is ${show(a.poly)}` },
        { span: b.span, text: `here it is ${show(b.poly)}` },
      ],
      text: 'Within one signature one name is one size, and definitions come along with the records that use them.',
      hint: `give one of the records its size explicitly: \`Record(${n} = …)\``,
    })
  }
  return expanded
}

/** The definitions among those given that say something about these names alone. */
export const definitionsAbout = (definitions: Definitions, sizes: ReadonlySet<string>): Definitions =>
  new Map(
    [...definitions].filter(
      ([, d]) => namesOf(d.poly).every(n => sizes.has(n)) && namesOf(d.poly).length > 0,
    ),
  )
