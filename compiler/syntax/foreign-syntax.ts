/**
 * The grammar of other languages: constructs of Python, Rust, Haskell and C in the text of a declaration that
 * failed, each with the way it is written here as a fix.
 */
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { replaceBy } from '../diagnostics/fix.js'
import { bracketRules } from './foreign-brackets.js'
import { type ForeignRule, foreign, refused, spanOf } from './foreign-rule.js'
import type { ParseFailure } from './parse-failure.js'
import * as t from './tokens.js'

/** The message for a failure that is the grammar of another language. */
export const explainForeignSyntax = (failure: ParseFailure): Diagnostic | undefined => {
  for (const rule of rules) {
    const found = rule(failure)
    if (found !== undefined) return found
  }
  return undefined
}

/** The line that holds an offset, and where it begins. */
const lineAt = (text: string, offset: number): { readonly start: number; readonly line: string } => {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  const end = text.indexOf('\n', offset)
  return { start, line: text.slice(start, end < 0 ? undefined : end) }
}

const unwanted: ReadonlyMap<string, string> = new Map([
  ['in', 'the body of a `let` stands on the next line'],
  ['mut', 'nothing changes: a new value has a `let` of its own'],
])

/** `let y = e in …`, `let mut y = e`. */
const wordOfLet: ForeignRule = failure => {
  const { previous, found } = failure
  const why = previous && unwanted.get(previous.image)
  if (previous === undefined || why === undefined || found === undefined) return undefined
  const span = spanOf(failure, previous)
  if (previous.image === 'in') {
    const fix = { title: 'begin a new line instead', sure: true, edits: [{ span, text: '\n  ' }] }
    return refused(foreign('in'), span, why, fix)
  }
  const fix = replaceBy({ ...span, end: found.startOffset }, '', { title: 'remove `mut`' })
  return refused(foreign('mut'), span, why, fix)
}

/** `var y = e`, `val y = e` inside a function. */
const wordForLet: ForeignRule = failure => {
  const { previous, found } = failure
  if (found === undefined || !t.isName(found) || !/^(?:var|val|auto)$/.test(previous?.image ?? ''))
    return undefined
  const span = spanOf(failure, previous!)
  return refused(foreign(previous!.image), span, 'a value is named with `let`', replaceBy(span, 'let'))
}

const elseIf: ForeignRule = failure => {
  const { found, at } = failure
  if (!/^(?:elif|elsif|elseif)$/.test(found?.image ?? '')) return undefined
  return refused(foreign(found!.image), at, 'write `else if`', replaceBy(at, 'else if'))
}

/** `if c: a else b`. */
const colonForThen: ForeignRule = ({ found, expected, at }) => {
  if (found?.image !== ':' || expected !== t.ThenKeyword) return undefined
  const hint = 'an `if` is written `if condition then a else b`'
  return refused('no `:` stands after a condition', at, hint, replaceBy(at, ' then'))
}

/** `while (c) …`. */
const whileLoop: ForeignRule = failure => {
  const word = failure.tokens.find(w => w.image === 'while' || w.image === 'loop')
  if (word === undefined || failure.found === undefined) return undefined
  const hint =
    'repeat with a fold of as many steps as there can be: `fold x for i: 10 -> if c then f(x) else x`'
  return refused(foreign(word.image), spanOf(failure, word), hint, undefined)
}

/** `for i in N -> …`, `for i in range(N) -> …`. */
const forIn: ForeignRule = failure => {
  const { found, at, source } = failure
  const [head, range, ranged] =
    /^in\s+(?:range\(\s*([^()]*?)\s*\)|([\w.]+))/.exec(source.text.slice(at.start)) ?? []
  if (found?.image !== 'in' || head === undefined) return undefined
  const size = range ?? ranged!
  const span = {
    ...at,
    start: failure.previous!.startOffset + failure.previous!.image.length,
    end: at.start + head.length,
  }
  const isSize = /^[A-Z]/.test(size)
  return {
    ...refused(
      foreign('in'),
      at,
      isSize
        ? `the range of an index is written \`${failure.previous!.image}: ${size}\``
        : 'an index takes its range from what it reads: `for i -> x[i]`',
      isSize ? replaceBy(span, `: ${size}`) : undefined,
    ),
    code: 'E0110',
  }
}

/** `sum i = 0 -> …`. */
const boundOfSum: ForeignRule = failure => {
  const { found, expected, at, source, previous } = failure
  const [bounds] = /^=\s*[\w.]+(?=\s*->)/.exec(source.text.slice(at.start)) ?? []
  if (found?.image !== '=' || expected !== t.Arrow || bounds === undefined || previous === undefined)
    return undefined
  const span = { ...at, start: previous.startOffset + previous.image.length, end: at.start + bounds.length }
  const hint = 'an index runs over all that it reads; a part of it is chosen by an `if` in the body'
  return refused(
    'an index has no first value',
    at,
    hint,
    replaceBy(span, '', { title: `remove \`${bounds}\`` }),
  )
}

/** `.5` and `2.`. */
const bareDecimal: ForeignRule = failure => {
  const { found, previous, at, tokens, source } = failure
  const next = found && tokens[tokens.indexOf(found) + 1]
  if (found?.image === '.' && next?.tokenType === t.NumberToken && next.startOffset === at.end) {
    const written = `0.${next.image}`
    const span = spanOf(failure, found, next)
    return {
      ...refused(
        `\`.${next.image}\` is not a number`,
        span,
        `write \`${written}\``,
        replaceBy(span, written),
      ),
      code: 'E0102',
    }
  }
  const index = found === undefined ? tokens.length : tokens.indexOf(found)
  const number = tokens[index - 2]
  if (previous?.image !== '.' || number?.tokenType !== t.NumberToken) return undefined
  if (number.startOffset + number.image.length !== previous.startOffset) return undefined
  const span = { source, start: number.startOffset, end: previous.startOffset + 1 }
  const written = `${number.image}.0`
  return {
    ...refused(
      `\`${number.image}.\` is not a number`,
      span,
      `write \`${written}\``,
      replaceBy(span, written),
    ),
    code: 'E0102',
  }
}

