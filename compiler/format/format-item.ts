import type {
  ConstItem,
  FieldDecl,
  FnItem,
  Item,
  Module,
  Param,
  RecipeItem,
  RecordItem,
  SettingDecl,
  SizeItem,
  TestItem,
} from '../syntax/ast.js'
import { alignColumns } from './columns.js'
import { exprDoc, valueDoc } from './format-expr.js'
import { type Doc, hardBreak, nest, space, together } from './layout.js'
import { type ListItem, parameterList } from './lists.js'
import { breakable, type Written } from './written.js'

/** The layout of a whole file. */
export const moduleDoc = (w: Written, module: Module): Doc => {
  const parts = [
    ...module.imports.map(i => ({
      first: w.first(i.span),
      kind: 'import',
      doc: importDoc(w, w.first(i.span), w.last(i.span)),
    })),
    ...itemsOf(w, module.items),
  ]
  const docs = parts.map((part, at): Doc => {
    const before = parts[at - 1]
    if (before === undefined) return [w.gap(part.first), part.doc]
    const apart = before.kind !== part.kind || !lineKinds.has(part.kind)
    return [w.breakBefore(part.first, apart), part.doc]
  })
  const end = w.ending()
  return [docs, end, parts.length > 0 || w.comments[0]!.length > 0 ? hardBreak : '']
}

/** Declarations of one line, which may follow one another without an empty line. */
const lineKinds = new Set(['import', 'size', 'type', 'const'])

const itemsOf = (w: Written, items: readonly Item[]) => {
  alignColumns(
    w,
    items.flatMap(item => (item.kind === 'size' ? [sizeColumns(w, item)] : [])),
    true,
  )
  alignColumns(
    w,
    items.flatMap(item =>
      item.kind === 'const' ? [{ starts: [w.first(item.span)], last: w.last(item.span) }] : [],
    ),
  )
  return items.map(item => ({ first: w.first(item.span), kind: item.kind, doc: itemDoc(w, item) }))
}

const itemDoc = (w: Written, item: Item): Doc => {
  const [first, last] = [w.first(item.span), w.last(item.span)]
  switch (item.kind) {
    case 'size':
      return sizeDoc(w, item, first, last)
    case 'type':
      return w.run(first, last)
    case 'const':
      return constDoc(w, item, first, last)
    case 'record':
      return recordDoc(w, item, first, last)
    case 'fn':
      return functionDoc(w, item)
    case 'recipe':
      return recipeDoc(w, item, first, last)
    case 'test':
      return testDoc(w, item, first, last)
  }
}

const importDoc = (w: Written, first: number, last: number): Doc => {
  let open = first
  while (open <= last && w.tokens[open]!.image !== '(') open++
  if (open > last) return w.run(first, last)
  const names: ListItem[] = []
  for (let at = open + 1; at < last; at++)
    if (w.tokens[at]!.image !== ',')
      names.push({ first: at, last: at, doc: w.run(at, at), hugged: false, short: true })
  return [w.run(first, open - 1), w.gap(open, ' '), parameterList(w, last, names)]
}

const fromWord = (w: Written, entry: FieldDecl['span']): number => {
  let at = w.first(entry)
  while (w.tokens[at]!.image !== 'from') at--
  return at
}

/** `… from "a" or "b" > 0 if c`, with `from` on a line of its own where the whole is too long. */
const sourcedDoc = (w: Written, head: Doc, from: number, last: number): Doc =>
  together(head, nest(breakable(w, from), sourceDoc(w, from, last)))

/** The tokens from `from` on, with line breaks before `or`, `else` and operators where they are needed. */
const sourceDoc = (w: Written, from: number, last: number): Doc => {
  const starts = [from]
  for (let at = from + 2; at <= last; at++)
    if (['or', 'else', '*', '/', '+'].includes(w.tokens[at]!.image) && !insideShape(w, from, at))
      starts.push(at)
  const parts = starts.flatMap((start, at): readonly Doc[] => {
    const run = sourceRun(w, start, (starts[at + 1] ?? last + 1) - 1)
    return at === 0 ? [run] : [breakable(w, start), run]
  })
  return nest({ kind: 'fill', parts })
}

/** A run of tokens in which a bracket behind `from` or `as` calls nothing. */
const sourceRun = (w: Written, first: number, last: number): Doc => {
  const docs: Doc[] = []
  for (let at = first; at <= last; at++) {
    const word = w.tokens[at - 1]?.image
    docs.push(at === first ? '' : w.gap(at, word === 'from' || word === 'as' ? ' ' : undefined))
    docs.push(w.tokens[at]!.image)
  }
  return docs
}

