import type { CoreExpr, CoreFn, CoreParam } from '../core/core.js'
import type { Size } from '../core/size.js'
import { isTooLarge, sameSize } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { Decl } from '../names/module-scopes.js'
import { errorSize, isError, typeI32 } from './basic-types.js'
import type { BodyContext, BodyContextParts } from './body-context.js'
import { coreRuleErrors } from './core-rules.js'
import { openBody } from './elaborate.js'
import type { Env } from './locals.js'
import { mayBeNegative } from './mismatch-messages.js'
import { literalErrors } from './number-ranges.js'
import type { FnSignature } from './signatures.js'
import { sizeTooLargeError } from './size-expr.js'
import { mapType, sizesIn } from './type-traversal.js'
import { quoteSource } from './wording.js'
import type { Substitution } from './zonk.js'
import { zonk } from './zonk.js'

/** Ends the body at a place: reports unknowns without a solution, and returns the solutions of the others. */
export const finishBody = (cx: BodyContext, at: Span): Substitution => {
  const { unsolved, negative } = cx.solver.sizes.finish(n => cx.parts.sizes.has(n))
  if (cx.solver.sizes.exceededLimits) cx.report(sizeTooLargeError(at))
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
        hint: index ? `say how far it runs: \`${about.name}: N\`` : about.hint!,
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
  let told = cx.solver.sizes.exceededLimits
  const size = (p: Size): Size => {
    const known = cx.solver.sizes.resolve(p)
    if (isTooLarge(known) && !told) {
      told = true
      cx.report(sizeTooLargeError(at))
    }
    return known
  }
  const type = (t: Type): Type =>
    mapType(cx.solver.resolve(t), size, leaf => (leaf.kind === 'var' && !isError(leaf) ? typeI32 : leaf))
  return { size, type }
}

/** Replaces all unknowns of a body, and checks the rules that need every type to be known. */
export const closeBody = (cx: BodyContext, body: CoreExpr, filling: Substitution): CoreExpr => {
  const core = zonk(body, filling)
  if (cx.errors === 0) for (const d of [...coreRuleErrors(core), ...literalErrors(core)]) cx.report(d)
  return core
}

type Parts = Pick<BodyContextParts, 'declarations' | 'constant' | 'uses'>

/** A top-level function with its body. */
export const elaborateFn = (parts: Parts, decl: Decl & { kind: 'fn' }): CoreFn =>
  elaborateSigned(parts, parts.declarations.signature(decl))

/** The defaults of a record's fields: functions without parameters, in the sizes of the record. */
export const elaborateDefaults = (parts: Parts, decl: Decl & { kind: 'record' }): readonly CoreFn[] => {
  const info = parts.declarations.record(decl)
  if (info === 'broken') return []
  const { name, sizes, types, fields } = info.decl
  return decl.item.fields.flatMap((f): readonly CoreFn[] => {
    const field = fields.find(x => x.span === f.span)
    if (f.default === undefined || field?.default === undefined) return []
    return [
      elaborateSigned(parts, {
        id: field.default,
        name: `${name}.${field.name}`,
        module: decl.module,
        item: { kind: 'fn', name: f.name, params: [], result: f.type, body: f.default, span: f.span },
        params: [],
        result: field.type,
        sizes,
        types,
        definitions: info.definitions,
      }),
    ]
  })
}

const elaborateSigned = (parts: Parts, signature: FnSignature): CoreFn => {
  const { declarations } = parts
  const { item } = signature
  const cx = openBody({
    ...parts,
    scope: declarations.scope(signature.module),
    definitions: signature.definitions,
    sizes: new Set(signature.sizes),
    types: new Set(signature.types),
    owner: `\`${signature.name}\``,
  })
  // Unknowns that a wrong signature leaves open are no second error.
  const refused = (t: Type): boolean => isError(t) || sizesIn(t).some(p => sameSize(p, errorSize))
  if (signature.params.some(p => refused(p.type)) || refused(signature.result)) cx.errors++
  let env: Env = new Map()
  const params: CoreParam[] = []
  for (const p of signature.params) {
    const value =
      p.default === undefined
        ? undefined
        : cx.check(env, p.default, p.type, {
            kind: 'argument',
            fn: signature.name,
            param: `\`${p.name}\``,
            at: p.span,
          })
    const local = cx.bind({ name: p.name, type: p.type, role: 'parameter', span: p.span })
    env = new Map(env).set(p.name, local)
    params.push({ id: local.id, name: p.name, type: p.type, ...(value !== undefined && { default: value }) })
  }
  const body = cx.check(env, item.body, signature.result, {
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
