/**
 * The typed core as text, to read: every name with its number, every type, size and index range written out.
 * It looks like the language, but it is not source. Operators and implicit conversions are written as calls.
 *
 *     let m = max i -> x[i]   →   let m#4 : f32 =
 *                                   max i#5 < N ->
 *                                     x#1[i#5]
 */
import type { CoreBinder, CoreExpr, CoreFn, CoreParam, CorePattern } from './core.js'
import { showType } from './show-type.js'
import { sizeText } from './size.js'
import type { Instance, Type } from './type.js'

const typeText = (type: Type): string => showType(type, sizeText)

const varText = (v: { readonly id: number; readonly name: string }): string => `${v.name}#${v.id}`

const paramText = (p: CoreParam): string => `${varText(p)}: ${typeText(p.type)}`

const patternText = (p: CorePattern): string =>
  p.kind === 'name' ? `${varText(p)} : ${typeText(p.type)}` : `(${p.items.map(patternText).join(', ')})`

const binderText = (b: CoreBinder): string =>
  b.kind === 'index' ? `${varText(b)} < ${sizeText(b.bound)}` : `(${b.parts.map(binderText).join(', ')})`

const bindersText = (binders: readonly CoreBinder[]): string => binders.map(binderText).join(', ')

/** `{D = 4}` after a function's name: the sizes and types that it is used with. */
const instanceText = ({ sizes, types }: Instance): string => {
  const given = [
    ...[...sizes].map(([n, s]) => `${n} = ${sizeText(s)}`),
    ...[...types].map(([n, t]) => `${n} = ${typeText(t)}`),
  ]
  return given.length === 0 ? '' : `{${given.join(', ')}}`
}

const indented = (lines: readonly string[]): readonly string[] => lines.map(l => `  ${l}`)

/** Puts text before the first and after the last of some lines. */
const around = (before: string, lines: readonly string[], after = ''): readonly string[] =>
  lines.map((l, i) => `${i === 0 ? before : ''}${l}${i === lines.length - 1 ? after : ''}`)

const mostColumns = 90

/** `head(a, b)` on one line where the arguments are short, else an argument a line. */
const callLines = (head: string, args: readonly CoreExpr[]): readonly string[] => {
  const parts = args.map(exprLines)
  const flat = `${head}(${parts.map(p => p[0]).join(', ')})`
  if (parts.every(p => p.length === 1) && flat.length <= mostColumns) return [flat]
  return [`${head}(`, ...parts.flatMap(p => indented(around('', p, ','))), ')']
}

/** `keyword = value` and what follows: the value on the same line where it is one line. */
const bindingLines = (head: string, value: CoreExpr): readonly string[] => {
  const lines = exprLines(value)
  return lines.length === 1 ? [`${head} ${lines[0]}`] : [head, ...indented(lines)]
}

/** The target of a read, in parentheses where it is more than a name. */
const targetText = (e: CoreExpr): string => {
  const text = exprLines(e).join(' ')
  return e.kind === 'var' || e.kind === 'global' || e.kind === 'field' ? text : `(${text})`
}

const flatList = (items: readonly CoreExpr[]): string => items.map(i => exprLines(i).join(' ')).join(', ')

const exprLines = (e: CoreExpr): readonly string[] => {
  switch (e.kind) {
    case 'const':
      return [`${String(e.value).replace('Infinity', 'inf')}: ${typeText(e.type)}`]
    case 'choice':
      return [`choice ${e.name}`]
    case 'size':
      return [`size(${sizeText(e.size)}): ${typeText(e.type)}`]
    case 'var':
      return [varText(e)]
    case 'global':
      return [e.id]
    case 'let':
      return [...bindingLines(`let ${patternText(e.pattern)} =`, e.value), ...exprLines(e.body)]
    case 'if':
      return [
        ...bindingLines('if', e.condition),
        ...bindingLines('then', e.then),
        ...bindingLines('else', e.otherwise),
      ]
    case 'for':
      return [`for ${bindersText(e.binders)} -> : ${typeText(e.type)}`, ...indented(exprLines(e.body))]
    case 'reduce':
      return [`${e.op} ${bindersText(e.binders)} -> : ${typeText(e.type)}`, ...indented(exprLines(e.body))]
    case 'fold':
      return [
        ...bindingLines(`${e.keeps === 'all' ? 'scan' : 'fold'} ${patternText(e.pattern)} =`, e.init),
        `for ${varText(e.binder)} < ${sizeText(e.binder.bound)}${e.direction === 'down' ? ' down' : ''} ->`,
        ...indented(exprLines(e.body)),
      ]
    case 'lambda':
      return [`(${e.params.map(paramText).join(', ')}) ->`, ...indented(exprLines(e.body))]
    case 'call':
      return callLines(`${e.fn}${instanceText(e.instance)}`, e.args)
    case 'apply':
      return callLines(targetText(e.callee), e.args)
    case 'fn':
      return [`fn ${e.fn}${instanceText(e.instance)}`]
    case 'read':
      return [`${targetText(e.target)}[${flatList(e.at)}]`]
    case 'at':
      return [`${targetText(e.target)}.at(${flatList(e.at)}, else: ${flatList([e.otherwise])})`]
    case 'product': {
      const parts = e.parts.map((p, i) => `${flatList([p])} < ${sizeText(e.bounds[i]!)}`)
      return [`(${parts.join(', ')})`]
    }
    case 'op':
      return callLines(e.op, e.args)
    case 'cast':
      return callLines(typeText(e.type), [e.arg])
    case 'tuple':
      return callLines('', e.items)
    case 'record': {
      const head = `${typeText(e.type)} {`
      const base = e.base === undefined ? [] : indented(around('with ', exprLines(e.base), ','))
      const fields = [...e.fields].flatMap(([name, value]) => indented(bindingLines(`${name}:`, value)))
      return [head, ...base, ...fields, '}']
    }
    case 'field':
      return [`${targetText(e.target)}.${e.name}`]
    case 'array':
      return [`[${flatList(e.items)}]: ${typeText(e.type)}`]
    case 'grad': {
      const head = `${e.withValue ? 'value_and_grad' : 'grad'} : ${typeText(e.type)}`
      return [...bindingLines(head, e.fn), ...bindingLines('at', e.at)]
    }
    case 'builtin':
      return callLines(e.builtin, e.args)
  }
}

/** A function of the typed core as text. */
export const printCoreFunction = (fn: CoreFn): string =>
  [
    ...(fn.sizes.length === 0 ? [] : [`size ${fn.sizes.join(', ')}`]),
    ...(fn.types.length === 0 ? [] : [`type ${fn.types.join(', ')}`]),
    `fn ${fn.id}(${fn.params.map(paramText).join(', ')}) -> ${typeText(fn.result)} =`,
    ...indented(exprLines(fn.body)),
  ].join('\n')
