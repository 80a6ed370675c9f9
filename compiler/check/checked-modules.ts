import type { CoreConst, CoreFn, CoreRecipe } from '../core/core.js'
import type { RecordDecl } from '../core/type.js'
import type { Source } from '../diagnostics/source.js'
import type { KnownDeclarations } from '../types/declarations.js'

/** The elaborated declarations of one module, by their ids. */
export interface Elaborated {
  readonly consts: ReadonlyMap<string, CoreConst>
  readonly fns: ReadonlyMap<string, CoreFn>
  readonly records: ReadonlyMap<string, RecordDecl>
  readonly recipes: ReadonlyMap<string, CoreRecipe>
}

/** A module without errors. */
export interface CheckedModule extends Elaborated {
  readonly source: Source
  /** The modules that it was checked with: those that it imports, and `std.data` if it has a recipe. */
  readonly uses: readonly CheckedModule[]
  readonly declared: KnownDeclarations
}

/**
 * A cache of checked modules for later programs that import them. A caller that checks many programs keeps
 * one and passes it to each `checkProgram`: a module is then parsed and checked again only when its text, or
 * that of a module it imports, has changed. It keeps the last text of every module, and what is checked with
 * it is what would be found without it, but for the numbers of variables.
 */
export class CheckedModules {
  private readonly sources = new Map<string, Source>()
  private readonly modules = new Map<string, CheckedModule>()
  private lastVariable = 0

  /** A variable id that nothing else in any of the programs has. */
  readonly freshVariable = (): number => ++this.lastVariable

  /** The source of this name and text that was met first, whose tree is known. */
  same(source: Source): Source {
    const known = this.sources.get(source.name)
    if (known?.text === source.text) return known
    this.sources.set(source.name, source)
    return source
  }

  /** The checked module, if it has the same text and the same imports. */
  find(
    name: string,
    source: Source,
    uses: readonly (CheckedModule | undefined)[],
  ): CheckedModule | undefined {
    const known = this.modules.get(name)
    const same =
      known?.source === source &&
      known.uses.length === uses.length &&
      known.uses.every((u, i) => u === uses[i])
    return same ? known : undefined
  }

  keep(name: string, module: CheckedModule): void {
    this.modules.set(name, module)
  }
}
