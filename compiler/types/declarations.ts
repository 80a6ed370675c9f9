import type { Size } from '../core/size.js'
import { sizeName, sizeNamesIn } from '../core/size.js'
import type { RecordField, Type } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { Decl, ModuleScope } from '../names/module-scopes.js'
import { duplicate, idOf, lookupPath } from '../names/module-scopes.js'
import type { FieldDecl, FnItem, Name, Param, Path, RecordItem, SourceExpr, TypeExpr } from '../syntax/ast.js'
import { resolveCondition } from './conditions.js'
import type { RecordInfo, TypeScope } from './resolve-type.js'
import { mentionsIn, notFunction, resolveType } from './resolve-type.js'
import type { SizeDefinitions } from './size-definitions.js'
import { definitionsAbout, joinDefinitions, moduleDefinitions } from './size-definitions.js'
import type { SizeResolver } from './size-expr.js'
import { isSizeName } from './size-expr.js'
import { errorSize, errorType, isError } from './solver.js'
import { resolveTensorSource } from './tensor-sources.js'
import { mapType, paramsIn, sizesIn } from './type-traversal.js'

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
  readonly sizes: readonly string[]
  readonly types: readonly string[]
  readonly definitions: SizeDefinitions
}

/** What is known of one module's declarations. */
export interface KnownDeclarations {
  readonly definitions: SizeDefinitions
  readonly records: ReadonlyMap<string, RecordInfo>
  readonly signatures: ReadonlyMap<string, FnSignature>
}

/** What is declared at the top of all modules, worked out when first asked for. */
export class Declarations {
  private readonly definitions = new Map<string, SizeDefinitions>()
  private readonly records = new Map<string, RecordInfo | 'open' | 'broken'>()
  private readonly signatures = new Map<string, FnSignature>()

  private readonly clashes = new Set<string>()

  /** `fresh` gives variable ids that nothing else in the program has. */
  constructor(
    readonly scopes: ReadonlyMap<string, ModuleScope>,
    readonly report: (d: Diagnostic) => void,
    readonly fresh: () => number,
  ) {}

  /** The declarations of a module that has no errors, each worked out by now. */
  declaredIn(module: string): KnownDeclarations {
    const records = new Map<string, RecordInfo>()
    const signatures = new Map<string, FnSignature>()
    for (const decl of this.scope(module).own.values()) {
      const id = idOf(decl)
      const record = this.records.get(id)
      if (record !== undefined && typeof record !== 'string') records.set(id, record)
      const signature = this.signatures.get(id)
      if (signature !== undefined) signatures.set(id, signature)
    }
    return { definitions: this.definitionsOf(module), records, signatures }
  }

  /** Takes over what was worked out for an earlier program. */
  declare(module: string, { definitions, records, signatures }: KnownDeclarations): void {
    this.definitions.set(module, definitions)
    for (const [id, record] of records) this.records.set(id, record)
    for (const [id, signature] of signatures) this.signatures.set(id, signature)
  }

  scope(module: string): ModuleScope {
    const scope = this.scopes.get(module)
    if (scope === undefined) throw new Error(`module ${module} was not loaded`)
    return scope
  }

  definitionsOf(module: string): SizeDefinitions {
    const known = this.definitions.get(module)
    if (known !== undefined) return known
    const found = moduleDefinitions(this.scope(module), m => this.definitionsOf(m), this.report)
    this.definitions.set(module, found)
    return found
  }

  /** The record that a path names; `broken` when it was refused already. */
  recordAt(scope: ModuleScope, path: Path): RecordInfo | 'broken' | undefined {
    const decl = lookupPath(scope, path)
    if (decl === 'broken') return 'broken'
    return decl?.kind === 'record' ? this.record(decl) : undefined
  }

  record(decl: Decl & { kind: 'record' }): RecordInfo | 'broken' {
    const id = idOf(decl)
    const known = this.records.get(id)
    if (known === 'open') {
      this.report({
        code: 'E0309',
        title: `the record \`${decl.name.text}\` contains itself`,
        labels: [{ span: decl.name.span, text: 'has no end' }],
        hint: 'a record is a tree of tensors of known depth; `Layer[L]` holds L records of one kind',
      })
      this.records.set(id, 'broken')
      return 'broken'
    }
    if (known !== undefined) return known
    this.records.set(id, 'open')
    const info = this.buildRecord(decl.module, id, decl.name.text, decl.item)
    if (this.records.get(id) === 'broken') return 'broken'
    this.records.set(id, info)
    return info
  }

