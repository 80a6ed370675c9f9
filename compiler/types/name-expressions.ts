import type { CoreExpr } from '../core/core.js'
import { sizeNamesIn } from '../core/size.js'
import type { Span } from '../diagnostics/source.js'
import { idOf, unknownPath, whatIs } from '../names/module-scopes.js'
import { importHint } from '../names/std-modules.js'
import { didYouMean } from '../names/suggest.js'
import type { Path, SourceExpr } from '../syntax/ast.js'
import { typeF32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { builtinNames } from './builtin-table.js'
import { asDeclaredPath, resolveCallee } from './callee.js'
import { errorExpr } from './coerce.js'
import { elaborateFieldRead } from './field-reads.js'
import { foreignName, libraryPrefix } from './foreign-names.js'
import { instantiateSignature } from './fresh-instances.js'
import { elaborateUntypedLambda } from './lambdas.js'
import type { Env } from './locals.js'
import { isSizeName } from './size-expr.js'
import { sizesIn } from './type-traversal.js'

/** A name as an expression. */
export const elaborateName = (cx: BodyContext, env: Env, path: Path, span: Span): CoreExpr => {
  if (path.module !== undefined && env.has(path.module.text)) {
    const target = elaborateName(cx, env, { name: path.module, span: path.module.span }, path.module.span)
    return elaborateFieldRead(cx, target, path.name, span)
  }
  const callee = resolveCallee(cx, env, { kind: 'name', path, span })
  switch (callee.kind) {
    case 'local': {
      const { local } = callee
      if (local.lambda !== undefined && local.lambda.core === undefined) {
        const core = elaborateUntypedLambda(cx, local.lambda)
        cx.solver.unify(local.type, core.type, { span, text: 'used here' }, () => undefined)
      }
      return { kind: 'var', id: local.id, name: local.name, type: local.type, span }
    }
    case 'method':
      return { kind: 'var', id: callee.method.id, name: callee.name, type: callee.method.type, span }
    case 'fn': {
      const { signature } = callee
      cx.parts.uses(signature.id, span)
      const { instance, params, result } = instantiateSignature(cx, signature, span)
      return { kind: 'fn', fn: signature.id, instance, type: { kind: 'fn', params, result }, span }
    }
    case 'declared': {
      const { decl } = callee
      if (decl.kind === 'const') {
        cx.parts.uses(idOf(decl), span)
        const type = cx.parts.constant(decl)
        const unknown = sizesIn(type)
          .flatMap(sizeNamesIn)
          .find(n => !cx.parts.sizes.has(n))
        if (unknown !== undefined) return unknownSizeOf(cx, path.name.text, unknown, span)
        return { kind: 'global', id: idOf(decl), type, span }
      }
      if (decl.kind === 'size') return sizeNumber(cx, path, span)
      cx.report({
        code: 'E0206',
        title: `\`${path.name.text}\` is ${whatIs(decl)}, not a value`,
        labels: [
          { span, text: 'used as a value' },
          { span: decl.name.span, text: 'declared here' },
        ],
        ...(decl.kind === 'record' && { hint: `a value of it is written \`${path.name.text} { … }\`` }),
      })
      return errorExpr(span)
    }
    case 'builtin':
      if (callee.name === 'inf')
        return { kind: 'const', value: Number.POSITIVE_INFINITY, type: typeF32, span }
      cx.report({
        code: 'E0338',
        title: `the built-in \`${callee.name}\` is not called`,
        labels: [{ span, text: 'a function by itself is no value' }],
        hint: `write \`${callee.name}(…)\``,
      })
      return errorExpr(span)
    case 'unknown':
      return unknownName(cx, env, callee.path, span)
    default:
      return errorExpr(span)
  }
}

/** `r.field`, or a qualified name. */
export const elaborateField = (cx: BodyContext, env: Env, e: SourceExpr & { kind: 'field' }): CoreExpr => {
  const path = asDeclaredPath(cx, env, e)
  if (path !== undefined) return elaborateName(cx, env, path, e.span)
  return elaborateFieldRead(cx, cx.infer(env, e.target), e.field, e.span)
}

/** A size as a number, which is an integer literal as far as types go. */
const sizeNumber = (cx: BodyContext, path: Path, span: Span): CoreExpr => {
  const size = cx.size({ kind: 'name', path: { name: path.name, span: path.span }, span })
  return { kind: 'size', size, type: cx.solver.freshType('number', span), span }
}

const unknownName = (cx: BodyContext, env: Env, path: Path, span: Span): CoreExpr => {
  const text = path.name.text
  if (path.module === undefined) {
    const choices = cx.choices.get(text) ?? []
    if (choices.length === 1) return { kind: 'choice', name: text, type: choices[0]!, span }
    if (choices.length > 1) {
      cx.report({
        code: 'E0208',
        title: `several settings or constants have a choice \`${text}\``,
        labels: [{ span, text: 'which of them is meant?' }],
        hint: `compare it with the one that is meant: \`name == ${text}\``,
      })
      return errorExpr(span)
    }
    if (cx.knownSize(text) !== undefined || (isSizeName(text) && foreignName(cx, path) === undefined))
      return sizeNumber(cx, path, span)
  }
  const foreign = foreignName(cx, path) ?? libraryPrefix(path)
  const names = [...env.keys(), ...builtinNames, ...cx.choices.keys(), ...cx.parts.sizes]
  const unknown = unknownPath(cx.parts.scope, path, {
    what: 'variable, function or constant',
    kinds: ['const', 'fn', 'size'],
    others: names,
  })
  const qualifies = path.module === undefined && span.source.text[span.end] === '.'
  const imported = qualifies && foreign === undefined ? importHint(text) : undefined
  const member = path.module === undefined ? undefined : cx.parts.scope.qualifiers.get(path.module.text)
  cx.report({
    ...unknown,
    ...(member !== undefined && {
      title: `the module \`${path.module?.text}\` has no \`${text}\``,
      ...didYouMean(text, member.keys(), path.name.span),
    }),
    ...(imported !== undefined && { hint: imported }),
    ...foreign,
  })
  return errorExpr(span)
}

/** A list of constants, one for each index of a size, where nothing tells that size. */
const unknownSizeOf = (cx: BodyContext, text: string, size: string, span: Span): CoreExpr => {
  cx.report({
    code: 'E0313',
    title:
      `\`${text}\` has one value for each of \`${size}\`, ` +
      `and ${cx.parts.owner} knows no size \`${size}\``,
    labels: [{ span, text: `\`${size}\` occurs in no parameter` }],
    hint: `take something of that size, or one element of \`${text}\`, as a parameter`,
  })
  return errorExpr(span)
}
