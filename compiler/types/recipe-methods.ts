import type { CoreExpr, CoreFn, CoreParam, VarId } from '../core/core.js'
import { sizeNamesIn } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { duplicate } from '../names/module-scopes.js'
import { didYouMean } from '../names/suggest.js'
import type { FnItem, RecipeItem } from '../syntax/ast.js'
import { errorType, isUnknownSizeName } from './basic-types.js'
import { closeBody, finishBody } from './bodies.js'
import type { BodyContext, BodyContextParts } from './body-context.js'
import { openBody } from './elaborate.js'
import type { Env, Local, Method } from './locals.js'
import type { MethodRole, RecipeProtocol } from './recipe-protocol.js'
import { checkMetrics, methodRoles } from './recipe-protocol.js'
import type { TypeScope } from './resolve-type.js'
import { resolveType } from './resolve-type.js'
import { sizesIn } from './type-traversal.js'
import { countOf } from './wording.js'

export interface RecipeParts {
  readonly id: string
  readonly item: RecipeItem
  readonly protocol: RecipeProtocol
  /** The recipe's parameters and settings. */
  readonly locals: ReadonlyMap<string, Local>
  readonly typeScope: TypeScope
}

interface ElaboratedMethod {
  readonly core: CoreFn
  readonly method: Method
  /** Other methods that the body calls. */
  readonly helpers: ReadonlySet<string>
}

/**
 * A recipe's methods. What one method calls of the others is bound around its body by `let`, so that every
 * method stands by itself.
 */
export const elaborateMethods = (
  shared: Omit<BodyContextParts, 'method'>,
  recipe: RecipeParts,
): ReadonlyMap<string, CoreFn> => {
  const { declarations } = shared
  const protocol = methodRoles(recipe.protocol)
  const items = new Map<string, FnItem>()
  for (const m of recipe.item.methods) {
    const before = items.get(m.name.text)
    if (before !== undefined) declarations.report(duplicate(m.name, before.name.span))
    else items.set(m.name.text, m)
  }
  const done = new Map<string, ElaboratedMethod | 'open'>()

  const request = (name: string, at: Span): ElaboratedMethod | 'broken' | undefined => {
    const item = items.get(name)
    if (item === undefined) return undefined
    const known = done.get(name)
    if (known === 'open') {
      declarations.report({
        code: 'E0212',
        title: `the method \`${name}\` calls itself`,
        labels: [
          { span: at, text: 'comes round to itself' },
          { span: item.name.span, text: 'declared here' },
        ],
        hint: 'functions are inlined where they are called: repeat with `fold`',
      })
      return 'broken'
    }
    if (known !== undefined) return known
    done.set(name, 'open')
    const made = elaborateMethod(shared, recipe, { item, role: protocol.get(name) }, request)
    done.set(name, made)
    return made
  }
  for (const [name, item] of items) request(name, item.name.span)
  for (const name of ['init', 'step'])
    if (!items.has(name))
      declarations.report({
        code: 'E0350',
        title: `the recipe \`${recipe.item.name.text}\` has no method \`${name}\``,
        labels: [{ span: recipe.item.name.span, text: 'cannot be trained without it' }],
        hint:
          didYouMean(
            name,
            [...items.keys()].filter(n => !protocol.has(n)),
          ).hint ?? `add \`${protocol.get(name)?.form} = …\``,
      })

  const finished = [...done].flatMap(([n, d]) => (d === 'open' ? [] : [[n, d] as const]))
  return new Map(finished.map(([n, d]) => [n, withHelpers(d, new Map(finished))]))
}

/** The helpers a method needs, each after those that it calls itself. */
const helpersOf = (
  d: ElaboratedMethod,
  all: ReadonlyMap<string, ElaboratedMethod>,
  seen = new Set<string>(),
): readonly ElaboratedMethod[] =>
  [...d.helpers].flatMap(n => {
    const helper = all.get(n)
    if (helper === undefined || seen.has(n)) return []
    seen.add(n)
    return [...helpersOf(helper, all, seen), helper]
  })

const withHelpers = (d: ElaboratedMethod, all: ReadonlyMap<string, ElaboratedMethod>): CoreFn => ({
  ...d.core,
  body: helpersOf(d, all).reduceRight<CoreExpr>(
    (body, { core, method }) => ({
      kind: 'let',
      pattern: { kind: 'name', id: method.id, name: core.name, type: method.type },
      value: { kind: 'lambda', params: core.params, body: core.body, type: method.type, span: core.span },
      body,
      type: body.type,
      span: body.span,
    }),
    d.core.body,
  ),
})

/** A method as written, and the role that it has in training, if any. */
interface WrittenMethod {
  readonly item: FnItem
  readonly role: MethodRole | undefined
}

