import { dirname, join } from 'node:path'
import { CheckedModules } from '../../compiler/check/checked-modules.js'
import type { CoreRecipe, Program } from '../../compiler/core/core.js'
import { DEFAULT_MODEL } from '../../compiler/names/modules.js'
import { isSites } from '../../compiler/specialise/edits.js'
import { UserError } from '../errors/user-error.js'
import { loadProgram } from '../folders/load-program.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { moduleOf } from '../model/sizes.js'
import { type AdapterConfig, checkTensors } from '../predict/adapter.js'
import { checkFinite, type OpenAdapter } from '../predict/adapter-tensors.js'
import { findRecipe } from '../recipe/find-recipe.js'
import { readAdapterConfig } from './read-adapter.js'
import { adapterFiles } from './run-folder.js'
import { checkAdapted } from './unfinished.js'

/** An adapter with the recipe whose `edits_of` says what it does. */
export interface SetAdapter extends OpenAdapter {
  readonly recipe: CoreRecipe
  /** The hash of its program as it is now. */
  readonly hash: string
}

/** Adapters that are open together, and the one program of them all. */
export interface AdapterSet {
  readonly program: Program
  /** The module that computes the model. */
  readonly modelModule: string
  /** By the names that they were asked for. */
  readonly adapters: ReadonlyMap<string, SetAdapter>
  close(): Promise<void>
}

/** The program that computes the model of an adapter. */
const computedBy = ({ model_program: program }: AdapterConfig): string => program ?? DEFAULT_MODEL

const isStandard = (program: string): boolean => /^std\./.test(program)

/** Refuses programs whose modules could be mistaken for one another, and adapters of different models. */
const checkTogether = (opened: readonly OpenAdapter[]): void => {
  const [first, ...others] = opened
  for (const { adapter, directory } of others)
    if (computedBy(adapter) !== computedBy(first!.adapter))
      throw new UserError({
        what: 'the adapters are for different models',
        where: `${first!.directory} and ${directory}`,
        why:
          `one was trained on a model that ${computedBy(first!.adapter)} computes, ` +
          `the other on one that ${computedBy(adapter)} computes`,
        hint: 'combine adapters of one model',
      })
  const own = opened.filter(({ adapter }) => !isStandard(adapter.program))
  const apart = own.find(({ adapter }) => dirname(adapter.program) !== dirname(own[0]!.adapter.program))
  if (apart !== undefined)
    throw new UserError({
      what: 'the programs of the adapters are in different folders',
      where: `${own[0]!.adapter.program} and ${apart.adapter.program}`,
      why: 'modules of one name in both could be mistaken for one another',
      hint: 'put both programs into one folder, and train from there',
    })
}

const requireEdits = (recipe: CoreRecipe, directory: string): void => {
  const fn = recipe.methods.get('edits_of')
  if (fn !== undefined && isSites(fn.result)) return
  throw new UserError({
    what: `the recipe ${recipe.name} does not say what it does to a model`,
    where: directory,
    why:
      fn === undefined
        ? 'it has no method `edits_of`'
        : 'its method `edits_of` does not give a value of `std.sites.Sites`',
    hint: 'add `edits_of(s) -> Sites = …` to the recipe, as those of std.recipes have it, and train again',
  })
}

/**
 * Opens adapters that are to act together. Rejects with a `UserError` where one is no adapter, has no
 * `edits_of`, or is not for the same model as the others. `allow` names tensors that may hold numbers that
 * are not finite.
 */
export const openAdapterSet = async (
  directories: readonly string[],
  allow: readonly string[] = [],
): Promise<AdapterSet> => {
  const opened: OpenAdapter[] = []
  const close = async (): Promise<void> => {
    for (const { checkpoint } of opened) await checkpoint.close()
  }
  try {
    for (const directory of directories) {
      await checkAdapted(directory)
      const adapter = await readAdapterConfig(directory)
      const checkpoint = await openCheckpoint(join(directory, adapterFiles.tensors))
      opened.push({ directory, adapter, checkpoint })
      checkTensors(adapter, checkpoint)
      await checkFinite(checkpoint, allow)
    }
    checkTogether(opened)
    const model = computedBy(opened[0]!.adapter)
    const programs = [...new Set(opened.map(o => o.adapter.program))]
    const before = new CheckedModules()
    const hashes = new Map(programs.map(p => [p, loadProgram([p], { model, before }).hash]))
    const { program, modules } = loadProgram(programs, { model, before })
    const adapters = new Map(
      opened.map((o): [string, SetAdapter] => {
        const module = modules[programs.indexOf(o.adapter.program)]!
        const recipe = findRecipe(program, module, o.adapter.recipe)
        requireEdits(recipe, o.directory)
        return [o.directory, { ...o, recipe, hash: hashes.get(o.adapter.program)! }]
      }),
    )
    const type = [...adapters.values()][0]!.recipe.params[0]?.type
    if (type?.kind !== 'record')
      throw new UserError({ what: 'the recipe has no base model', where: directories[0]! })
    return { program, modelModule: moduleOf(type.record.id), adapters, close }
  } catch (error) {
    await close()
    throw error
  }
}
