import { type Size, sizeName, sizeNamesIn } from '../core/size.js'
import type { RecordField } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import { hintWithFix, replaceBy } from '../diagnostics/fix.js'
import type { Span } from '../diagnostics/source.js'
import type { Decl, ModuleScope } from '../names/module-scopes.js'
import { duplicate, idOf, lookupPath } from '../names/module-scopes.js'
import type { Name, Path, RecordItem, SourceExpr, TensorSource, TypeExpr } from '../syntax/ast.js'
import { isUnknownSizeName } from './basic-types.js'
import { resolveCondition } from './conditions.js'
import type { RecordInfo, TypeScope } from './resolve-type.js'
import { mentionsIn, resolveType } from './resolve-type.js'
import type { SizeDefinitions } from './size-definitions.js'
import { definedSizes, definitionsAbout, joinDefinitions, moduleDefinitions } from './size-definitions.js'
import { isSizeName, type SizeResolver } from './size-expr.js'
import { resolveTensorSource } from './tensor-sources.js'
import { paramsIn, sizesIn } from './type-traversal.js'

/** A record to build: one that a module declares, or the state of a recipe. */
export interface RecordParts {
  readonly id: string
  readonly name: string
  readonly item: Pick<RecordItem, 'fields' | 'doc' | 'span'>
  /** For a recipe's state: the size definitions of the recipe, and no type parameters. */
  readonly inherited?: SizeDefinitions
}

/** The types that a signature writes, and the definitions that hold in it besides those of the module. */
export interface WrittenTypes {
  readonly types: readonly TypeExpr[]
  readonly span: Span
  readonly more?: readonly SizeDefinitions[]
}

/** The size definitions and records of all modules. Each is built when it is first asked for. */
export class ModuleRecords {
  protected readonly definitions = new Map<string, SizeDefinitions>()
  protected readonly records = new Map<string, RecordInfo | 'open' | 'broken'>()
  private readonly clashes = new Set<string>()

  constructor(
    readonly scopes: ReadonlyMap<string, ModuleScope>,
    readonly report: (d: Diagnostic) => void,
    /** Gives variable ids that nothing else in the program has. */
    readonly freshVariable: () => number,
  ) {}

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

  /** The record that a path names; `broken` when it has an error that was reported. */
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
    const info = this.buildRecord(decl.module, { id, name: decl.name.text, item: decl.item })
    if (this.records.get(id) === 'broken') return 'broken'
    this.records.set(id, info)
    return info
  }

  /** A record from its fields. */
  buildRecord(module: string, { id, name, item, inherited }: RecordParts): RecordInfo {
    const types = item.fields.map(f => f.type)
    const definitions = inherited ?? this.signatureDefinitions(module, { types, span: item.span })
    const outer = this.typeScope(module, definitions, () => undefined)
    const ts: TypeScope = inherited === undefined ? { ...outer, param: () => undefined } : outer
    const fields = this.recordFields(module, { id, item }, ts)
    const sizes = [...new Set(fields.flatMap(f => sizesIn(f.type)).flatMap(sizeNamesIn))].filter(
      n => !isUnknownSizeName(n),
    )
    const about = definitionsAbout(definitions, new Set(sizes))
    return {
      decl: {
        id,
        name,
        sizes,
        types: [...new Set(fields.flatMap(f => paramsIn(f.type)))],
        fields,
        definitions: definedSizes(about),
        ...(item.doc !== undefined && { doc: item.doc }),
        span: item.span,
      },
      definitions: about,
    }
  }

  private recordFields(
    module: string,
    { id, item }: Pick<RecordParts, 'id' | 'item'>,
    ts: TypeScope,
  ): readonly RecordField[] {
    const condition = (n: Name) => resolveCondition(this.scope(module), n, this.report)
    const seen = new Map<string, Span>()
    return item.fields.flatMap((f): readonly RecordField[] => {
      const before = seen.get(f.name.text)
      if (before !== undefined) this.report(duplicate(f.name, before))
      seen.set(f.name.text, f.name.span)
      if (before !== undefined) return []
      const type = resolveType(f.type, ts)
      if (f.default !== undefined && f.from !== undefined) this.report(twoOrigins(f.name, f.default, f.from))
      const from = f.from && resolveTensorSource(f.from, { field: f, type }, ts, condition)
      const doc = f.doc === undefined ? {} : { doc: f.doc }
      const value = f.default === undefined ? {} : { default: `${id}.${f.name.text}` }
      const bound = from === undefined ? {} : { from }
      return [{ name: f.name.text, type, ...value, ...bound, ...doc, span: f.span }]
    })
  }

  /**
   * The definitions that hold in a signature with these types: the module's and those of the records
   * mentioned.
   */
  signatureDefinitions(module: string, { types, span, more = [] }: WrittenTypes): SizeDefinitions {
    const scope = this.scope(module)
    const brought = mentionsIn(types).flatMap(({ path, given }) => {
      const info = this.recordAt(scope, path)
      if (info === undefined || info === 'broken') return []
      const kept = [...info.definitions].filter(
        ([n, d]) => !given.includes(n) && !sizeNamesIn(d.size).some(m => given.includes(m)),
      )
      return [new Map(kept)]
    })
    return joinDefinitions([this.definitionsOf(module), ...more, ...brought], span, d => {
      // The same two definitions meet in many signatures of a module; one report is enough.
      const key = `${module} ${d.title}`
      if (!this.clashes.has(key)) this.report(d)
      this.clashes.add(key)
    })
  }

  /**
   * The scope in which the types of a module's declaration are read. `seen` is called for every size name
   * without a definition.
   */
  typeScope(module: string, definitions: SizeDefinitions, seen: (name: string) => void): TypeScope {
    const scope = this.scope(module)
    return {
      scope,
      record: path => this.recordAt(scope, path),
      size: this.sizeResolver(scope, definitions, seen),
      report: this.report,
    }
  }

  private sizeResolver(
    scope: ModuleScope,
    definitions: SizeDefinitions,
    seen: (name: string) => void,
  ): SizeResolver {
    return n => {
      const size: Size = definitions.get(n.text)?.size ?? sizeName(n.text)
      const found = lookupPath(scope, { name: { text: n.text, span: n.span }, span: n.span })
      if (found === 'broken') return size
      const decl = n.implied ? undefined : found
      const notSize = { code: 'E0207', title: `\`${n.text}\` is not a size` }
      const wanted = { span: n.span, text: 'a size belongs here' }
      if (decl !== undefined && decl.kind !== 'size' && n.span.source === scope.module.ast.span.source) {
        const declared = { span: decl.name.span, text: `declared as a ${decl.kind}` }
        this.report({ ...notSize, labels: [wanted, declared] })
        return undefined
      }
      if (decl === undefined && !isSizeName(n.text)) {
        const hint =
          'size names begin with a capital letter; a number known only while running cannot be a size'
        const fix = replaceBy(n.span, n.text.toUpperCase(), { sure: false })
        this.report({ ...notSize, labels: [wanted], ...hintWithFix(hint, fix) })
        return undefined
      }
      for (const base of sizeNamesIn(size)) seen(base)
      return size
    }
  }
}

const twoOrigins = (name: Name, value: SourceExpr, from: TensorSource): Diagnostic => ({
  code: 'E0361',
  title: `\`${name.text}\` has both a default and a name in a checkpoint`,
  labels: [
    { span: value.span, text: 'its value where a literal leaves it out' },
    { span: from.span, text: 'its value in a model' },
  ],
  hint: 'for a tensor that some checkpoints lack, write `from "…" else 0`',
})
