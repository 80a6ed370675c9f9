import type { Binder, Param, Path, Pattern, SourceExpr, TypeExpr } from './ast.js'
import { binding, comparisonBinding, prefixBinding } from './precedence.js'

/** Where an expression is printed. */
interface Place {
  /** Blanks before a new line. */
  readonly indent: number
  /** An operator that binds less than this needs parentheses. */
  readonly least: number
  /**
   * Whether what follows could not be taken for a part of the expression: `sum k -> …` needs no parentheses.
   */
  readonly last: boolean
}

/** A line longer than this is broken where it can be. */
export const lineWidth = 100
const tightest = 10

/** The source text of an expression; lines after the first are indented by `indent`. */
export const printSourceExpr = (expr: SourceExpr, indent = 0): string =>
  print(expr, { indent, least: 0, last: true })

/** An operand of `==` in an `expect`, or on the left of anything. */
export const printOperand = (expr: SourceExpr, indent: number, last: boolean): string =>
  print(expr, { indent, least: comparisonBinding + 1, last })

/** The source text of a pattern. */
export const printPattern = (pattern: Pattern): string =>
  pattern.kind === 'name' ? pattern.name.text : `(${pattern.items.map(printPattern).join(', ')})`

const printBinder = (binder: Binder): string => {
  if (binder.kind === 'product') return `(${binder.parts.map(printBinder).join(', ')})`
  return binder.range ? `${binder.name.text}: ${printSourceExpr(binder.range)}` : binder.name.text
}

/** A parameter with its type and default, as far as there are any. */
export const printParam = (param: Param): string =>
  param.name.text +
  (param.type ? `: ${printTypeExpr(param.type)}` : '') +
  (param.default ? ` = ${printSourceExpr(param.default)}` : '')

