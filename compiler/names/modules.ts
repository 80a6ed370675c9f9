import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Source } from '../diagnostics/source.js'
import type { ImportDecl, Module } from '../syntax/ast.js'
import { type PartlyParsed, parsePartly } from '../syntax/parse.js'
import { stdHint } from './std-modules.js'

/** A parsed module and what its imports mean. */
export interface LoadedModule {
  readonly name: string
  /** Names that declarations with syntax errors may have declared. */
  readonly lost: ReadonlySet<string>
  readonly ast: Module
  readonly imports: ReadonlyMap<ImportDecl, string>
}

/** Gives a module's text; the second argument is the module that imports it, empty for what was asked for. */
export type Load = (moduleName: string, importedFrom: string) => Source | undefined

/** The module that declares `Batch` and `At` for recipes. */
export const DATA_MODULE = 'std.data'

/**
 * The name by which recipes import the model they are used with. It stands for a module of `std.models` or of
 * the user; without a choice, for {@link DEFAULT_MODEL}.
 */
export const MODEL_MODULE = 'std.model'
export const DEFAULT_MODEL = 'std.models.llama'

/** Whether a module needs the records of `std.data`, though it may not import them. */
export const hasRecipe = (ast: Module): boolean => ast.items.some(item => item.kind === 'recipe')

/**
 * The module that an import names: as written when it begins with `std`, else relative to the importing
 * module's folder, that is with the last segment of its name replaced.
 */
const importedName = (importer: string, segments: readonly string[]): string => {
  if (segments[0] === 'std') return segments.join('.')
  return [...importer.split('.').slice(0, -1), ...segments].join('.')
}

/** Sources are parsed once, however many programs import them. */
const parsed = new WeakMap<Source, PartlyParsed>()
const parseOnce = (source: Source): PartlyParsed => {
  const known = parsed.get(source)
  if (known !== undefined) return known
  const result = parsePartly(source)
  parsed.set(source, result)
  return result
}

/** The modules asked for and all they import, every module after those that it imports. */
export const loadModules = (
  entry: readonly string[],
  load: Load,
  model: string = DEFAULT_MODEL,
): { readonly modules: readonly LoadedModule[]; readonly diagnostics: readonly Diagnostic[] } => {
  const diagnostics: Diagnostic[] = []
  const done = new Map<string, LoadedModule | undefined>()
  const modules: LoadedModule[] = []
  const path: { readonly name: string; readonly at?: ImportDecl }[] = []

  const visit = (name: string, source: Source, at?: ImportDecl): void => {
    path.push({ name, ...(at && { at }) })
    const { module: ast, errors, lost } = parseOnce(source)
    diagnostics.push(...errors)
    if (lost === undefined) done.set(name, undefined)
    else {
      const imports = new Map<ImportDecl, string>()
      for (const item of ast.imports) {
        const written = importedName(
          name,
          item.segments.map(s => s.text),
        )
        const target = written === MODEL_MODULE ? model : written
        if (reach(target, name, item)) imports.set(item, target)
      }
      if (hasRecipe(ast) && name !== DATA_MODULE && !done.has(DATA_MODULE)) {
        const data = load(DATA_MODULE, name)
        if (data !== undefined) visit(DATA_MODULE, data)
      }
      const loaded = { name, ast, imports, lost }
      // Modules that import a module with syntax errors are checked without it.
      done.set(name, errors.length > 0 ? undefined : loaded)
      modules.push(loaded)
    }
    path.pop()
  }

  /** Whether the module is there and free of syntax errors. */
  const reach = (target: string, from: string, item: ImportDecl): boolean => {
    if (done.has(target)) return done.get(target) !== undefined
    const open = path.findIndex(p => p.name === target)
    if (open >= 0) {
      const ring = [...path.slice(open), { name: target, at: item }]
      diagnostics.push({
        code: 'E0202',
        title: `\`${target}\` imports itself${ring.length > 2 ? ` by way of \`${ring[1]!.name}\`` : ''}`,
        labels: [
          { span: item.span, text: `\`${from}\` imports \`${target}\` here` },
          ...ring
            .slice(1, -1)
            .flatMap(p => (p.at ? [{ span: p.at.span, text: `and is itself imported here` }] : [])),
        ],
        hint: 'move what both need into a module of its own',
      })
      return false
    }
    const source = load(target, from)
    if (source === undefined) {
      diagnostics.push({
        code: 'E0201',
        title: `there is no module \`${item.segments.map(s => s.text).join('.')}\``,
        labels: [{ span: item.span, text: 'imported here' }],
        hint:
          item.segments[0]?.text === 'std'
            ? stdHint(target)
            : 'modules that do not begin with `std` are looked for beside the importing file',
      })
      return false
    }
    visit(target, source, item)
    return done.get(target) !== undefined
  }

  for (const name of entry) {
    if (done.has(name)) continue
    const source = load(name, '')
    if (source === undefined) {
      const missing: Source = { name, text: '' }
      diagnostics.push({
        code: 'E0201',
        title: `there is no module \`${name}\``,
        labels: [{ span: { source: missing, start: 0, end: 0 }, text: 'asked for' }],
      })
    } else visit(name, source)
  }
  return { modules, diagnostics }
}
