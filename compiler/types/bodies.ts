import type { CoreConst, CoreExpr, CoreFn, CoreParam } from '../core/core.js'
import type { Size } from '../core/size.js'
import { isTooLarge, sameSize, sizeName, sizeNamesIn } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { Decl } from '../names/module-scopes.js'
import { idOf, lookup } from '../names/module-scopes.js'
import type { ConfigExpr, SourceExpr, TypeExpr } from '../syntax/ast.js'
import type { BodyContextParts, Env } from './body-context.js'
import { BodyContext, quoteSource } from './body-context.js'
import { choiceType, choiceValue } from './choices.js'
import { resolveCondition } from './conditions.js'
import { coreRuleErrors } from './core-rules.js'
import type { Declarations } from './declarations.js'
import { check, infer } from './elaborate.js'
import { mayBeNegative } from './mismatch-messages.js'
import { literalErrors } from './number-ranges.js'
import { sizeTooLargeError } from './size-expr.js'
import { errorSize, errorType, isError, typeBool, typeF32, typeI32 } from './solver.js'
import { arrayOf, mapType, sizesIn } from './type-traversal.js'
import type { Substitution } from './zonk.js'
import { zonk } from './zonk.js'

/** Ends a body, which stands `at` a place: reports what is left open and gives what fills in the unknowns. */
export const finishBody = (cx: BodyContext, at: Span): Substitution => {
  const { unsolved, negative } = cx.solver.finish(n => cx.parts.sizes.has(n))
  if (cx.solver.passedLimits) cx.report(sizeTooLargeError(at))
  if (cx.errors === 0) for (const solved of negative) cx.report(mayBeNegative(cx, solved))
  if (cx.errors === 0)
    for (const about of unsolved) {
      const index = about.kind === 'index'
      if (about.kind === 'extent') continue
      cx.report({
        code: index ? 'E0328' : 'E0329',
        title: index
          ? `nothing bounds the index \`${about.name}\``
          : `nothing tells the size \`${about.name}\` of \`${about.owner}\``,
        labels: [{ span: about.span, text: index ? 'reads no axis by itself' : 'used here' }],
        hint: index
          ? `say how far it runs: \`${about.name}: N\``
          : `hand over something that has \`${about.name}\` by itself`,
      })
    }
  if (cx.errors === 0)
    for (const { span, kind } of cx.solver.untyped())
      cx.report({
        code: 'E0332',
        title:
          kind === 'tree'
            ? 'nothing tells which record is meant here'
            : `the type of ${quoteSource(span)} is not known`,
        labels: [{ span, text: 'nothing that uses it says what it is' }],
        hint:
          kind === 'tree' ? 'hand over a record or a tensor' : 'write its type, for example `(x: f32) -> …`',
      })
  let told = cx.solver.passedLimits
  const size = (p: Size): Size => {
    const known = cx.solver.size(p)
    if (isTooLarge(known) && !told) {
      told = true
      cx.report(sizeTooLargeError(at))
    }
    return known
  }
  const type = (t: Type): Type =>
    mapType(cx.solver.type(t), size, leaf => (leaf.kind === 'var' && !isError(leaf) ? typeI32 : leaf))
  return { size, type }
}

/** The body with all unknowns filled in, and what could not be checked before that. */
export const closeBody = (cx: BodyContext, body: CoreExpr, filling: Substitution): CoreExpr => {
  const core = zonk(body, filling)
  if (cx.errors === 0) for (const d of [...coreRuleErrors(core), ...literalErrors(core)]) cx.report(d)
  return core
}

type Parts = Pick<BodyContextParts, 'world' | 'constant' | 'uses'>

/** A top-level function with its body. */
export const elaborateFn = (parts: Parts, decl: Decl & { kind: 'fn' }): CoreFn => {
  const { world } = parts
  const signature = world.signature(decl)
  const { item } = decl
  const cx = new BodyContext({
    ...parts,
    scope: world.scope(decl.module),
    definitions: signature.definitions,
    sizes: new Set(signature.sizes),
    types: new Set(signature.types),
    owner: `\`${signature.name}\``,
  })
  // What is open after a signature in error is not a second error.
  const refused = (t: Type): boolean => isError(t) || sizesIn(t).some(p => sameSize(p, errorSize))
  if (signature.params.some(p => refused(p.type)) || refused(signature.result)) cx.errors++
  let env: Env = new Map()
  const params: CoreParam[] = []
  for (const p of signature.params) {
    const value =
      p.default === undefined
        ? undefined
        : check(cx, env, p.default, p.type, {
            kind: 'argument',
            fn: signature.name,
            param: `\`${p.name}\``,
            at: p.span,
          })
    const local = cx.bind(p.name, p.type, 'parameter', p.span)
    env = new Map(env).set(p.name, local)
    params.push({ id: local.id, name: p.name, type: p.type, ...(value !== undefined && { default: value }) })
  }
  const body = check(cx, env, item.body, signature.result, {
    kind: 'result',
    fn: signature.name,
    at: item.result?.span ?? item.name.span,
  })
  const filling = finishBody(cx, item.body.span)
  return {
    id: signature.id,
    name: signature.name,
    params: params.map(p => ({
      ...p,
      ...(p.default !== undefined && { default: zonk(p.default, filling) }),
    })),
    result: signature.result,
    sizes: signature.sizes,
    types: signature.types,
    body: closeBody(cx, body, filling),
    ...(item.doc !== undefined && { doc: item.doc }),
    span: item.span,
  }
}

/** What a constant and a setting may be made of. */
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

/** A value made of literals, arithmetic and constants. */
export const elaborateConstant = (
  parts: Parts,
  module: string,
  value: SourceExpr,
  written: Type | undefined,
  owner: string,
): { readonly value: CoreExpr; readonly type: Type } => {
  const { world } = parts
  const cx = new BodyContext({
    ...parts,
    scope: world.scope(module),
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
      ? infer(cx, new Map(), value)
      : check(cx, new Map(), value, written, { kind: 'let', name: owner.replaceAll('`', ''), at: value.span })
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
    private readonly world: Declarations,
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
      this.world.report({
        code: 'E0211',
        title: `the constant \`${decl.name.text}\` is made of itself`,
        labels: [{ span: decl.name.span, text: 'comes round to itself' }],
      })
      return undefined
    }
    this.open.push(id)
    const { value, type } = this.valueOf(decl, id)
    this.open.pop()
    const scope = this.world.scope(decl.module)
    const when = decl.item.when && resolveCondition(scope, decl.item.when, this.world.report)
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
        this.world.report({
          code: 'E0349',
          title: `${owner} has choices, and this is no word`,
          labels: [{ span: source.span, text: 'never one of the choices' }],
          hint: 'name the entry that holds the word, and others by `else`: `from "a" else "b"`',
        })
      return { value: choiceValue(this.world, owner, type, item.value), type }
    }
    const parts: Parts = { world: this.world, constant: this.type, uses: used => this.uses(used, id) }
    return elaborateConstant(parts, module, item.value, this.writtenType(decl), `\`${decl.name.text}\``)
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
    this.world.report({
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
    const decl = lookup(this.world.scope(module), text)
    return decl?.kind === 'size' && decl.item.definition === undefined ? sizeName(text) : undefined
  }
}
