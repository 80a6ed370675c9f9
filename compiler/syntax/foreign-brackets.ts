/**
 * Constructs of other languages between brackets: slices, named arguments, list comprehensions, braces.
 */
import { replaceBy } from '../diagnostics/fix.js'
import { type ForeignRule, refused, spanOf } from './foreign-rule.js'
import * as t from './tokens.js'

/** `f(x, dim=-1)`. */
const namedArgument: ForeignRule = failure => {
  const { found, previous, tokens, at, source } = failure
  if (found?.image !== '=' || previous === undefined || !t.isName(previous)) return undefined
  const before = tokens[tokens.indexOf(previous) - 1]
  if (before?.tokenType !== t.LParen && before?.tokenType !== t.Comma) return undefined
  const head = tokens[0]!
  if (source.text.slice(head.startOffset, at.start).lastIndexOf('=') < 0 && !/->/.test(source.text))
    return undefined
  const [value = '='] = /^=\s*[^,()]*/.exec(source.text.slice(at.start)) ?? []
  const axis = /^(?:dim|axis|keepdim|keepdims)$/.test(previous.image)
  const from = axis && before.tokenType === t.Comma ? before.startOffset : previous.startOffset
  const end = axis ? at.start + value.length : at.end
  const title = axis ? `remove \`${previous.image}${value}\`` : `remove \`${previous.image}=\``
  const hint = axis
    ? 'no function takes an axis: it gets a row, and a `for` around it says which: `for b -> f(x[b])`'
    : 'arguments stand in the order of the parameters'
  const fix = replaceBy({ source, start: from, end }, '', { title, sure: !axis })
  return refused('arguments have no names', spanOf(failure, previous, found), hint, fix)
}

/** `{ x = 1 }`: every field of the record at once. */
const fieldEquals: ForeignRule = failure => {
  const { found, at, rules: open, tokens, source } = failure
  if (found?.image !== '=' || open.at(-1) !== 'recordFields') return undefined
  const from = tokens.indexOf(found)
  const close = tokens.slice(from).findIndex(w => w.tokenType === t.RBrace)
  const edits = tokens
    .slice(from, close < 0 ? undefined : from + close)
    .filter((w, i, inside) => w.image === '=' && (i === 0 || inside[i - 2]?.tokenType === t.Comma))
    .map(w => {
      const space = source.text[w.startOffset - 1] === ' ' ? 1 : 0
      return { span: { source, start: w.startOffset - space, end: w.startOffset + 1 }, text: ':' }
    })
  const fix = { title: 'write `:` for `=`', sure: true, edits }
  return refused('the value of a field stands after `:`', at, 'write `{ name: value }`', fix)
}

/** `x[:, 0]`. */
const slice: ForeignRule = failure => {
  const { found, tokens, opener, at, source } = failure
  if (found?.image !== ':' && found?.image !== '...') return undefined
  const index = tokens.indexOf(found)
  const open = tokens.slice(0, index).findLast(w => w.tokenType === t.LBracket)
  const close = open && tokens.slice(index).find(w => w.tokenType === t.RBracket && opener.get(w) === open)
  const target = open && tokens[tokens.indexOf(open) - 1]
  if (open === undefined || close === undefined || target === undefined || !t.isName(target)) return undefined
  const parts = source.text
    .slice(open.startOffset + 1, close.startOffset)
    .split(',')
    .map(part => part.trim())
  const hint =
    'an axis is not sliced: leave the last ones out, as in `x[0]`, or write an index, as in ' +
    '`for i -> x[i, 0]`'
  const whole = parts.every(part => part === ':' || /^\w+$/.test(part))
  if (!whole) return refused('an axis is read by an index, not by a slice', at, hint, undefined)
  while (parts.at(-1) === ':') parts.pop()
  const names = ['i', 'j', 'k', 'l', 'm', 'n'].filter(name => !parts.includes(name) && name !== target.image)
  const bound: string[] = []
  const read = parts.map(part => {
    if (part !== ':') return part
    bound.push(names[bound.length] ?? 'i')
    return bound.at(-1)!
  })
  const element = read.length === 0 ? target.image : `${target.image}[${read.join(', ')}]`
  const written = bound.length === 0 ? element : `for ${bound.join(', ')} -> ${element}`
  const fix = replaceBy(spanOf(failure, target, close), written)
  return refused('an axis is read by an index, not by a slice', at, `write \`${written}\``, fix)
}

