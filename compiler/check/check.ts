/**
 * Checking a program: from the names of modules to the typed core (`core/core.ts`), or to every error in
 * them.
 *
 *     load modules → build scopes → elaborate each declaration → look for recursion and reused keys
 *
 * A module that an earlier program had, and that has not changed, is not checked again
 * (`checked-modules.ts`). Errors that may follow from a syntax error or a failed import are left out. The
 * rules of types are in `types/`.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { CoreFn, CoreModule, CoreRecipe, CoreTest, Program, SizeDecl } from '../core/core.js'
import type { RecordDecl } from '../core/type.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Source, Span } from '../diagnostics/source.js'
import type { ModuleScope } from '../names/module-scopes.js'
import { buildScopes, idOf } from '../names/module-scopes.js'
import type { Load, LoadedModule } from '../names/modules.js'
import { DATA_MODULE, hasRecipe, loadModules } from '../names/modules.js'
import { elaborateDefaults, elaborateFn } from '../types/bodies.js'
import { Constants } from '../types/constants.js'
import { Declarations } from '../types/declarations.js'
import { keyErrors } from '../types/key-reuse.js'
import { elaborateRecipe } from '../types/recipe-declarations.js'
import { recursionErrors } from '../types/recursion.js'
import { elaborateTest } from '../types/test-blocks.js'
import { type CheckedModule, CheckedModules, type Elaborated } from './checked-modules.js'
import { settingErrors } from './recipe-settings.js'

export type { Load } from '../names/modules.js'

/** How a program is checked. */
export interface CheckOptions {
  /** The modules that earlier programs imported: those that are the same are not checked again. */
  readonly before?: CheckedModules | undefined
  /** The module that `std.model` stands for. */
  readonly model?: string | undefined
}

/**
 * Checks modules and all that they import, and gives the typed program or every error in them.
 *
 * `entry` holds module names; `load` gives the text of one. A module that does not begin with `std` is named
 * by its path with dots, and its imports are relative to that: `import layers` in `models.gpt` asks for
 * `models.layers`.
 */
export const checkProgram = (
  entry: readonly string[],
  load: Load,
  { before = new CheckedModules(), model }: CheckOptions = {},
): E.Either<readonly Diagnostic[], Program> => {
  const loadSame: Load = (name, from) => {
    const source = load(name, from)
    return source && before.same(source)
  }
  const { modules, diagnostics: found } = loadModules(entry, loadSame, model)
  const diagnostics = [...found]
  const report = (d: Diagnostic): void => {
    diagnostics.push(d)
  }
  const scopes = buildScopes(modules, report)
  const declarations = new Declarations(scopes, report, before.freshVariable)
  const graph = new Map<string, Map<string, Span>>()
  const note = (from: string, to: string, at: Span): void => {
    const known = graph.get(from) ?? new Map<string, Span>()
    if (!known.has(to)) known.set(to, at)
    graph.set(from, known)
  }
  const constants = new Constants(declarations, () => undefined)
  const partsOf = (id: string) => ({
    declarations,
    constant: constants.type,
    uses: (used: string, at: Span) => note(id, used, at),
  })

  const fns = new Map<string, CoreFn>()
  const records = new Map<string, RecordDecl>()
  const recipes = new Map<string, CoreRecipe>()
  const tests: CoreTest[] = []
  const elaborate = (scope: ModuleScope): Elaborated => {
    declarations.definitionsOf(scope.module.name)
    const own = { consts: new Map(), fns: new Map(), records: new Map(), recipes: new Map() }
    for (const decl of scope.own.values()) {
      const id = idOf(decl)
      if (decl.kind === 'const') own.consts.set(id, constants.get(decl))
      if (decl.kind === 'fn') own.fns.set(id, elaborateFn(partsOf(id), decl))
      if (decl.kind === 'record') {
        const info = declarations.record(decl)
        if (info !== 'broken') own.records.set(id, info.decl)
        for (const fn of elaborateDefaults(partsOf(id), decl)) own.fns.set(fn.id, fn)
      }
      if (decl.kind === 'recipe') {
        const recipe = elaborateRecipe(partsOf(id), decl)
        if (recipe === undefined) continue
        own.recipes.set(id, recipe)
        own.records.set(recipe.state.id, recipe.state)
      }
    }
    return own
  }
  /** The modules that a module was checked with; undefined where one is missing or has errors. */
  const usedBy = ({ ast, imports }: LoadedModule): readonly (CheckedModule | undefined)[] => [
    ...ast.imports.map(item => checked.get(imports.get(item) ?? '')),
    ...(hasRecipe(ast) ? [checked.get(DATA_MODULE)] : []),
  ]
  const checked = new Map<string, CheckedModule>()
  const known = new Set<string>()
  const made = new Map<LoadedModule, Elaborated>()
  for (const scope of scopes.values()) {
    const { name, ast } = scope.module
    const same = before.find(name, ast.span.source, usedBy(scope.module))
    if (same !== undefined) {
      checked.set(name, same)
      declarations.declare(name, same.declared)
      constants.take(same.consts)
      for (const id of [...same.fns.keys(), ...same.recipes.keys()]) known.add(id)
    }
    const own = same ?? elaborate(scope)
    if (same === undefined) made.set(scope.module, own)
    for (const [id, fn] of own.fns) fns.set(id, fn)
    for (const [id, record] of own.records) records.set(id, record)
    for (const [id, recipe] of own.recipes) recipes.set(id, recipe)
    if (entry.includes(name))
      for (const item of ast.items)
        if (item.kind === 'test') tests.push(elaborateTest(partsOf(`${name}:${item.title}`), name, item))
  }
  diagnostics.push(...recursionErrors(graph), ...keyErrors({ fns, recipes, tests }, known))
  const placed = diagnostics.every(d => d.labels.length > 0)
  const wrong = new Set(diagnostics.flatMap(d => d.labels.map(l => l.span.source)))
  for (const [module, own] of made) {
    const { source } = module.ast.span
    const uses = usedBy(module).flatMap(m => (m === undefined ? [] : [m]))
    if (!placed || wrong.has(source) || uses.length < usedBy(module).length) continue
    const kept = { ...own, source, uses, declared: declarations.declaredIn(module.name) }
    checked.set(module.name, kept)
    before.keep(module.name, kept)
  }
  const sources = modules.map(m => m.ast.span.source)
  if (diagnostics.length > 0) {
    const partly = partlyKnown(modules, found)
    const partial = (d: Diagnostic): boolean => d.labels.some(l => partly.has(l.span.source.name))
    return E.left(
      inOrder(
        diagnostics.filter(d => !(untold.has(d.code) && partial(d))),
        sources,
      ),
    )
  }
  const program: Program = {
    fns,
    consts: constants.all,
    records,
    recipes,
    tests,
    modules: new Map([...scopes.values()].map(s => [s.module.name, moduleOf(s, declarations)])),
  }
  const settings = settingErrors(program)
  return settings.length > 0 ? E.left(inOrder(settings, sources)) : E.right(program)
}