const insideShape = (w: Written, from: number, token: number): boolean => {
  for (let at = from; at < token; at++)
    if (w.tokens[at]!.image === '[' && (w.partner(at) ?? 0) > token) return true
  return false
}

const sizeColumns = (w: Written, item: SizeItem) => {
  const [first, last] = [w.first(item.span), w.last(item.span)]
  const from = item.from === undefined ? [] : [fromWord(w, item.from.span)]
  return { starts: [first, ...from], last }
}

const sizeDoc = (w: Written, item: SizeItem, first: number, last: number): Doc => {
  if (item.from === undefined) return w.run(first, last)
  const from = fromWord(w, item.from.span)
  return sourcedDoc(w, w.run(first, from - 1), from, last)
}

const constDoc = (w: Written, item: ConstItem, first: number, last: number): Doc => {
  const value = w.first(item.value.span)
  if (item.from === undefined) return [w.run(first, value - 1), valueDoc(w, item.value)]
  const from = w.last(item.value.span) + 1
  const head = [w.run(first, value - 1), together(nest(breakable(w, value), exprDoc(w, item.value)))]
  return sourcedDoc(w, head, from, last)
}

/** The declarations of fields, each once: several names may share one. */
const fieldLines = (fields: readonly FieldDecl[]): readonly FieldDecl[] =>
  fields.filter((field, at) => field.type !== fields[at - 1]?.type)

const fieldDoc = (w: Written, field: FieldDecl, last: number): Doc => {
  const first = w.first(field.span)
  const source = field.from === undefined ? undefined : w.first(field.from.span)
  const head = field.default === undefined ? undefined : w.first(field.default.span)
  const start: Doc =
    head === undefined || field.default === undefined
      ? w.run(first, (source ?? last + 1) - 1)
      : [w.run(first, head - 1), together(nest(breakable(w, head), exprDoc(w, field.default)))]
  if (source === undefined) return start
  return [start, w.gap(source), sourceDoc(w, source, last)]
}

/**
 * The fields between their braces: on one line if commas stand between them, and else a line each. A comma at
 * the end of a line is left out.
 */
const fieldsDoc = (w: Written, fields: readonly FieldDecl[], open: number, close: number): Doc => {
  if (fields.length === 0) return ['{', w.gap(close), '}']
  const lines = fieldLines(fields).map(field => {
    const last = w.last(field.span)
    const comma = w.tokens[last + 1]!.image === ','
    return { field, first: w.first(field.span), last, comma, doc: () => fieldDoc(w, field, last) }
  })
  const only = lines.length === 1 && (fields.length > 1 || lines[0]!.comma)
  const several = lines.length > 1 && lines.slice(0, -1).every(line => line.comma)
  if ((only || several) && !hasComments(w, open, close)) {
    const inner = lines.map((line, at): Doc => {
      const comma = line.comma && at < lines.length - 1 ? ',' : ''
      return at === 0 ? [line.doc(), comma] : [w.gap(line.first, space), line.doc(), comma]
    })
    return together('{', nest(w.gap(open + 1, space), inner), w.gap(close, space), '}')
  }
  alignColumns(
    w,
    lines.map(({ field, first, last, comma }) => ({
      starts: [first, w.first(field.type.span), ...(field.from ? [w.first(field.from.span)] : [])],
      last: comma ? last + 1 : last,
      dropped: comma ? 1 : 0,
    })),
  )
  const docs = lines.map((line): Doc => {
    const comma = line.comma && w.commented(line.last + 1) ? [w.gap(line.last + 1), ','] : ''
    return [w.breakBefore(line.first), line.doc(), comma]
  })
  return ['{', nest(docs), w.breakBefore(close), '}']
}

const hasComments = (w: Written, open: number, close: number): boolean => {
  for (let at = open + 1; at <= close; at++) if (w.commented(at)) return true
  return false
}

const recordDoc = (w: Written, item: RecordItem, first: number, last: number): Doc => [
  w.run(first, first + 1),
  w.gap(first + 2),
  fieldsDoc(w, item.fields, first + 2, last),
]

const paramsDoc = (w: Written, params: readonly Param[], open: number): Doc => {
  const close = w.partner(open)!
  const items = params.map((p): ListItem => {
    const [first, last] = [w.first(p.span), w.last(p.span)]
    const value = p.default === undefined ? undefined : w.first(p.default.span)
    const doc =
      value === undefined || p.default === undefined
        ? w.run(first, last)
        : [w.run(first, value - 1), w.gap(value), exprDoc(w, p.default)]
    return { first, last, doc, hugged: false, short: true }
  })
  return parameterList(w, close, items)
}