  /** A record from its fields; a recipe's state is built by this too. */
  buildRecord(
    module: string,
    id: string,
    recordName: string,
    item: Pick<RecordItem, 'fields' | 'doc' | 'span'>,
    inherited?: SizeDefinitions,
  ): RecordInfo {
    const definitions =
      inherited ??
      this.signatureDefinitions(
        module,
        item.fields.map(f => f.type),
        item.span,
      )
    const ts = this.typeScope(module, definitions, () => undefined)
    const scoped: TypeScope = inherited === undefined ? { ...ts, param: () => undefined } : ts
    const seen = new Map<string, Span>()
    const fields = item.fields.flatMap((f): readonly RecordField[] => {
      const before = seen.get(f.name.text)
      if (before !== undefined) this.report(duplicate(f.name, before))
      seen.set(f.name.text, f.name.span)
      const condition = (n: Name) => resolveCondition(this.scope(module), n, this.report)
      return before === undefined ? [recordField(f, scoped, condition)] : []
    })
    const types = [...new Set(fields.flatMap(f => paramsIn(f.type)))]
    const sizes = [...new Set(fields.flatMap(f => sizesIn(f.type)).flatMap(sizeNamesIn))].filter(
      n => !n.startsWith('?'),
    )
    const about = definitionsAbout(definitions, new Set(sizes))
    const polys = new Map([...about].map(([n, d]) => [n, d.poly]))
    return {
      decl: {
        id,
        name: recordName,
        sizes,
        types,
        fields,
        definitions: polys,
        ...(item.doc !== undefined && { doc: item.doc }),
        span: item.span,
      },
      definitions: about,
    }
  }

  /** The definitions that hold in a signature with these types: the module's and those of the records mentioned. */
  signatureDefinitions(
    module: string,
    types: readonly TypeExpr[],
    at: Span,
    more: readonly SizeDefinitions[] = [],
  ): SizeDefinitions {
    const scope = this.scope(module)
    const brought = mentionsIn(types).flatMap(({ path, given }) => {
      const info = this.recordAt(scope, path)
      if (info === undefined || info === 'broken') return []
      const kept = [...info.definitions].filter(
        ([n, d]) => !given.includes(n) && !sizeNamesIn(d.poly).some(m => given.includes(m)),
      )
      return [new Map(kept)]
    })
    return joinDefinitions([this.definitionsOf(module), ...more, ...brought], at, d => {
      // The same two definitions meet in many signatures of a module; one report is enough.
      const key = `${module} ${d.title}`
      if (!this.clashes.has(key)) this.report(d)
      this.clashes.add(key)
    })
  }

  /** Reads types of a module's declaration; `seen` hears of every size name that is left after the definitions. */
  typeScope(module: string, definitions: SizeDefinitions, seen: (name: string) => void): TypeScope {
    const scope = this.scope(module)
    return {
      scope,
      record: path => this.recordAt(scope, path),
      size: this.sizeNames(scope, definitions, seen),
      report: this.report,
    }
  }

  private sizeNames(
    scope: ModuleScope,
    definitions: SizeDefinitions,
    seen: (name: string) => void,
  ): SizeResolver {
    return n => {
      const defined = definitions.get(n.text)
      const poly: Size = defined?.poly ?? sizeName(n.text)
      const decl = lookupPath(scope, { name: { text: n.text, span: n.span }, span: n.span })
      if (decl === 'broken') return poly
      if (decl !== undefined && decl.kind !== 'size' && n.span.source === scope.module.ast.span.source) {
        this.report({
          code: 'E0207',
          title: `\`${n.text}\` is not a size`,
          labels: [
            { span: n.span, text: 'a size belongs here' },
            { span: decl.name.span, text: `declared as a ${decl.kind}` },
          ],
        })
        return undefined
      }
      if (decl === undefined && !isSizeName(n.text)) {
        this.report({
          code: 'E0207',
          title: `\`${n.text}\` is not a size`,
          labels: [{ span: n.span, text: 'a size belongs here' }],
          hint: 'size names begin with a capital letter; a number known only while running cannot be a size',
        })
        return undefined
      }
      for (const base of sizeNamesIn(poly)) seen(base)
      return poly
    }
  }

