import type { CoreConst, CoreExpr } from '../core/core.js'
import type { Size } from '../core/size.js'
import { sizeName, sizeNamesIn } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Decl } from '../names/module-scopes.js'
import { idOf, lookup } from '../names/module-scopes.js'
import type { ConfigExpr, SourceExpr, TypeExpr } from '../syntax/ast.js'
import { errorType, isError, typeBool, typeF32, typeI32 } from './basic-types.js'
import { closeBody, finishBody } from './bodies.js'
import type { BodyContextParts } from './body-context.js'
import { choiceType, choiceValue } from './choices.js'
import { resolveCondition } from './conditions.js'
import type { Declarations } from './declarations.js'
import { openBody } from './elaborate.js'
import { arrayOf, sizesIn } from './type-traversal.js'

type Parts = Pick<BodyContextParts, 'declarations' | 'constant' | 'uses'>

/** Whether an expression may be the value of a constant or a setting. */
const isConstant = (e: SourceExpr): boolean => {
  switch (e.kind) {
    case 'number':
    case 'bool':
    case 'name':
      return true
    case 'unary':
      return isConstant(e.operand)
    case 'binary':
      return isConstant(e.left) && isConstant(e.right)
    case 'call':
      return isConstant(e.callee) && e.args.every(isConstant)
    case 'if':
      return [e.condition, e.then, e.otherwise].every(isConstant)
    case 'for':
      return isConstant(e.body)
    case 'index':
      return isConstant(e.target) && e.at.every(isConstant)
    default:
      return false
  }
}

/** The value of a constant or a setting as written. */
export interface WrittenConstant {
  readonly module: string
  readonly value: SourceExpr
  /** The written type, if there is one. */
  readonly written?: Type | undefined
  /** The owner of the value, for messages: `the setting \`a\``. */
  readonly owner: string
}

/** A value made of literals, arithmetic and constants. */
export const elaborateConstant = (
  parts: Parts,
  { module, value, written, owner }: WrittenConstant,
): { readonly value: CoreExpr; readonly type: Type } => {
  const { declarations } = parts
  const cx = openBody({
    ...parts,
    scope: declarations.scope(module),
    definitions: new Map(),
    sizes: new Set(written === undefined ? [] : sizesIn(written).flatMap(sizeNamesIn)),
    types: new Set(),
    owner,
  })
  if (!isConstant(value)) {
    cx.report({
      code: 'E0348',
      title: `${owner} is made of numbers, arithmetic and other constants`,
      labels: [{ span: value.span, text: 'not a constant' }],
      hint: 'write a function without it, or compute it where it is used',
    })
    return { value: { kind: 'const', value: 0, type: errorType, span: value.span }, type: errorType }
  }
  const body =
    written === undefined
      ? cx.infer(new Map(), value)
      : cx.check(new Map(), value, written, { kind: 'let', name: owner.replaceAll('`', ''), at: value.span })
  const found = cx.solver.head(body.type)
  const tensor = found.kind === 'tensor' && written?.kind === 'tensor'
  if (!isError(found) && found.kind !== 'scalar' && !tensor && !cx.solver.isNumber(found)) {
    cx.report({
      code: 'E0348',
      title: `${owner} is one number or bool, not ${cx.show(found)}`,
      labels: [{ span: value.span, text: `this is ${cx.show(found)}` }],
    })
    return { value: body, type: errorType }
  }
  const core = closeBody(cx, body, finishBody(cx, value.span))
  return { value: core, type: core.type }
}

/** The part of a `from` that is no entry by itself, and so never a word. */
const notWord = (e: ConfigExpr): ConfigExpr | undefined => {
  if (e.kind === 'entry' || e.kind === 'refuse') return undefined
  return e.kind === 'else' || e.kind === 'or' ? (notWord(e.left) ?? notWord(e.right)) : e
}

/** The constants of all modules, each checked once, when first asked for. */
export class Constants {
  private readonly done = new Map<string, CoreConst>()
  private readonly open: string[] = []