const functionDoc = (w: Written, item: FnItem): Doc => {
  const first = w.first(item.span)
  const open = w.last(item.name.span) + 1
  const body = w.first(item.body.span)
  const close = w.partner(open)!
  const head = [w.run(first, open - 1), w.gap(open), paramsDoc(w, item.params, open)]
  const result = [w.gap(close + 1), w.run(close + 1, body - 1)]
  const doc = exprDoc(w, item.body)
  if (item.body.kind === 'record' && w.tokens[body]!.image === '{' && !w.commented(body))
    return [head, result, w.gap(body), doc]
  const between = item.body.kind === 'let' ? w.breakBefore(body) : breakable(w, body)
  return [head, result, together(nest(between, doc))]
}

const settingDoc = (w: Written, item: SettingDecl): Doc => {
  const [first, value] = [w.first(item.span), w.first(item.value.span)]
  return [w.run(first, value - 1), together(nest(breakable(w, value), exprDoc(w, item.value)))]
}

interface Member {
  readonly first: number
  readonly kind: 'setting' | 'state' | 'method'
  readonly doc: Doc
}

const recipeDoc = (w: Written, item: RecipeItem, first: number, last: number): Doc => {
  const hasParams = w.tokens[first + 2]!.image === '('
  const open = hasParams ? w.partner(first + 2)! + 1 : first + 2
  const head = hasParams ? [w.gap(first + 2), paramsDoc(w, item.params, first + 2)] : ''
  alignColumns(
    w,
    item.settings.map(s => ({ starts: [w.first(s.span)], last: w.last(s.span) })),
  )
  const state = stateWord(w, item, open, last)
  const members: Member[] = [
    ...item.settings.map((s): Member => ({ first: w.first(s.span), kind: 'setting', doc: settingDoc(w, s) })),
    ...item.methods.map((m): Member => ({ first: w.first(m.span), kind: 'method', doc: functionDoc(w, m) })),
    ...(state === undefined
      ? []
      : [
          {
            first: state,
            kind: 'state' as const,
            doc: ['state', w.gap(state + 1), fieldsDoc(w, item.state, state + 1, w.partner(state + 1)!)],
          },
        ]),
  ].sort((a, b) => a.first - b.first)
  const body = members.map((m, at): Doc => {
    const before = members[at - 1]
    const apart = before !== undefined && (before.kind !== 'setting' || m.kind !== 'setting')
    return [w.breakBefore(m.first, apart), m.doc]
  })
  const close = members.length === 0 ? w.gap(last) : w.breakBefore(last)
  return [w.run(first, first + 1), head, w.gap(open), '{', nest(body), close, '}']
}

/** The word `state` of a recipe, which the tree does not keep. */
const stateWord = (w: Written, item: RecipeItem, open: number, last: number): number | undefined => {
  const inside = [...item.settings, ...item.methods].map(m => [w.first(m.span), w.last(m.span)] as const)
  for (let at = open + 1; at < last; at++) {
    const member = inside.find(([from, to]) => from <= at && at <= to)
    if (member !== undefined) at = member[1]
    else if (w.tokens[at]!.image === 'state') return at
  }
  return undefined
}

const testDoc = (w: Written, item: TestItem, first: number, last: number): Doc => {
  const lines = item.statements.map((s): Doc => {
    const start = w.first(s.span)
    if (s.kind === 'let') {
      const value = w.first(s.value.span)
      return [w.breakBefore(start), w.run(start, value - 1), valueDoc(w, s.value)]
    }
    const parts = [s.actual, ...(s.expected ? [s.expected] : []), ...(s.within ? [s.within] : [])]
    const docs = parts.map((e, at): Doc => {
      const from = w.first(e.span)
      if (at === 0) return [w.gap(from, ' '), exprDoc(w, e)]
      const word = w.last(parts[at - 1]!.span) + 1
      return [breakable(w, word), w.run(word, word), w.gap(from, ' '), exprDoc(w, e)]
    })
    return [w.breakBefore(start), 'expect', together(nest(docs))]
  })
  const close = lines.length === 0 ? w.gap(last) : w.breakBefore(last)
  return [w.run(first, first + 1), w.gap(first + 2), '{', nest(lines), close, '}']
}