  signature(decl: Decl & { kind: 'fn' }): FnSignature {
    const id = idOf(decl)
    const known = this.signatures.get(id)
    if (known !== undefined) return known
    const item = decl.item
    const written = [
      ...item.params.flatMap(p => (p.type ? [p.type] : [])),
      ...(item.result ? [item.result] : []),
    ]
    const definitions = this.signatureDefinitions(decl.module, written, item.name.span)
    const seen = new Set<string>()
    const ts: TypeScope = {
      ...this.typeScope(decl.module, definitions, n => seen.add(n)),
      param: () => undefined,
    }
    const params = this.signatureParams(item.params, ts)
    const promised =
      item.result === undefined
        ? this.missing(item, ts)
        : notFunction(resolveType(item.result, ts), item.result, ts)
    // Where a parameter was refused, its sizes are not missed as well.
    const refused = params.some(p => isError(p.type))
    const found = params.flatMap(p => sizesIn(p.type)).flatMap(sizeNamesIn)
    const sizes = [...new Set(refused ? seen : found)].filter(n => !n.startsWith('?'))
    const types = [...new Set(params.flatMap(p => paramsIn(p.type)))]
    const lost = new Set(refused ? [] : this.checkResult(item, promised, sizes, types))
    const result = mapType(
      promised,
      p => (sizeNamesIn(p).some(n => lost.has(n)) ? errorSize : p),
      t => t,
    )
    const signature = {
      id,
      name: item.name.text,
      module: decl.module,
      item,
      params,
      result,
      sizes,
      types,
      definitions,
    }
    this.signatures.set(id, signature)
    return signature
  }

  /** Parameters with their types; a missing type is reported. */
  signatureParams(params: readonly Param[], ts: TypeScope): readonly SignatureParam[] {
    const seen = new Map<string, Span>()
    let optional: Span | undefined
    return params.map(p => {
      const before = seen.get(p.name.text)
      if (before !== undefined) this.report(duplicate(p.name, before))
      seen.set(p.name.text, p.name.span)
      if (p.default !== undefined) optional = p.span
      else if (optional !== undefined)
        this.report({
          code: 'E0310',
          title: `\`${p.name.text}\` needs a default, as a parameter before it has one`,
          labels: [
            { span: p.span, text: 'has no default' },
            { span: optional, text: 'may be left out' },
          ],
          hint: 'put the parameters with defaults last',
        })
      if (p.type === undefined)
        this.report({
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

  private missing(item: FnItem, ts: TypeScope): Type {
    ts.report({
      code: 'E0311',
      title: `the function \`${item.name.text}\` has no result type`,
      labels: [{ span: item.name.span, text: 'signatures are written out' }],
      hint: 'write `-> TYPE` before the `=`',
    })
    return errorType
  }

  /** Reports what the result has of its own; gives the sizes that nothing tells. */
  private checkResult(
    item: FnItem,
    result: Type,
    sizes: readonly string[],
    types: readonly string[],
  ): readonly string[] {
    const at = item.result?.span ?? item.span
    const lost = [...new Set(sizesIn(result).flatMap(sizeNamesIn))].filter(
      n => !n.startsWith('?') && !sizes.includes(n),
    )
    for (const n of lost)
      this.report({
        code: 'E0312',
        title: `the size \`${n}\` of the result occurs in no parameter`,
        labels: [{ span: at, text: `nothing says how large \`${n}\` is` }],
        hint: `take something of that size, or use a size of the parameters${sizes.length > 0 ? ` (${sizes.join(', ')})` : ''}`,
      })
    for (const n of paramsIn(result))
      if (!types.includes(n))
        this.report({
          code: 'E0312',
          title: `the type \`${n}\` of the result occurs in no parameter`,
          labels: [{ span: at, text: `nothing says which record \`${n}\` is` }],
          hint: `take a \`${n}\` as a parameter, for example to be imitated with \`zeros_like\``,
        })
    return lost
  }
}

const recordField = (
  f: FieldDecl,
  ts: TypeScope,
  condition: (name: Name) => string | undefined,
): RecordField => {
  const type = notFunction(resolveType(f.type, ts), f.type, ts)
  return {
    name: f.name.text,
    type,
    ...(f.from !== undefined && { from: resolveTensorSource(f.from, f, type, ts, condition) }),
    ...(f.doc !== undefined && { doc: f.doc }),
    span: f.span,
  }
}