  constructor(
    private readonly declarations: Declarations,
    private readonly uses: (id: string, by: string) => void,
  ) {}

  get all(): ReadonlyMap<string, CoreConst> {
    return this.done
  }

  /** Takes over the constants of a module that was checked for an earlier program. */
  take(consts: ReadonlyMap<string, CoreConst>): void {
    for (const [id, made] of consts) this.done.set(id, made)
  }

  readonly type = (decl: Decl & { kind: 'const' }): Type => this.get(decl)?.type ?? errorType

  get(decl: Decl & { kind: 'const' }): CoreConst | undefined {
    const id = idOf(decl)
    const known = this.done.get(id)
    if (known !== undefined) return known
    if (this.open.includes(id)) {
      this.declarations.report({
        code: 'E0211',
        title: `the constant \`${decl.name.text}\` is made of itself`,
        labels: [{ span: decl.name.span, text: 'comes round to itself' }],
      })
      return undefined
    }
    this.open.push(id)
    const { value, type } = this.valueOf(decl, id)
    this.open.pop()
    const scope = this.declarations.scope(decl.module)
    const when = decl.item.when && resolveCondition(scope, decl.item.when, this.declarations.report)
    const made: CoreConst = {
      id,
      name: decl.name.text,
      type,
      value,
      ...(decl.item.from !== undefined && { from: decl.item.from }),
      ...(when !== undefined && { when }),
      span: decl.item.span,
    }
    this.done.set(id, made)
    return made
  }

  private valueOf(
    decl: Decl & { kind: 'const' },
    id: string,
  ): { readonly value: CoreExpr; readonly type: Type } {
    const { item, module } = decl
    if (item.choices !== undefined) {
      const owner = `the constant \`${decl.name.text}\``
      const type = choiceType(item.choices)
      const source = item.from === undefined ? undefined : notWord(item.from)
      if (source !== undefined)
        this.declarations.report({
          code: 'E0349',
          title: `${owner} has choices, and this is no word`,
          labels: [{ span: source.span, text: 'never one of the choices' }],
          hint: 'name the entry that holds the word, and others by `else`: `from "a" else "b"`',
        })
      return { value: choiceValue(this.declarations, owner, type, item.value), type }
    }
    const parts: Parts = {
      declarations: this.declarations,
      constant: this.type,
      uses: used => this.uses(used, id),
    }
    return elaborateConstant(parts, {
      module,
      value: item.value,
      written: this.writtenType(decl),
      owner: `\`${decl.name.text}\``,
    })
  }

  private writtenType(decl: Decl & { kind: 'const' }): Type | undefined {
    const written = decl.item.type
    if (written === undefined) return undefined
    const known: ReadonlyMap<string, Type> = new Map([
      ['f32', typeF32],
      ['i32', typeI32],
      ['bool', typeBool],
    ])
    const scalar = (t: TypeExpr): Type | undefined =>
      t.kind === 'named' && t.path.module === undefined ? known.get(t.path.name.text) : undefined
    if (written.kind === 'array' && written.dims.length === 1) {
      const element = scalar(written.element)
      const size = this.declaredSize(decl.module, written.dims[0]!)
      if (element !== undefined && size !== undefined) return arrayOf(element, [size])
    }
    const type = scalar(written)
    if (type !== undefined) return type
    this.declarations.report({
      code: 'E0348',
      title: `the constant \`${decl.name.text}\` is an f32, an i32, a bool, or has choices`,
      labels: [{ span: written.span, text: 'another type' }],
      hint: 'a list has one axis, of a size that the module declares: `bool[L]`',
    })
    return errorType
  }

  /** A size by itself that the module declares and does not define by others. */
  private declaredSize(module: string, e: SourceExpr): Size | undefined {
    if (e.kind !== 'name' || e.path.module !== undefined) return undefined
    const { text } = e.path.name
    const decl = lookup(this.declarations.scope(module), text)
    return decl?.kind === 'size' && decl.item.definition === undefined ? sizeName(text) : undefined
  }
}