/** `a .* b`. */
const dottedOperator: ForeignRule = failure => {
  const { found, previous } = failure
  if (previous?.image !== '.' || !/^[-+*/^<>]/.test(found?.image ?? '')) return undefined
  const span = spanOf(failure, previous, found!)
  const hint = 'tensors of one shape are joined element by element as they are'
  return refused(foreign(`.${found!.image}`), span, hint, replaceBy(span, found!.image))
}

const beforeChoice = /^((?:.*(?:[^=!<>]=|->)\s+)?\s*)/.source

/** `a if c else b` and `c ? a : b`. */
const choice: ForeignRule = ({ found, at, source }) => {
  const { start, line } = lineAt(source.text, at.start)
  const python = new RegExp(`${beforeChoice}(.+?) if (.+?) else (.+)$`).exec(line)
  const ternary = new RegExp(`${beforeChoice}(.+?)\\s*\\?\\s*(.+?)\\s*:\\s*(.+)$`).exec(line)
  const parts =
    found?.image === 'if' && python !== null
      ? { head: python[1]!, condition: python[3]!, value: python[2]!, otherwise: python[4]! }
      : found?.image === '?' && ternary !== null
        ? { head: ternary[1]!, condition: ternary[2]!, value: ternary[3]!, otherwise: ternary[4]! }
        : undefined
  if (parts === undefined) return undefined
  const written = `if ${parts.condition} then ${parts.value} else ${parts.otherwise}`
  const span = { source, start: start + parts.head.length, end: start + line.length }
  return refused('a choice begins with its condition', at, `write \`${written}\``, replaceBy(span, written))
}

/** `|x| e` and `\x -> e`. */
const lambdaMarks: ForeignRule = failure => {
  const { found, tokens, source } = failure
  if (found?.image === '\\') {
    const fix = replaceBy(failure.at, '', { title: 'remove `\\`' })
    return refused(foreign('\\'), failure.at, 'a function is written `x -> e`', fix)
  }
  const at = tokens.findIndex(w => w.image === '|')
  const [bars, name] =
    at < 0 ? [] : (/^\|\s*(\w+)\s*\|/.exec(source.text.slice(tokens[at]!.startOffset)) ?? [])
  if (bars === undefined) return undefined
  const start = tokens[at]!.startOffset
  const span = { source, start, end: start + bars.length }
  return refused(foreign(bars), span, `a function is written \`${name} -> e\``, replaceBy(span, `${name} ->`))
}

/** `lambda v: e`. */
const lambdaWord: ForeignRule = ({ previous, source }) => {
  if (previous?.image !== 'lambda') return undefined
  const start = previous.startOffset
  const [head, names] = /^lambda\s+([\w\s,]+?)\s*:/.exec(source.text.slice(start)) ?? []
  if (head === undefined || names === undefined) return undefined
  const params = names.includes(',') ? `(${names})` : names
  const span = { source, start, end: start + head.length }
  const fix = replaceBy(span, `${params} ->`)
  return refused(foreign('lambda'), span, `a function is written \`${params} -> e\``, fix)
}

/** `return e` at the end of a body. */
const returned: ForeignRule = failure => {
  const { previous, found } = failure
  if (previous?.image !== 'return' || found === undefined) return undefined
  const span = spanOf(failure, previous)
  const fix = replaceBy({ ...span, end: found.startOffset }, '', { title: 'remove `return`' })
  return refused(foreign('return'), span, 'the body of a function is its value: leave the word out', fix)
}

/** `import std.nn softmax`, `import std.nn {softmax}`, `from std.nn import softmax`. */
const importForms: ForeignRule = failure => {
  const { tokens, source, at } = failure
  const head = tokens[0]!
  const { line } = lineAt(source.text, head.startOffset)
  const [, from, names] =
    /^import\s+([\w.]+?)\s*(?:::|\s)\s*\{?\s*(\w+(?:\s*,\s*\w+)*)\s*\}?\s*;?$/.exec(line) ??
    /^from\s+([\w.]+)\s+import\s+(\w+(?:\s*,\s*\w+)*)$/.exec(line) ??
    []
  if (from === undefined || (head.image !== 'import' && head.image !== 'from')) return undefined
  const written = `import ${from} (${names})`
  const span = { source, start: head.startOffset, end: head.startOffset + line.length }
  return refused('names are imported in parentheses', at, `write \`${written}\``, replaceBy(span, written))
}

/** `test f"…" { … }`. */
const formattedTitle: ForeignRule = failure => {
  const [head, mark, title] = failure.tokens
  if (head?.image !== 'test' || title?.tokenType !== t.StringToken || !/^[fru]$/.test(mark?.image ?? ''))
    return undefined
  const span = spanOf(failure, mark!)
  const fix = replaceBy(span, '', { title: `remove the \`${mark!.image}\`` })
  return refused('strings have no marks', span, 'a title is a plain string: nothing is put into it', fix)
}

const rules: readonly ForeignRule[] = [
  formattedTitle,
  importForms,
  wordOfLet,
  wordForLet,
  elseIf,
  colonForThen,
  whileLoop,
  forIn,
  boundOfSum,
  bareDecimal,
  dottedOperator,
  ...bracketRules,
  choice,
  lambdaMarks,
  lambdaWord,
  returned,
]
