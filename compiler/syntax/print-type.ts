import type { Path, TypeExpr } from './ast.js'
import { printExpr } from './print-expr.js'

/** `softmax`, `llama.Model`. */
export const printPath = (path: Path): string =>
  path.module ? `${path.module.text}.${path.name.text}` : path.name.text

/** The source text of a type, on one line. */
export const printType = (type: TypeExpr): string => {
  switch (type.kind) {
    case 'named': {
      const args = type.args.map(arg => {
        const value = arg.value.kind === 'type' ? printType(arg.value.type) : printExpr(arg.value.size)
        return `${arg.name.text} = ${value}`
      })
      return args.length === 0 ? printPath(type.path) : `${printPath(type.path)}(${args.join(', ')})`
    }
    case 'idx':
      return `idx[${printExpr(type.bound)}]`
    case 'array': {
      const { element } = type
      const text = printType(element)
      const held = element.kind === 'fn' || element.kind === 'per' ? `(${text})` : text
      return `${held}[${type.dims.map(d => printExpr(d)).join(', ')}]`
    }
    case 'tuple':
      return `(${type.items.map(printType).join(', ')})`
    case 'fn':
      return `(${type.params.map(printType).join(', ')}) -> ${printType(type.result)}`
    case 'per':
      return `f32 per ${printType(type.of)}`
  }
}
