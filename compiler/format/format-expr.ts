import type { SourceExpr } from '../syntax/ast.js'
import { binding } from '../syntax/precedence.js'
import { type Doc, nest, space, together } from './layout.js'
import { braced, bracketed, type ListItem } from './lists.js'
import { breakable, type Written } from './written.js'

type Of<K extends SourceExpr['kind']> = Extract<SourceExpr, { readonly kind: K }>

/** The layout of an expression. */
export const exprDoc = (w: Written, expr: SourceExpr): Doc =>
  inParentheses(w, expr, w.first(expr.span), w.last(expr.span))

/** An expression between two tokens, which may be parentheses around it. */
const inParentheses = (w: Written, expr: SourceExpr, first: number, last: number): Doc => {
  const around = isGrouped(w, first, last)
  const innerLast = w.tokens[last - 1]?.image === ',' ? last - 2 : last - 1
  // The brackets of a tuple are its own, unless there is another pair inside.
  const own = expr.kind === 'tuple' && w.partner(first + 1) !== innerLast
  if (!around || own) return bareDoc(w, expr, first, last)
  const inner = inParentheses(w, expr, first + 1, innerLast)
  const rest = w.run(innerLast + 1, last)
  return ['(', nest(w.gap(first + 1), inner), w.gap(innerLast + 1), rest]
}

/** What may begin on the line of a call and end below it. */
const openKinds: ReadonlySet<SourceExpr['kind']> = new Set(['lambda', 'for', 'reduce', 'fold', 'record'])

const isGrouped = (w: Written, first: number, last: number): boolean =>
  w.tokens[first]!.image === '(' && w.partner(first) === last

const item = (w: Written, expr: SourceExpr, from = w.first(expr.span)): ListItem => {
  const first = w.first(expr.span)
  const doc = exprDoc(w, expr)
  return {
    first: from,
    last: w.last(expr.span),
    doc: from === first ? doc : [w.run(from, first - 1), w.gap(first), doc],
    hugged: openKinds.has(expr.kind) && !isGrouped(w, first, w.last(expr.span)),
    lambda: expr.kind === 'lambda' || endsInLet(expr),
    short: isShort(expr),
  }
}

/** Whether several fields with such values may share a line. */
const isShort = (expr: SourceExpr): boolean => {
  switch (expr.kind) {
    case 'number':
    case 'bool':
    case 'name':
      return true
    case 'field':
      return isShort(expr.target)
    case 'unary':
      return isShort(expr.operand)
    case 'binary':
      return isShort(expr.left) && isShort(expr.right)
    case 'array':
      return expr.items.every(isShort)
    default:
      return false
  }
}

/** Whether the expression has a `let` at its end, and so cannot be written on one line. */
const endsInLet = (expr: SourceExpr): boolean => {
  switch (expr.kind) {
    case 'let':
      return true
    case 'for':
    case 'reduce':
    case 'fold':
    case 'lambda':
      return endsInLet(expr.body)
    default:
      return false
  }
}

/** What stands behind `->`, `then` or `else`: on the same line, or on lines of its own. */
const bodyDoc = (w: Written, body: SourceExpr): Doc => {
  const first = w.first(body.span)
  const isRecord = body.kind === 'record' && w.tokens[first]!.image === '{'
  if (isRecord && !w.commented(first)) return [w.gap(first), exprDoc(w, body)]
  const between = body.kind === 'let' ? w.breakBefore(first) : breakable(w, first)
  return together(nest(between, exprDoc(w, body)))
}

/** The value of a `let`: on its line, on lines of its own, or begun on the line of the name. */
export const valueDoc = (w: Written, value: SourceExpr): Doc => {
  const first = w.first(value.span)
  const doc = exprDoc(w, value)
  if (w.commented(first) || value.kind === 'let') return nest(w.breakBefore(first), doc)
  const hug: Doc = [' ', value.kind === 'if' || value.kind === 'binary' ? nest(doc) : doc]
  if (value.kind === 'record' || endsInLet(value)) return hug
  return {
    kind: 'choice',
    docs: [
      { doc: [' ', doc], flat: true },
      { above: '', doc, flat: true },
      { doc: hug, flat: false },
    ],
  }
}

