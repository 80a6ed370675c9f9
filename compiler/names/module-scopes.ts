/**
 * Name resolution at the top of modules: which declaration a name or a qualified name stands for.
 *
 * A module has its own declarations, names that it imports one by one (`import std.nn (softmax)`), and
 * modules whose names it qualifies (`llama.Model`). `modules.ts` loads modules in the order of their imports.
 * Names inside functions are resolved with their types, in `types/callee.ts`.
 */
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type {
  ConstItem,
  FnItem,
  Item,
  Name,
  Path,
  RecipeItem,
  RecordItem,
  SizeItem,
  TypeItem,
} from '../syntax/ast.js'
import type { LoadedModule } from './modules.js'
import { importHint } from './std-modules.js'
import { didYouMean } from './suggest.js'

/** A declaration at the top of a module. */
export type Decl =
  | { readonly kind: 'size'; readonly item: SizeItem; readonly name: Name; readonly module: string }
  | { readonly kind: 'type'; readonly item: TypeItem; readonly name: Name; readonly module: string }
  | { readonly kind: 'const'; readonly item: ConstItem; readonly name: Name; readonly module: string }
  | { readonly kind: 'record'; readonly item: RecordItem; readonly name: Name; readonly module: string }
  | { readonly kind: 'fn'; readonly item: FnItem; readonly name: Name; readonly module: string }
  | { readonly kind: 'recipe'; readonly item: RecipeItem; readonly name: Name; readonly module: string }

/** `std.nn.softmax`. */
export const idOf = (decl: Decl): string => `${decl.module}.${decl.name.text}`

const articles: Readonly<Record<Decl['kind'], string>> = {
  size: 'a size',
  type: 'a type parameter',
  const: 'a constant',
  record: 'a record',
  fn: 'a function',
  recipe: 'a recipe',
}

/** `a record`, for messages. */
export const whatIs = (decl: Decl): string => articles[decl.kind]

/** One module's names: its own, those imported one by one, and the modules that qualify. */
export interface ModuleScope {
  readonly module: LoadedModule
  readonly own: ReadonlyMap<string, Decl>
  readonly imported: ReadonlyMap<string, Decl>
  /** Qualifier to the names of that module; an empty one stands for a module that could not be loaded. */
  readonly qualifiers: ReadonlyMap<string, ReadonlyMap<string, Decl>>
  /**
   * Names that an import or a declaration with a syntax error was to bring: using them is no second error.
   */
  readonly broken: ReadonlySet<string>
}

const declsOf = (item: Item, module: string): readonly Decl[] => {
  if (item.kind === 'test') return []
  if (item.kind === 'size') return item.names.map(name => ({ kind: 'size', item, name, module }))
  return [{ ...({ kind: item.kind, item } as { kind: 'fn'; item: FnItem }), name: item.name, module }]
}

const ownDecls = (module: LoadedModule, report: (d: Diagnostic) => void): ReadonlyMap<string, Decl> => {
  const own = new Map<string, Decl>()
  for (const decl of module.ast.items.flatMap(item => declsOf(item, module.name))) {
    const first = own.get(decl.name.text)
    if (first === undefined) own.set(decl.name.text, decl)
    else report(duplicate(decl.name, first.name.span))
  }
  return own
}

/** Two things of one name in one place. */
export const duplicate = (second: Name, first: Span): Diagnostic => ({
  code: 'E0203',
  title: `\`${second.text}\` is declared twice`,
  labels: [
    { span: second.span, text: 'declared again' },
    { span: first, text: 'declared first' },
  ],
  hint: 'give one of them another name',
})

