import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { ModuleScope } from '../names/module-scopes.js'
import { didYouMean } from '../names/suggest.js'
import type { Name, SourceExpr } from '../syntax/ast.js'
import type { Declarations } from './declarations.js'

export type ChoiceType = Extract<Type, { kind: 'choice' }>

/** The names of choices that mean something somewhere, each with the types that it may be of. */
export type Choices = ReadonlyMap<string, readonly ChoiceType[]>

/** The type that `linear | cosine` writes. */
export const choiceType = (choices: readonly Name[]): ChoiceType => ({
  kind: 'choice',
  names: choices.map(c => c.text),
})

/** The choices of these types, by name. */
export const choicesOf = (types: readonly Type[]): Choices => {
  const out = new Map<string, readonly ChoiceType[]>()
  for (const t of types)
    if (t.kind === 'choice') for (const n of new Set(t.names)) out.set(n, [...(out.get(n) ?? []), t])
  return out
}

/** The types of the constants with choices that a module declares or imports by name. */
export const constantChoices = (scope: ModuleScope): readonly ChoiceType[] => {
  const known = found.get(scope)
  if (known !== undefined) return known
  const types = [...scope.own.values(), ...scope.imported.values()].flatMap(decl =>
    decl.kind === 'const' && decl.item.choices !== undefined ? [choiceType(decl.item.choices)] : [],
  )
  found.set(scope, types)
  return types
}

/** Every function of a module asks for them, and a module may have thousands. */
const found = new WeakMap<ModuleScope, readonly ChoiceType[]>()

/**
 * The value written for a setting or a constant with choices: one of them. `owner` is for messages: `the
 * setting \`a\``.
 */
export const choiceValue = (
  declarations: Declarations,
  owner: string,
  type: ChoiceType,
  value: SourceExpr,
): CoreExpr => {
  const chosen = value.kind === 'name' && value.path.module === undefined ? value.path.name.text : ''
  if (!type.names.includes(chosen)) declarations.report(noChoice(owner, type, chosen, value.span))
  return { kind: 'choice', name: chosen, type, span: value.span }
}

/** The error of a word that is none of the choices of `owner`. */
export const noChoice = (owner: string, type: ChoiceType, word: string, span: Span): Diagnostic => ({
  code: 'E0352',
  title: `${owner} is one of ${type.names.map(n => `\`${n}\``).join(', ')}`,
  labels: [{ span, text: 'none of these' }],
  ...didYouMean(word, type.names),
})