/** `[f(v) for v in x]`. */
const comprehension: ForeignRule = failure => {
  const { found, tokens, source, opener } = failure
  if (found?.image !== 'for') return undefined
  const index = tokens.indexOf(found)
  const open = tokens.slice(0, index).findLast(w => w.tokenType === t.LBracket)
  const close = open && tokens.find(w => opener.get(w) === open)
  const [, body, name, over] =
    /^\[\s*(.+?)\s+for\s+(\w+)\s+in\s+(.+?)\s*\]$/s.exec(
      open && close ? source.text.slice(open.startOffset, close.startOffset + 1) : '',
    ) ?? []
  if (body === undefined || name === undefined || over === undefined) return undefined
  const range = /^range\(\s*(.+)\s*\)$/.exec(over)?.[1]
  const reads = new RegExp(`\\[[^\\]]*\\b${name}\\b`).test(body)
  const binder = range !== undefined && /^[A-Z\d]/.test(range) ? `${name}: ${range}` : name
  const written =
    range !== undefined || reads
      ? `for ${binder} -> ${body}`
      : `for i -> ${body.replace(new RegExp(`\\b${name}\\b`, 'g'), `${over}[i]`)}`
  const hint = `a list of all elements is a tensor: \`${written}\``
  return refused('no list is made so', failure.at, hint, replaceBy(spanOf(failure, open!, close), written))
}

/** `fn f(x: f32) -> f32 { e }`. */
const bracedBody: ForeignRule = failure => {
  const { found, expected, tokens, at } = failure
  const last = tokens.at(-1)
  if (found?.image !== '{' || expected !== t.Equals || last?.image !== '}') return undefined
  const edits = [
    { span: at, text: '=' },
    { span: spanOf(failure, last), text: '' },
  ]
  const hint = 'the body is an expression after `=`'
  return refused('a body has no braces', at, hint, { title: 'write `=` and no braces', sure: true, edits })
}

/** The sum of all elements, written as a method: `x.sum()`. */
const reducerAsMethod: ForeignRule = failure => {
  const { found, previous, tokens, source } = failure
  const target = tokens[tokens.indexOf(previous!) - 1]
  if (
    found === undefined ||
    !t.isA(found, t.Reducer) ||
    previous?.image !== '.' ||
    !target ||
    !t.isName(target)
  )
    return undefined
  const [brackets] = /^\(\s*\)/.exec(source.text.slice(found.startOffset + found.image.length)) ?? []
  const span = {
    ...spanOf(failure, target, found),
    end: found.startOffset + found.image.length + (brackets?.length ?? 0),
  }
  const written = wholeReduction(source.text, found.image, target.image)
  const hint = `a reduction names the index that it folds away: \`${written}\``
  return {
    ...refused(
      `\`${found.image}\` is not a method of a tensor`,
      failure.at,
      hint,
      brackets === undefined ? undefined : replaceBy(span, written, { sure: false }),
    ),
    code: 'E0116',
  }
}

/** `sum i, j -> x[i, j]`: as many indices as a parameter of this name is declared with. */
export const wholeReduction = (text: string, word: string, tensor: string): string => {
  const name = tensor.replaceAll('.', '\\.')
  const declared = new RegExp(`\\b${name}\\s*:\\s*\\w+(?:\\[[^\\]]*\\])??\\[([^\\]]*)\\](?!\\[)`).exec(text)
  const axes = (declared?.[1] ?? 'N').split(',').length
  const indices = ['i', 'j', 'k', 'l', 'm', 'n']
    .filter(name => name !== tensor)
    .slice(0, axes)
    .join(', ')
  return `${word} ${indices} -> ${tensor}[${indices}]`
}

/** The rules of this file, in the order in which they are tried. */
export const bracketRules: readonly ForeignRule[] = [
  namedArgument,
  fieldEquals,
  slice,
  comprehension,
  bracedBody,
  reducerAsMethod,
]
