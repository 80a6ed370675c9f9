import type { CoreRecipe, CoreSetting } from '../core/core.js'
import { sizeName, sizeNamesIn, substituteSizes } from '../core/size.js'
import { holdsFunction, type Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Decl } from '../names/module-scopes.js'
import { duplicate, idOf } from '../names/module-scopes.js'
import { DATA_MODULE } from '../names/modules.js'
import type { SettingDecl } from '../syntax/ast.js'
import { isUnknownSizeName, typeI32 } from './basic-types.js'
import type { BodyContextParts } from './body-context.js'
import { choiceType, choiceValue } from './choices.js'
import { elaborateConstant } from './constants.js'
import type { Declarations } from './declarations.js'
import type { Local } from './locals.js'
import { elaborateMethods } from './recipe-methods.js'
import type { RecordInfo, TypeScope } from './resolve-type.js'
import { resolveType } from './resolve-type.js'
import { resolveParams } from './signatures.js'
import { isSizeName } from './size-expr.js'
import { sizesIn } from './type-traversal.js'

type Parts = Pick<BodyContextParts, 'declarations' | 'constant' | 'uses'>
type RecipeDecl = Decl & { kind: 'recipe' }

/** `std.data`'s record of a name, which recipes speak about without importing it. */
const dataRecord = (declarations: Declarations, recordName: string): RecordInfo | undefined => {
  const decl = declarations.scopes.get(DATA_MODULE)?.own.get(recordName)
  const info = decl?.kind === 'record' ? declarations.record(decl) : undefined
  return info === 'broken' ? undefined : info
}

const elaborateSetting = (parts: Parts, module: string, s: SettingDecl): CoreSetting => {
  const id = parts.declarations.freshVariable()
  const doc = s.doc === undefined ? {} : { doc: s.doc }
  const owner = `the setting \`${s.name.text}\``
  if (s.choices === undefined) {
    const written = s.size ? typeI32 : undefined
    const { value, type } = elaborateConstant(parts, { module, value: s.value, written, owner })
    const size = s.size ? ({ isSize: true } as const) : {}
    return { id, name: s.name.text, type, ...size, value, ...doc, span: s.span }
  }
  const type = choiceType(s.choices)
  const value = choiceValue(parts.declarations, owner, type, s.value)
  return { id, name: s.name.text, type, value, ...doc, span: s.span }
}