/**
 * The sources of which something could not be read: with errors of syntax or imports, or importing what has
 * them.
 */
const partlyKnown = (modules: readonly LoadedModule[], found: readonly Diagnostic[]): ReadonlySet<string> => {
  const wrong = new Set(found.flatMap(d => d.labels.map(l => l.span.source.name)))
  const partly = new Set<string>()
  // Modules stand after those that they import.
  const names = new Set<string>()
  for (const m of modules) {
    const { name } = m.ast.span.source
    const whole = m.imports.size === m.ast.imports.length && ![...m.imports.values()].some(i => names.has(i))
    if (!wrong.has(name) && whole) continue
    names.add(m.name)
    partly.add(name)
  }
  return partly
}

/**
 * Types, sizes, their equality and modules that nothing tells: what cannot be parsed or imported may be what
 * was to tell them.
 */
const untold: ReadonlySet<string> = new Set(['E0321', 'E0324', 'E0328', 'E0329', 'E0332', 'E0353'])

/** Without repetitions, by file in the order of loading and by place. */
const inOrder = (diagnostics: readonly Diagnostic[], sources: readonly Source[]): readonly Diagnostic[] => {
  const seen = new Set<string>()
  const place = (d: Diagnostic): readonly [number, number] => {
    const span = d.labels[0]?.span
    return span === undefined ? [-1, 0] : [sources.findIndex(s => s.name === span.source.name), span.start]
  }
  return diagnostics
    .filter(d => {
      const key = `${d.code} ${place(d).join(' ')} ${d.title}`
      if (seen.has(key)) return false
      seen.add(key)
      return true
    })
    .sort((a, b) => place(a)[0] - place(b)[0] || place(a)[1] - place(b)[1])
}

const moduleOf = (scope: ModuleScope, declarations: Declarations): CoreModule => {
  const definitions = declarations.definitionsOf(scope.module.name)
  const sizes = new Map<string, SizeDecl>()
  const fns = new Map<string, string>()
  const recipes = new Map<string, string>()
  for (const [name, decl] of scope.own) {
    if (decl.kind === 'fn') fns.set(name, idOf(decl))
    if (decl.kind === 'recipe') recipes.set(name, idOf(decl))
    if (decl.kind !== 'size') continue
    const definition = definitions.get(name)?.size
    sizes.set(name, {
      name,
      ...(definition !== undefined && { definition }),
      ...(decl.item.from !== undefined && { from: decl.item.from }),
      ...(decl.item.doc !== undefined && { doc: decl.item.doc }),
      span: decl.item.span,
    })
  }
  const { doc } = scope.module.ast
  return { name: scope.module.name, ...(doc !== undefined && { doc }), sizes, fns, recipes }
}