const elaborateMethod = (
  shared: Omit<BodyContextParts, 'method'>,
  recipe: RecipeParts,
  written: WrittenMethod,
  request: (name: string, at: Span) => ElaboratedMethod | 'broken' | undefined,
): ElaboratedMethod => {
  const { item } = written
  const { declarations } = shared
  const helpers = new Set<string>()
  const cx = openBody({
    ...shared,
    owner: `\`${item.name.text}\``,
    method: (text, at) => {
      const found = request(text, at)
      if (found === undefined || found === 'broken') return found
      helpers.add(text)
      return found.method
    },
  })
  let env: Env = new Map(recipe.locals)
  for (const local of recipe.locals.values()) cx.locals.set(local.id, local)
  const types = paramTypes(cx, recipe, written)
  const params = item.params.map((p, i): CoreParam => {
    const local = cx.bind({ name: p.name.text, type: types[i]!, role: 'parameter', span: p.name.span })
    env = new Map(env).set(p.name.text, local)
    return { id: local.id, name: p.name.text, type: local.type }
  })
  const body = elaborateMethodBody(cx, env, recipe, written)
  const filling = finishBody(cx, item.body.span)
  const core = closeBody(cx, body, filling)
  const id: VarId = declarations.freshVariable()
  const result = filling.type(body.type)
  return {
    core: {
      id: `${recipe.id}.${item.name.text}`,
      name: item.name.text,
      params,
      result,
      sizes: [...shared.sizes],
      types: [],
      body: core,
      ...(item.doc !== undefined && { doc: item.doc }),
      span: item.span,
    },
    method: { id, type: { kind: 'fn', params: params.map(p => p.type), result }, span: item.name.span },
    helpers,
  }
}

const paramTypes = (cx: BodyContext, recipe: RecipeParts, { item, role }: WrittenMethod): readonly Type[] => {
  const given = item.params.length
  const least = role === undefined ? given : role.params.length - (role.optional ?? 0)
  if (role !== undefined && (given < least || given > role.params.length)) {
    const wanted = countOf(role.params.length, 'parameter')
    const has = countOf(given, 'parameter')
    cx.report({
      code: 'E0350',
      title: `\`${item.name.text}\` has ${wanted} in a recipe, not ${has}`,
      labels: [{ span: item.name.span, text: 'declared here' }],
      hint: `write \`${role.form} = …\``,
    })
  }
  return item.params.map((p, i) => {
    const given = role?.params[i]
    if (p.type === undefined) {
      if (given === undefined && role === undefined)
        cx.report({
          code: 'E0311',
          title: `the parameter \`${p.name.text}\` has no type`,
          labels: [{ span: p.span, text: `\`${item.name.text}\` is no method that training calls` }],
          hint: 'write its type; only `init`, `step`, `validate`, `predict` and `edits_of` know theirs',
        })
      return given ?? errorType
    }
    const written = ownSizes(cx, recipe, p.type)
    const other = i === 1 ? role?.otherSecond : undefined
    if (given !== undefined && !sameRecord(written, other))
      cx.solver.unify(written, given, { span: p.span, text: 'written here' }, () =>
        cx.report({
          code: 'E0350',
          title: `\`${p.name.text}\` is ${cx.show(given)} in \`${item.name.text}\`, not ${cx.show(written)}`,
          labels: [{ span: p.span, text: `this is ${cx.show(written)}` }],
          hint: `leave the type away: \`${role?.form} = …\``,
        }),
      )
    return written
  })
}

const sameRecord = (a: Type, b: Type | undefined): boolean =>
  a.kind === 'record' && b?.kind === 'record' && a.record.id === b.record.id

/** A type in a method's signature: methods are about the recipe's sizes and no others. */
const ownSizes = (cx: BodyContext, recipe: RecipeParts, expr: Parameters<typeof resolveType>[0]): Type => {
  const type = resolveType(expr, { ...cx.typeScope(), size: recipe.typeScope.size })
  const lost = sizesIn(type)
    .flatMap(sizeNamesIn)
    .find(n => !cx.parts.sizes.has(n) && !isUnknownSizeName(n))
  if (lost === undefined) return type
  cx.report({
    code: 'E0313',
    title: `the recipe \`${recipe.item.name.text}\` knows no size \`${lost}\``,
    labels: [{ span: expr.span, text: 'occurs in neither its parameters, its state nor `Batch`' }],
    hint: 'a function for any size stands outside the recipe: make it an `fn`',
  })
  return errorType
}

const elaborateMethodBody = (
  cx: BodyContext,
  env: Env,
  recipe: RecipeParts,
  { item, role }: WrittenMethod,
): CoreExpr => {
  const name = item.name.text
  const at = item.result?.span ?? item.name.span
  const why = { kind: 'result', fn: name, at } as const
  const written = item.result === undefined ? undefined : ownSizes(cx, recipe, item.result)
  if (name === 'step') {
    const metrics = cx.solver.freshType('any', item.body.span)
    const wanted: Type = { kind: 'tuple', items: [recipe.protocol.state, metrics] }
    const body = cx.check(env, item.body, wanted, why)
    if (cx.solver.head(body.type).kind === 'tuple') checkMetrics(cx, item.name.span, name, metrics)
    return body
  }
  const wanted = role?.result ?? written
  const body = wanted === undefined ? cx.infer(env, item.body) : cx.check(env, item.body, wanted, why)
  if (name === 'validate') checkMetrics(cx, item.name.span, name, body.type)
  return { ...body, type: wanted ?? body.type }
}