/** The text of a number: whole ones without point and exponent, others with one of them. */
export const printNumber = (value: number, integer: boolean): string => {
  if (integer) return BigInt(value).toString()
  const text = String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

const pad = (indent: number): string => ' '.repeat(indent)
const isLong = (text: string, indent: number): boolean =>
  text.includes('\n') || indent + text.length > lineWidth

const print = (expr: SourceExpr, place: Place): string => {
  const held = strength(expr)
  const needsParentheses = held === 'open' ? place.least > 0 && !place.last : held < place.least
  if (!needsParentheses) return bare(expr, place)
  const text = bare(expr, { indent: place.indent + 2, least: 0, last: true })
  return text.includes('\n') ? `(\n${pad(place.indent + 2)}${text}\n${pad(place.indent)})` : `(${text})`
}

/** How tightly the outermost operator holds its operands; `open` are those that extend to the right. */
const strength = (expr: SourceExpr): number | 'open' => {
  switch (expr.kind) {
    case 'let':
    case 'if':
    case 'for':
    case 'reduce':
    case 'fold':
    case 'lambda':
    case 'replace':
      return 'open'
    case 'binary':
      return binding[expr.op]
    case 'unary':
      return prefixBinding[expr.op]
    default:
      return tightest
  }
}

const bare = (expr: SourceExpr, place: Place): string => {
  const { indent } = place
  switch (expr.kind) {
    case 'number':
      return printNumber(expr.value, expr.integer)
    case 'bool':
      return String(expr.value)
    case 'name':
      return printPath(expr.path)
    case 'let': {
      const type = expr.type ? `: ${printTypeExpr(expr.type)}` : ''
      const head = `let ${printPattern(expr.pattern)}${type} =${block(expr.value, indent)}`
      const body = printSourceExpr(expr.body, indent)
      // A line that begins with an operator would continue the bound value.
      return `${head}\n${pad(indent)}${body.startsWith('-') ? `(${body})` : body}`
    }
    case 'if': {
      const [condition, then, otherwise] = [expr.condition, expr.then, expr.otherwise].map(e =>
        printSourceExpr(e, indent + 2),
      )
      const inline = `if ${condition} then ${then} else ${otherwise}`
      if (!isLong(inline, indent)) return inline
      const inner = `\n${pad(indent + 2)}`
      const elseIf =
        expr.otherwise.kind === 'if'
          ? ` ${printSourceExpr(expr.otherwise, indent)}`
          : block(expr.otherwise, indent + 2)
      return `if ${condition}${inner}then${block(expr.then, indent + 2)}${inner}else${elseIf}`
    }
    case 'for':
      return `for ${expr.binders.map(printBinder).join(', ')} ->${block(expr.body, indent)}`
    case 'reduce':
      return `${expr.op} ${expr.binders.map(printBinder).join(', ')} ->${block(expr.body, indent)}`
    case 'fold': {
      const init = expr.init ? ` = ${print(expr.init, { indent: indent + 2, least: 1, last: false })}` : ''
      const word = expr.keeps === 'all' ? 'scan' : 'fold'
      const down = expr.direction === 'down' ? ' down' : ''
      const head = `${word} ${printPattern(expr.pattern)}${init} for ${printBinder(expr.binder)}${down}`
      return `${head} ->${block(expr.body, indent)}`
    }
    case 'lambda': {
      const single = expr.params.length === 1 && !expr.params[0]!.type
      const params = single ? expr.params[0]!.name.text : `(${expr.params.map(printParam).join(', ')})`
      return `${params} ->${block(expr.body, indent)}`
    }
    case 'call': {
      const { callee } = expr
      // `x.at(…)` would be a guarded read.
      const method = callee.kind === 'field' && callee.field.text === 'at'
      const target = method ? `(${printSourceExpr(callee, indent)})` : tight(callee, indent)
      return (
        target +
        list(
          '(',
          expr.args.map(a => (i: number) => printSourceExpr(a, i)),
          ')',
          indent,
        )
      )
    }
    case 'index':
      return (
        tight(expr.target, indent) +
        list(
          '[',
          expr.at.map(a => (i: number) => printSourceExpr(a, i)),
          ']',
          indent,
        )
      )
    case 'at': {
      const items = expr.at.map(a => (i: number) => printSourceExpr(a, i))
      const otherwise = (i: number): string => `else: ${printSourceExpr(expr.otherwise, i)}`
      return `${tight(expr.target, indent)}.at${list('(', [...items, otherwise], ')', indent)}`
    }
    case 'replace': {
      const at = list(
        '[',
        expr.at.map(a => (i: number) => printSourceExpr(a, i)),
        ']',
        indent,
      )
      return `${tight(expr.target, indent)} with ${at} =${block(expr.value, indent)}`
    }
    case 'field':
      return `${tight(expr.target, indent)}.${expr.field.text}`
    case 'binary': {
      const own = binding[expr.op]
      const isPower = expr.op === '^'
      const isComparison = own === comparisonBinding
      const left = print(expr.left, { indent, least: isPower || isComparison ? own + 1 : own, last: false })
      const rightLeast = isPower ? own : own + 1
      const right = print(expr.right, { indent, least: rightLeast, last: place.last })
      const inline = `${left} ${expr.op} ${right}`
      if (!isLong(inline, indent) || !isLong(right, indent)) {
        const breaks = isLong(inline, indent) && !left.includes('\n') && left.length > lineWidth / 3
        return breaks ? `${left}\n${pad(indent + 2)}${expr.op} ${right}` : inline
      }
      return inline
    }
    case 'unary': {
      const operand = print(expr.operand, { indent, least: prefixBinding[expr.op], last: place.last })
      return expr.op === 'not' ? `not ${operand}` : `-${operand}`
    }
    case 'tuple':
      return list(
        '(',
        expr.items.map(a => (i: number) => printSourceExpr(a, i)),
        ')',
        indent,
      )
    case 'array':
      return list(
        '[',
        expr.items.map(a => (i: number) => printSourceExpr(a, i)),
        ']',
        indent,
      )
    case 'record': {
      const fields = expr.fields.map(({ name, value }) => {
        const short = value.kind === 'name' && !value.path.module && value.path.name.text === name.text
        return (i: number): string => (short ? name.text : `${name.text}: ${printSourceExpr(value, i)}`)
      })
      const head = expr.base
        ? `${tight(expr.base, indent)} with `
        : expr.type
          ? `${printPath(expr.type)} `
          : ''
      return head + (fields.length === 0 ? '{}' : list('{ ', fields, ' }', indent))
    }
  }
}

/** An expression that is called, read or updated. */
const tight = (expr: SourceExpr, indent: number): string =>
  print(expr, { indent, least: tightest, last: false })

/** A body after `->`, `=`, `then` or `else`: on the same line where it fits, else on lines of its own. */
const block = (body: SourceExpr, indent: number): string => {
  const text = printSourceExpr(body, indent + 2)
  const apart =
    body.kind === 'let' || (isLong(text, indent + 8) && body.kind !== 'record' && body.kind !== 'call')
  return apart ? `\n${pad(indent + 2)}${text}` : ` ${printSourceExpr(body, indent)}`
}

/** Items between brackets: on one line if they fit, else a line each. */
const list = (
  open: string,
  items: readonly ((indent: number) => string)[],
  close: string,
  indent: number,
): string => {
  const inline = items.map(item => item(indent + 2))
  const text = open + inline.join(', ') + close
  if (!isLong(text, indent)) return text
  const lines = inline.map(item => pad(indent + 2) + item)
  return `${open.trimEnd()}\n${lines.join(',\n')}\n${pad(indent)}${close.trimStart()}`
}

/** `softmax`, `llama.Model`. */
const printPath = (path: Path): string =>
  path.module ? `${path.module.text}.${path.name.text}` : path.name.text

/** The source text of a type, on one line. */
export const printTypeExpr = (type: TypeExpr): string => {
  switch (type.kind) {
    case 'named': {
      const args = type.args.map(arg => {
        const value =
          arg.value.kind === 'type' ? printTypeExpr(arg.value.type) : printSourceExpr(arg.value.size)
        return `${arg.name.text} = ${value}`
      })
      return args.length === 0 ? printPath(type.path) : `${printPath(type.path)}(${args.join(', ')})`
    }
    case 'idx':
      return `idx[${printSourceExpr(type.bound)}]`
    case 'array': {
      const { element } = type
      const text = printTypeExpr(element)
      const held = element.kind === 'fn' || element.kind === 'per' ? `(${text})` : text
      return `${held}[${type.dims.map(d => printSourceExpr(d)).join(', ')}]`
    }
    case 'tuple':
      return `(${type.items.map(printTypeExpr).join(', ')})`
    case 'fn':
      return `(${type.params.map(printTypeExpr).join(', ')}) -> ${printTypeExpr(type.result)}`
    case 'per':
      return `f32 per ${printTypeExpr(type.of)}`
  }
}