const bareDoc = (w: Written, expr: SourceExpr, first: number, last: number): Doc => {
  switch (expr.kind) {
    case 'number':
    case 'bool':
    case 'name':
      return w.run(first, last)
    case 'let': {
      const value = w.first(expr.value.span)
      const body = w.first(expr.body.span)
      return [w.run(first, value - 1), valueDoc(w, expr.value), w.breakBefore(body), exprDoc(w, expr.body)]
    }
    case 'if':
      return together(...branches(w, expr, first))
    case 'for':
    case 'reduce':
    case 'lambda':
      return arrowDoc(w, expr, first)
    case 'fold': {
      if (expr.init === undefined) return arrowDoc(w, expr, first)
      const [from, to] = [w.first(expr.init.span), w.last(expr.init.span)]
      const arrow = w.first(expr.body.span) - 1
      const head = [w.run(first, from - 1), w.gap(from), exprDoc(w, expr.init), w.gap(to + 1)]
      return [head, w.run(to + 1, arrow), bodyDoc(w, expr.body)]
    }
    case 'call':
      return [exprDoc(w, expr.callee), listDoc(w, expr.callee, expr.args, last)]
    case 'index':
      return [exprDoc(w, expr.target), listDoc(w, expr.target, expr.at, last)]
    case 'at': {
      const dot = w.last(expr.target.span) + 1
      const before = expr.at.at(-1)
      const otherwise = before === undefined ? dot + 3 : w.last(before.span) + 2
      const items = [...expr.at.map(e => item(w, e)), item(w, expr.otherwise, otherwise)]
      const head = [exprDoc(w, expr.target), w.gap(dot), w.run(dot, dot + 1), w.gap(dot + 2)]
      return [head, bracketed(w, { open: dot + 2, close: last }, items)]
    }
    case 'replace': {
      const word = w.last(expr.target.span) + 1
      const equals = w.first(expr.value.span) - 1
      const places = bracketed(
        w,
        { open: word + 1, close: equals - 1 },
        expr.at.map(e => item(w, e)),
      )
      const head = [
        exprDoc(w, expr.target),
        w.gap(word),
        'with',
        w.gap(word + 1, ' '),
        places,
        w.gap(equals),
        '=',
      ]
      return [head, bodyDoc(w, expr.value)]
    }
    case 'field': {
      const dot = w.last(expr.target.span) + 1
      return [exprDoc(w, expr.target), w.gap(dot), w.run(dot, last)]
    }
    case 'binary':
      return chainDoc(w, expr)
    case 'unary': {
      const operand = w.first(expr.operand.span)
      if (expr.op === '-') w.tight.add(first)
      return [w.run(first, operand - 1), w.gap(operand), exprDoc(w, expr.operand)]
    }
    case 'tuple':
    case 'array':
      return bracketed(
        w,
        { open: first, close: last },
        expr.items.map(e => item(w, e)),
      )
    case 'record':
      return recordDoc(w, expr, first, last)
  }
}

/** The brackets behind what is called or read. */
const listDoc = (w: Written, target: SourceExpr, items: readonly SourceExpr[], close: number): Doc => {
  const open = w.last(target.span) + 1
  const gap = w.gap(open, '')
  return [
    gap,
    bracketed(
      w,
      { open, close },
      items.map(e => item(w, e)),
    ),
  ]
}

/** `for i, j -> e`, `sum i -> e`, `x -> e`. */
const arrowDoc = (w: Written, expr: Of<'for' | 'reduce' | 'fold' | 'lambda'>, first: number): Doc => {
  const arrow = w.first(expr.body.span) - 1
  if (expr.kind !== 'reduce') return [w.run(first, arrow), bodyDoc(w, expr.body)]
  const binder = w.first(expr.binders[0]!.span)
  return [w.run(first, binder - 1), w.gap(binder, ' '), w.run(binder, arrow), bodyDoc(w, expr.body)]
}

/** The parts of an `if`, with `else if` on one level: all on one line, or a line for each branch. */
const branches = (w: Written, expr: Of<'if'>, first: number): readonly Doc[] => {
  const condition = w.first(expr.condition.span)
  const [thenWord, elseWord] = [w.last(expr.condition.span) + 1, w.last(expr.then.span) + 1]
  const { otherwise } = expr
  const other = w.first(otherwise.span)
  const chained = otherwise.kind === 'if' && w.tokens[other]!.image === 'if' && !w.commented(other)
  return [
    [w.run(first, condition - 1), nest(w.gap(condition), exprDoc(w, expr.condition))],
    [w.gap(thenWord), 'then', bodyDoc(w, expr.then), w.gap(elseWord, space), 'else'],
    ...(chained ? [w.gap(other), ...branches(w, otherwise, other)] : [bodyDoc(w, otherwise)]),
  ]
}

/** Operands of one precedence, with line breaks before operators where they are needed. */
const chainDoc = (w: Written, expr: Of<'binary'>): Doc => {
  const operands: SourceExpr[] = []
  const collect = (e: SourceExpr): void => {
    const bare = e === expr || !isGrouped(w, w.first(e.span), w.last(e.span))
    if (e.kind === 'binary' && bare && binding[e.op] === binding[expr.op]) {
      collect(e.left)
      collect(e.right)
    } else operands.push(e)
  }
  collect(expr)
  const parts = operands.flatMap((operand, at): readonly Doc[] => {
    const from = w.first(operand.span)
    if (at === 0) return [exprDoc(w, operand)]
    const operator = w.last(operands[at - 1]!.span) + 1
    return [breakable(w, operator), [w.run(operator, from - 1), w.gap(from), exprDoc(w, operand)]]
  })
  return nest({ kind: 'fill', parts })
}

const recordDoc = (w: Written, expr: Of<'record'>, first: number, last: number): Doc => {
  const head = expr.base === undefined ? undefined : w.last(expr.base.span)
  const open = head === undefined ? openingBrace(w, first) : head + 2
  const items = expr.fields.map(({ name, value }) => item(w, value, w.first(name.span)))
  const fields = braced(w, last, items)
  if (expr.base !== undefined) {
    return [exprDoc(w, expr.base), w.gap(open - 1), 'with', w.gap(open), fields]
  }
  return open === first ? fields : [w.run(first, open - 1), w.gap(open), fields]
}

const openingBrace = (w: Written, from: number): number => {
  let at = from
  while (w.tokens[at]!.image !== '{') at++
  return at
}
