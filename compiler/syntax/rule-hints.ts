import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { ParseFailure } from './parse-failure.js'
import * as t from './tokens.js'

const byRule: Readonly<Record<string, string>> = {
  letBody: 'after `let x = e` comes the expression that uses it: every `let` needs one',
  binder: 'name the indices before the arrow: `for t, e -> x[t, e]`',
  binders: 'name the indices before the arrow: `for t, e -> x[t, e]`',
  fields: 'a field is written `name: f32[T, E]`',
  fieldLine: 'a field is written `name: f32[T, E]`',
  statement: 'a test consists of `let x = e` and `expect a == b` (with `within 1e-6` for a tolerance)',
  test: 'a test consists of `let x = e` and `expect a == b` (with `within 1e-6` for a tolerance)',
  params: 'a parameter is written `name: f32[E]`, and commas stand between parameters',
  entry: 'entries of config.json are written in quotes: `from "hidden_size"`',
  record: 'a record is written `record Name { field: f32[E] }`',
  recordFields: 'a record is written `{ name: value, other: value }`, or `{ name }` for `{ name: name }`',
  method: 'a setting is written `setting name = value`, a function `name(x, y) = value`',
  recipe: 'a recipe consists of `setting name = value`, one `state { … }` and functions `name(x, y) = value`',
  import: 'write `import std.nn (softmax, dot)`, or `import std.nn` and `nn.softmax`',
  indexType: 'an index names its bound: `idx[V]`; a whole number without one is an `i32`',
  conditional: 'an `if` is written `if condition then a else b`',
  constant: 'a constant is written `const name: f32 = value`',
  list: 'commas stand between the parts of a list',
}

/** A hint for the rule in which the parse failed. */
export const hintFor = (situation: ParseFailure): Pick<Diagnostic, 'hint' | 'fixes'> => {
  const { found, previous, rules, expected } = situation
  const rule = rules.at(-1) ?? ''
  const hint = (text: string): { hint: string } => ({ hint: text })
  if (found && t.keywords.has(found.image) && ['operand', 'atom'].includes(rule)) {
    return hint(`\`${found.image}\` is a keyword: it has no value, and nothing can be named so`)
  }
  if (!found && rules.at(-2) === 'expr' && rules.at(-3) === 'letBody') return hint(byRule.letBody!)
  if (found?.image === '==') return hint('a value is named with `=`; `==` compares')
  if (rule === 'fn' && expected === t.LParen)
    return hint('a function lists its parameters: `fn name() -> f32 = …`')
  if (rule === 'fn' && expected === t.Identifier)
    return hint('a declared function has a name: `fn name(x: f32) -> f32 = …`')
  if (rule === 'type' || rule === 'valueType')
    return hint('types are written `f32`, `f32[T, E]`, `idx[V]`, `Layer[L]`, `(f32, f32)`')
  if (rule in byRule) return hint(byRule[rule]!)
  if (previous && found && t.isName(previous) && t.isName(found) && previous.endLine === found.startLine) {
    const written = `${previous.image}(${found.image})`
    const span = { ...situation.at, start: previous.startOffset }
    return hintWithFix(
      `a function is called with parentheses: \`${written}\``,
      replaceBy(span, written, { sure: false }),
    )
  }
  return {}
}