/** The scopes of modules that come in the order of their imports. */
export const buildScopes = (
  modules: readonly LoadedModule[],
  report: (d: Diagnostic) => void,
): ReadonlyMap<string, ModuleScope> => {
  const scopes = new Map<string, ModuleScope>()
  for (const module of modules) {
    const own = ownDecls(module, report)
    const imported = new Map<string, Decl>()
    const places = new Map<string, Span>()
    const qualifiers = new Map<string, ReadonlyMap<string, Decl>>()
    const broken = new Set(module.lost)
    for (const item of module.ast.imports) {
      const target = module.imports.get(item)
      const theirs = target === undefined ? undefined : scopes.get(target)?.own
      const last = item.alias ?? item.segments[item.segments.length - 1]
      if (last !== undefined && (item.names === undefined || item.alias !== undefined))
        qualifiers.set(last.text, theirs ?? new Map())
      for (const name of item.names ?? []) {
        const decl = theirs?.get(name.text)
        if (decl === undefined) {
          broken.add(name.text)
          if (theirs !== undefined)
            report({
              code: 'E0204',
              title: `\`${target}\` has no \`${name.text}\``,
              labels: [{ span: name.span, text: 'imported here' }],
              ...didYouMean(name.text, theirs.keys(), name.span),
            })
          continue
        }
        const before = own.get(name.text)?.name.span ?? places.get(name.text)
        if (before !== undefined) report(duplicate(name, before))
        imported.set(name.text, decl)
        places.set(name.text, name.span)
      }
    }
    scopes.set(module.name, { module, own, imported, qualifiers, broken })
  }
  return scopes
}

/** The declaration that an unqualified name stands for. */
export const lookup = (scope: ModuleScope, name: string): Decl | undefined =>
  scope.own.get(name) ?? scope.imported.get(name)

/** The declaration that a path stands for; `broken` when it depends on an import that failed. */
export const lookupPath = (scope: ModuleScope, path: Path): Decl | 'broken' | undefined => {
  if (path.module === undefined)
    return lookup(scope, path.name.text) ?? (scope.broken.has(path.name.text) ? 'broken' : undefined)
  const theirs = scope.qualifiers.get(path.module.text)
  if (theirs !== undefined && theirs.size === 0) return 'broken'
  return theirs?.get(path.name.text)
}

/** As the user wrote it. */
export const pathText = (path: Path): string =>
  path.module === undefined ? path.name.text : `${path.module.text}.${path.name.text}`

/** Names of a kind that could have been meant. */
export const candidates = (
  scope: ModuleScope,
  path: Path,
  kinds: readonly Decl['kind'][],
): readonly string[] => {
  const of = (decls: ReadonlyMap<string, Decl>): string[] =>
    [...decls].filter(([, d]) => kinds.includes(d.kind)).map(([n]) => n)
  if (path.module !== undefined) return of(scope.qualifiers.get(path.module.text) ?? new Map())
  return [...of(scope.own), ...of(scope.imported)]
}

/** The meanings that a place allows for a name. */
export interface WantedName {
  /** For messages: `variable, function or constant`. */
  readonly what: string
  readonly kinds: readonly Decl['kind'][]
  /** Names that are no declarations of a module, such as variables and built-in functions. */
  readonly others?: readonly string[]
}

/** The error of a path without a meaning. */
export const unknownPath = (
  scope: ModuleScope,
  path: Path,
  { what, kinds, others = [] }: WantedName,
): Diagnostic => {
  const all = [...candidates(scope, path, kinds), ...others]
  if (path.module !== undefined && !scope.qualifiers.has(path.module.text)) {
    const missing = importHint(path.module.text)
    return {
      code: 'E0205',
      title: `there is no module or variable \`${path.module.text}\` here`,
      labels: [{ span: path.module.span, text: 'not imported' }],
      ...(missing === undefined
        ? didYouMean(path.module.text, [...scope.qualifiers.keys(), ...others])
        : { hint: missing }),
    }
  }
  const written = pathText(path)
  const near = didYouMean(path.name.text, all, path.name.span)
  return {
    code: 'E0205',
    title: `there is no ${what} \`${written}\``,
    labels: [{ span: path.span, text: 'not known here' }],
    ...near,
  }
}