/** A recipe: its parameters, settings and state, and the methods that training calls. */
export const elaborateRecipe = (parts: Parts, decl: RecipeDecl): CoreRecipe | undefined => {
  const { declarations } = parts
  const { item, module } = decl
  const id = idOf(decl)
  const batch = dataRecord(declarations, 'Batch')
  const pairs = dataRecord(declarations, 'Pairs')
  const at = dataRecord(declarations, 'At')
  if (batch === undefined || at === undefined) {
    declarations.report(noData(item.name))
    return undefined
  }
  const written = [
    ...item.params.flatMap(p => (p.type ? [p.type] : [])),
    ...item.state.map(f => f.type),
    ...item.methods.flatMap(m => [
      ...m.params.flatMap(p => (p.type ? [p.type] : [])),
      ...(m.result ? [m.result] : []),
    ]),
  ]
  const definitions = declarations.signatureDefinitions(module, {
    types: written,
    span: item.name.span,
    more: [batch.definitions, at.definitions],
  })
  const data = [
    ['Batch', batch] as const,
    ['At', at] as const,
    ...(pairs === undefined ? [] : [['Pairs', pairs] as const]),
  ]
  const scope = declarations.scope(module)
  const records = new Map<string, RecordInfo>(
    data.filter(([n]) => !scope.own.has(n) && !scope.imported.has(n)),
  )
  const plain = declarations.typeScope(module, definitions, () => undefined)
  const ts: TypeScope = {
    ...plain,
    record: path =>
      (path.module === undefined ? records.get(path.name.text) : undefined) ?? plain.record(path),
  }
  const params = resolveParams(item.params, ts)
  const state = declarations.buildRecord(module, {
    id: `${id}.State`,
    name: 'State',
    item: { fields: item.state, span: item.span },
    inherited: definitions,
  })
  records.set('State', state)
  reportUnfit(declarations, item, [...params.map(p => p.type), ...state.decl.fields.map(f => f.type)])
  const named = (text: string, record: RecordInfo) =>
    resolveType(
      {
        kind: 'named',
        path: { name: { text, span: item.name.span }, span: item.name.span },
        args: [],
        span: item.name.span,
      },
      { ...ts, record: () => record },
    )
  const protocol = {
    state: named('State', state),
    batch: named('Batch', batch),
    pairs: pairs === undefined ? undefined : named('Pairs', pairs),
    at: named('At', at),
    vocabulary: substituteSizes(sizeName('V'), n => definitions.get(n)?.size),
    length: substituteSizes(sizeName('T'), n => definitions.get(n)?.size),
  }
  const given = new Set([...params.map(p => p.type), protocol.batch].flatMap(sizesIn).flatMap(sizeNamesIn))
  for (const s of item.settings) if (s.size) reportUnfitSize(declarations, s.name, { definitions, given })
  const chosen = item.settings.flatMap(s => (s.size ? [s.name.text] : []))
  const mentioned = [...given, ...sizesIn(protocol.state).flatMap(sizeNamesIn)]
  const sizes = [...new Set([...mentioned, ...chosen, 'V', 'T'])].filter(n => !isUnknownSizeName(n))

  const settings = item.settings.map(s => elaborateSetting(parts, module, s))
  const coreParams = params.map(p => ({ id: declarations.freshVariable(), name: p.name, type: p.type }))
  const locals = new Map<string, Local>()
  for (const [i, p] of coreParams.entries())
    locals.set(p.name, { ...p, role: 'parameter', span: params[i]!.span })
  const places = new Map([...locals].map(([name, local]) => [name, local.span]))
  for (const [i, s] of settings.entries()) {
    const { name } = item.settings[i]!
    const before = places.get(s.name)
    if (before !== undefined) declarations.report(duplicate(name, before))
    places.set(s.name, name.span)
    // A size is no variable: bodies read it as a number like every other size.
    if (s.isSize) continue
    locals.set(s.name, { id: s.id, name: s.name, type: s.type, role: 'setting', span: name.span })
  }
  const methods = elaborateMethods(
    {
      ...parts,
      scope,
      definitions,
      sizes: new Set(sizes),
      types: new Set(),
      owner: `the recipe \`${item.name.text}\``,
      records,
      choices: settings.map(s => s.type),
    },
    { id, item, protocol, locals, typeScope: ts },
  )
  return {
    id,
    name: item.name.text,
    params: coreParams,
    sizes,
    settings,
    state: state.decl,
    methods,
    ...(item.doc !== undefined && { doc: item.doc }),
    span: item.span,
  }
}

const noData = (n: RecipeDecl['name']): Diagnostic => ({
  code: 'E0353',
  title: `the recipe \`${n.text}\` needs the records \`Batch\` and \`At\` of \`${DATA_MODULE}\``,
  labels: [{ span: n.span, text: 'declared here' }],
  hint: `the standard library's \`${DATA_MODULE}\` is missing or does not have them`,
})

/** Reports a setting that cannot be a size, or whose size something else tells already. */
const reportUnfitSize = (
  { report }: Declarations,
  { text, span }: SettingDecl['name'],
  {
    definitions,
    given,
  }: { readonly definitions: ReadonlyMap<string, unknown>; readonly given: ReadonlySet<string> },
): void => {
  if (!isSizeName(text))
    report({
      code: 'E0301',
      title: `the setting \`${text}\` is no size`,
      labels: [{ span, text: 'does not begin with a capital letter' }],
      hint: `give it a capital letter, or write a number: \`setting ${text} = 8\``,
    })
  else if (definitions.has(text) || given.has(text) || text === 'V' || text === 'T')
    report({
      code: 'E0303',
      title: `the size \`${text}\` is told twice`,
      labels: [{ span, text: 'set here' }],
      text: definitions.has(text)
        ? 'A declaration defines it by other sizes.'
        : "The recipe's parameters or the batch tell it.",
      hint: 'give the setting another name',
    })
}

/**
 * Reports parameters and fields of the state that training could not keep in memory, and defaults of a state.
 */
const reportUnfit = (
  { report }: Declarations,
  { params, state }: RecipeDecl['item'],
  types: readonly Type[],
): void => {
  for (const [i, part] of [...params, ...state].entries()) {
    const type = types[i]
    if (type !== undefined && holdsFunction(type))
      report({
        code: 'E0306',
        title: `\`${part.name.text}\` is or holds a function`,
        labels: [{ span: part.span, text: 'kept between steps' }],
        hint: 'parameters and states of recipes consist of numbers; write the function where it is used',
      })
  }
  for (const { name, default: value } of state)
    if (value !== undefined)
      report({
        code: 'E0361',
        title: `the field \`${name.text}\` of a state has a default`,
        labels: [{ span: value.span, text: 'nothing would use it' }],
        hint: 'give the field its first value in `init`',
      })
}
