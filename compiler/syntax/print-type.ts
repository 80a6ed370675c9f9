import type { Path, TypeExpr } from './ast.js'
import { printSourceExpr } from './print-expr.js'

/** `softmax`, `llama.Model`. */
export const printPath = (path: Path): string =>
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
