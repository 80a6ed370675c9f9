import * as E from 'fp-ts/lib/Either.js'
import { checkProgram } from '../../../compiler/check/check.js'
import { CheckedModules } from '../../../compiler/check/checked-modules.js'
import type { CoreExpr, Program } from '../../../compiler/core/core.js'
import type { Diagnostic } from '../../../compiler/diagnostics/diagnostic.js'
import { positionOf } from '../../../compiler/diagnostics/source.js'
import { subexpressionsOf } from '../../../compiler/types/zonk.js'
import { programs } from './programs.js'

/** The small standard library is checked once for a file of tests. */
const before = new CheckedModules()

/** Checks one text as the module `example`, with the small standard library of these tests. */
export const checkText = (
  text: string,
  others: Readonly<Record<string, string>> = {},
): E.Either<readonly Diagnostic[], Program> => {
  const all: Readonly<Record<string, string>> = { ...programs, ...others, example: text }
  return checkProgram(
    ['example'],
    name => {
      const found = all[name]
      return found === undefined ? undefined : { name, text: found }
    },
    { before },
  )
}

/** The codes of a text's errors. */
export const codesOf = (text: string): readonly string[] => {
  const result = checkText(text)
  return E.isLeft(result) ? result.left.map(d => d.code) : []
}

/** A diagnostic as plain text, for goldens. */
export const showDiagnostic = (d: Diagnostic): string =>
  [
    `${d.code}: ${d.title}`,
    ...d.labels.map(l => {
      const { line, column } = positionOf(l.span.source, l.span.start)
      const [first = ''] = l.span.source.text.slice(l.span.start, l.span.end).split('\n')
      const file = l.span.source.name === 'example' ? '' : `${l.span.source.name}:`
      return `  ${file}${line}:${column} ${first}: ${l.text}`
    }),
    ...(d.text === undefined ? [] : [`  ${d.text}`]),
    ...(d.hint === undefined ? [] : [`  hint: ${d.hint}`]),
  ].join('\n')

/** An expression and all inside it. */
export const nodesOf = (e: CoreExpr): readonly CoreExpr[] => [e, ...subexpressionsOf(e).flatMap(nodesOf)]
