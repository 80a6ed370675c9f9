import { sizeNamesIn } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { type Decl, duplicate, idOf } from '../names/module-scopes.js'
import type { FnItem, Param, SourceExpr } from '../syntax/ast.js'
import { errorSize, errorType, isError, isUnknownSizeName } from './basic-types.js'
import type { ModuleRecords } from './module-records.js'
import { notFunction, resolveType, type TypeScope } from './resolve-type.js'
import type { SizeDefinitions } from './size-definitions.js'
import { mapType, paramsIn, sizesIn, sizesOfData } from './type-traversal.js'

export interface SignatureParam {
  readonly name: string
  readonly type: Type
  readonly default?: SourceExpr
  readonly span: Span
}

/** A function as its callers see it. */
export interface FnSignature {
  readonly id: string
  readonly name: string
  readonly module: string
  readonly item: FnItem
  readonly params: readonly SignatureParam[]
  readonly result: Type
  /** The sizes and type parameters that the function is generic over. */
  readonly sizes: readonly string[]
  readonly types: readonly string[]
  readonly definitions: SizeDefinitions
}

/** Reads the signature of a top-level function. */
export const buildSignature = (modules: ModuleRecords, decl: Decl & { kind: 'fn' }): FnSignature => {
  const { item, module } = decl
  const written = [
    ...item.params.flatMap(p => (p.type ? [p.type] : [])),
    ...(item.result ? [item.result] : []),
  ]
  const definitions = modules.signatureDefinitions(module, { types: written, span: item.name.span })
  const seen = new Set<string>()
  const ts: TypeScope = {
    ...modules.typeScope(module, definitions, n => seen.add(n)),
    param: () => undefined,
  }
  const params = resolveParams(item.params, ts)
  const promised =
    item.result === undefined
      ? refuseMissingResult(item, ts)
      : notFunction(resolveType(item.result, ts), item.result, ts)
  // The sizes of a parameter in error count as known, so that they are no second error.
  const refused = params.some(p => isError(p.type))
  const found = params.flatMap(p => sizesIn(p.type)).flatMap(sizeNamesIn)
  const told = [...new Set(refused ? seen : found)].filter(n => !isUnknownSizeName(n))
  const types = [...new Set(params.flatMap(p => paramsIn(p.type)))]
  const lost = new Set(refused ? [] : reportLost(item, promised, { sizes: told, types }, ts.report))
  const result = mapType(
    promised,
    size => (sizeNamesIn(size).some(n => lost.has(n)) ? errorSize : size),
    t => t,
  )
  // A function is generic over its sizes. Its use fixes those that only functions in the result mention.
  const sizes = [...new Set([...told, ...sizesIn(result).flatMap(sizeNamesIn)])].filter(
    n => !isUnknownSizeName(n),
  )
  return { id: idOf(decl), name: item.name.text, module, item, params, result, sizes, types, definitions }
}

/** Parameters with their types. A missing type is reported. */
export const resolveParams = (params: readonly Param[], ts: TypeScope): readonly SignatureParam[] => {
  const seen = new Map<string, Span>()
  let optional: Span | undefined
  return params.map(p => {
    const before = seen.get(p.name.text)
    if (before !== undefined) ts.report(duplicate(p.name, before))
    seen.set(p.name.text, p.name.span)
    if (p.default !== undefined) optional = p.span
    else if (optional !== undefined)
      ts.report({
        code: 'E0310',
        title: `\`${p.name.text}\` needs a default, as a parameter before it has one`,
        labels: [
          { span: p.span, text: 'has no default' },
          { span: optional, text: 'may be left out' },
        ],
        hint: 'put the parameters with defaults last',
      })
    if (p.type === undefined)
      ts.report({
        code: 'E0311',
        title: `the parameter \`${p.name.text}\` has no type`,
        labels: [{ span: p.span, text: 'signatures are written out' }],
        hint: `for example \`${p.name.text}: f32[N]\``,
      })
    return {
      name: p.name.text,
      type: p.type === undefined ? errorType : resolveType(p.type, ts),
      ...(p.default !== undefined && { default: p.default }),
      span: p.span,
    }
  })
}

const refuseMissingResult = (item: FnItem, ts: TypeScope): Type => {
  ts.report({
    code: 'E0311',
    title: `the function \`${item.name.text}\` has no result type`,
    labels: [{ span: item.name.span, text: 'signatures are written out' }],
    hint: 'write `-> TYPE` before the `=`',
  })
  return errorType
}

/** Reports the sizes and types of a result that no parameter mentions. Returns the sizes. */
const reportLost = (
  item: FnItem,
  result: Type,
  { sizes, types }: Pick<FnSignature, 'sizes' | 'types'>,
  report: TypeScope['report'],
): readonly string[] => {
  const span = item.result?.span ?? item.span
  const lost = [...new Set(sizesOfData(result).flatMap(sizeNamesIn))].filter(
    n => !isUnknownSizeName(n) && !sizes.includes(n),
  )
  const known = sizes.length > 0 ? ` (${sizes.join(', ')})` : ''
  for (const n of lost)
    report({
      code: 'E0312',
      title: `the size \`${n}\` of the result occurs in no parameter`,
      labels: [{ span, text: `nothing says how large \`${n}\` is` }],
      hint: `take something of that size, or use a size of the parameters${known}`,
    })
  for (const n of paramsIn(result))
    if (!types.includes(n))
      report({
        code: 'E0312',
        title: `the type \`${n}\` of the result occurs in no parameter`,
        labels: [{ span, text: `nothing says which record \`${n}\` is` }],
        hint: `take a \`${n}\` as a parameter, for example to be imitated with \`zeros_like\``,
      })
  return lost
}
