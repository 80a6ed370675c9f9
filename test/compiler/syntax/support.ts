import { readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import type { Diagnostic } from '../../../compiler/diagnostics/diagnostic.js'
import { renderDiagnostic } from '../../../compiler/diagnostics/render.js'
import type { Module } from '../../../compiler/syntax/ast.js'
import { parse } from '../../../compiler/syntax/parse.js'

export const fixture = (name: string): string =>
  readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8')

/** All diagnostics as a terminal shows them. */
export const rendered = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics.map(d => renderDiagnostic(d, { colour: false })).join('\n\n')

/** The module, or a failure that shows the diagnostics. */
export const parsed = (text: string): Module => {
  const result = parse({ name: 'a.jola', text })
  if (E.isLeft(result)) throw new Error(`${rendered(result.left)}\n\nin\n${text}`)
  return result.right
}

/** The diagnostics, of which there must be some. */
export const refused = (text: string): readonly Diagnostic[] => {
  const result = parse({ name: 'a.jola', text })
  if (E.isRight(result)) throw new Error(`this should not parse:\n${text}`)
  return result.left
}

/** A tree without its places. */
export const bare = (tree: unknown): unknown =>
  JSON.parse(JSON.stringify(tree, (key, value: unknown) => (key === 'span' ? undefined : value)))
