import type { Size } from '../core/size.js'
import { sizeName } from '../core/size.js'
import { holdsFunction, type RecordDecl, type Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { replaceBy } from '../diagnostics/fix.js'
import type { ModuleScope } from '../names/module-scopes.js'
import { lookupPath, unknownPath, whatIs } from '../names/module-scopes.js'
import { didYouMean } from '../names/suggest.js'
import type { Path, TypeArg, TypeExpr } from '../syntax/ast.js'
import { errorType, typeBool, typeF32, typeI32, typeU32 } from './basic-types.js'
import type { SizeDefinitions } from './size-definitions.js'
import type { SizeResolver } from './size-expr.js'
import { resolveSize } from './size-expr.js'
import { arrayOf } from './type-traversal.js'

/** A record declaration and the size definitions that come along with it. */
export interface RecordInfo {
  readonly decl: RecordDecl
  readonly definitions: SizeDefinitions
}

/** The scope in which a type expression is read. */
export interface TypeScope {
  readonly scope: ModuleScope
  /** Records by their declaration; undefined when the record was refused. */
  readonly record: (path: Path) => RecordInfo | 'broken' | undefined
  /** A size name after the definitions that hold here. */
  readonly size: SizeResolver
  readonly report: (d: Diagnostic) => void
  /** Tells that a type parameter is mentioned; undefined when there can be none here. */
  readonly param?: (name: string) => void
}

const primitives: ReadonlyMap<string, Type> = new Map<string, Type>([
  ['f32', typeF32],
  ['i32', typeI32],
  ['u32', typeU32],
  ['bool', typeBool],
  ['key', { kind: 'key' }],
])

/**
 * The type that a type expression writes; parts that make no sense are reported and become the error type.
 */
export const resolveType = (expr: TypeExpr, ts: TypeScope): Type => {
  switch (expr.kind) {
    case 'named':
      return named(expr.path, expr.args, ts)
    case 'idx':
      return { kind: 'idx', bound: resolveSize(expr.bound, ts.size, ts.report) }
    case 'array': {
      const element = resolveType(expr.element, ts)
      const dims = expr.dims.map(d => resolveSize(d, ts.size, ts.report))
      if (holdsFunction(element) || element.kind === 'key' || element.kind === 'per') {
        const what = holdsFunction(element) ? 'functions' : element.kind === 'key' ? 'keys' : 'such numbers'
        ts.report({
          code: 'E0305',
          title: `there are no arrays of ${what}`,
          labels: [{ span: expr.span, text: 'not a type' }],
          ...(element.kind === 'key' && { hint: 'pass one key and derive others with `fold_in(key, i)`' }),
        })
        return errorType
      }
      return element === errorType ? errorType : arrayOf(element, dims)
    }
    case 'tuple':
      return { kind: 'tuple', items: expr.items.map(item => notFunction(resolveType(item, ts), item, ts)) }
    case 'fn':
      return {
        kind: 'fn',
        params: expr.params.map(p => resolveType(p, ts)),
        result: notFunction(resolveType(expr.result, ts), expr.result, ts),
      }
    case 'per':
      return { kind: 'per', of: resolveType(expr.of, ts) }
  }
}

/** Functions are second class: parameters only. */
export const notFunction = (type: Type, expr: TypeExpr, ts: Pick<TypeScope, 'report'>): Type => {
  if (type.kind !== 'fn') return type
  ts.report({
    code: 'E0306',
    title: 'a function cannot be stored or given back',
    labels: [{ span: expr.span, text: 'a function type' }],
    text: 'Functions are handed to functions and inlined there; no value holds one.',
    hint: 'give back a record of functions, or take what the function needs as parameters',
  })
  return errorType
}

const named = (path: Path, args: readonly TypeArg[], ts: TypeScope): Type => {
  const primitive = path.module === undefined ? primitives.get(path.name.text) : undefined
  if (primitive !== undefined) return primitive
  const record = ts.record(path)
  if (record === 'broken') return errorType
  if (record !== undefined) return mention(record.decl, path, args, ts)
  const decl = lookupPath(ts.scope, path)
  if (decl === 'broken') return errorType
  if (decl?.kind === 'type') {
    if (ts.param === undefined) {
      ts.report({
        code: 'E0307',
        title: `\`${path.name.text}\` is not known here`,
        labels: [{ span: path.span, text: 'a type parameter, but nothing gives it' }],
        hint: 'write the record that is meant',
      })
      return errorType
    }
    ts.param(decl.name.text)
    return { kind: 'param', name: decl.name.text }
  }
  if (decl !== undefined) {
    ts.report({
      code: 'E0206',
      title: `\`${path.name.text}\` is ${whatIs(decl)}, not a type`,
      labels: [
        { span: path.span, text: 'used as a type' },
        { span: decl.name.span, text: 'declared here' },
      ],
      ...(decl.kind === 'size' && { hint: `a number below it is \`idx[${decl.name.text}]\`` }),
    })
    return errorType
  }
  const words = [...primitives.keys(), 'idx']
  const foreign: ReadonlyMap<string, string> = new Map(
    Object.entries({
      float: 'f32',
      int: 'i32',
      number: 'f32',
      i64: 'i32',
      f64: 'f32',
      Float: 'f32',
      double: 'f32',
      float32: 'f32',
      Int: 'i32',
      int32: 'i32',
      usize: 'u32',
      Tensor: 'f32',
      Array: 'f32',
      ndarray: 'f32',
      boolean: 'bool',
      Bool: 'bool',
    }),
  )
  const meant = foreign.get(path.name.text)
  const unknown = unknownPath(ts.scope, path, { what: 'type', kinds: ['record', 'type'], others: words })
  ts.report(
    meant === undefined
      ? unknown
      : { ...unknown, hint: `did you mean \`${meant}\`?`, fixes: [replaceBy(path.span, meant)] },
  )
  return errorType
}

/** A record mentioned in a signature: sizes and type parameters by name, unless given. */
const mention = (record: RecordDecl, path: Path, args: readonly TypeArg[], ts: TypeScope): Type => {
  const sizes = new Map<string, Size>()
  const types = new Map<string, Type>()
  for (const arg of args) {
    const wanted = record.sizes.includes(arg.name.text) || record.types.includes(arg.name.text)
    if (!wanted) {
      const defined = record.definitions.get(arg.name.text)
      ts.report({
        code: 'E0308',
        title: `\`${record.name}\` has no size or type parameter \`${arg.name.text}\``,
        labels: [
          {
            span: arg.name.span,
            text: defined === undefined ? 'not one of its names' : 'is defined by other sizes',
          },
          { span: record.span, text: 'declared here' },
        ],
        ...(defined === undefined
          ? didYouMean(arg.name.text, [...record.sizes, ...record.types])
          : { hint: 'give the sizes that define it' }),
      })
    } else if (record.types.includes(arg.name.text)) types.set(arg.name.text, typeArgument(arg, ts))
    else if (arg.value.kind === 'size')
      sizes.set(arg.name.text, resolveSize(arg.value.size, ts.size, ts.report))
    else {
      const t = arg.value.type
      const size =
        t.kind === 'named' && t.args.length === 0 && t.path.module === undefined
          ? ts.size(t.path.name)
          : undefined
      if (size !== undefined) sizes.set(arg.name.text, size)
      else if (!(t.kind === 'named' && t.path.module === undefined))
        ts.report({
          code: 'E0301',
          title: 'this is not a size',
          labels: [{ span: arg.span, text: `\`${arg.name.text}\` is a size of \`${record.name}\`` }],
        })
    }
  }
  for (const n of record.sizes)
    if (!sizes.has(n)) sizes.set(n, ts.size({ text: n, span: record.span, implied: true }) ?? sizeName(n))
  for (const n of record.types) {
    if (types.has(n)) continue
    if (ts.param === undefined) {
      ts.report({
        code: 'E0307',
        title: `\`${record.name}\` needs to know its \`${n}\``,
        labels: [{ span: path.span, text: `holds a \`${n}\`, which nothing here gives` }],
        hint: `write the record that is meant: \`${record.name}(${n} = …)\``,
      })
      types.set(n, errorType)
    } else {
      ts.param(n)
      types.set(n, { kind: 'param', name: n })
    }
  }
  return { kind: 'record', record, instance: { sizes, types } }
}

const typeArgument = (arg: TypeArg, ts: TypeScope): Type => {
  if (arg.value.kind === 'type') return resolveType(arg.value.type, ts)
  ts.report({
    code: 'E0308',
    title: `\`${arg.name.text}\` is a type parameter`,
    labels: [{ span: arg.span, text: 'given a size' }],
    hint: 'give it a record',
  })
  return errorType
}

export interface RecordMention {
  readonly path: Path
  /** The sizes and type parameters given explicitly. */
  readonly given: readonly string[]
}

/** The records that type expressions mention. */
export const mentionsIn = (exprs: readonly TypeExpr[]): readonly RecordMention[] => exprs.flatMap(mentions)

const mentions = (e: TypeExpr): readonly RecordMention[] => {
  switch (e.kind) {
    case 'named':
      return [
        { path: e.path, given: e.args.map(a => a.name.text) },
        ...mentionsIn(e.args.flatMap(a => (a.value.kind === 'type' ? [a.value.type] : []))),
      ]
    case 'idx':
      return []
    case 'array':
      return mentions(e.element)
    case 'tuple':
      return mentionsIn(e.items)
    case 'fn':
      return mentionsIn([...e.params, e.result])
    case 'per':
      return mentions(e.of)
  }
}
