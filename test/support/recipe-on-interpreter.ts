import type { CoreRecipe } from '../../compiler/core/core.js'
import { sizeName } from '../../compiler/core/size.js'
import { interpret, type NumericArray } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { settingDefault, specialiseMethod } from '../../compiler/specialise/specialise.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { chosenModelProgram } from '../../src/folders/model-program.js'
import { openModel } from '../../src/folders/open-model.js'
import { bindModel, modelFacts } from '../../src/model/model.js'
import { sizesOf } from '../../src/model/sizes.js'
import { readBound } from '../../src/model/weights.js'
import { findRecipe } from '../../src/recipe/find-recipe.js'
import { stateType } from '../../src/recipe/recipe-parts.js'
import { settingEquations, settingsOf } from '../../src/recipe/settings.js'

type Numbers = ReadonlyMap<string, NumericArray>

/** A recipe on the model of a folder, computed by the interpreter, with one batch of three rows. */
export interface InterpretedRecipe {
  readonly recipe: CoreRecipe
  /** The state at the beginning. */
  init(): Numbers
  /** The state after the n-th step, and what the step shows. */
  step(state: Numbers, n: number): { readonly state: Numbers; readonly shown: Numbers }
}

const row = (...numbers: readonly number[]): NumericArray => Float64Array.from(numbers)

const shape = { B: 3, T: 9, A: 2 } as const
const tokens = [3, 14, 15, 9, 2, 6, 5, 35, 8, 9, 7, 32, 3, 8, 4, 0, 0, 0, 6, 26, 4, 33, 8, 32, 7, 9, 5]
const batch: Readonly<Record<string, readonly number[]>> = {
  tokens,
  position: [7, 8, 4, 5, 6, 7],
  target: [9, 1, 6, 2, 17, 4],
  weight: [1, 1, 1, 0.5, 1, 1],
  prompt: [8, 5, 7],
}

/** Opens a recipe of the standard library on the interpreter; `set` as for `--set`. */
export const interpretedRecipe = async (
  file: string,
  directory: string,
  set: readonly string[] = [],
): Promise<InterpretedRecipe> => {
  const model = await openModel(directory, { weights: true, tokenizer: false })
  const { program, modules } = loadProgram([file], { model: await chosenModelProgram({ model: directory }) })
  const recipe = findRecipe(program, modules[0]!, undefined)
  const settings = settingsOf(program, recipe, set)
  const facts = modelFacts(program, [...recipe.params.map(p => p.type), stateType(recipe)], model)
  const wanted = [...recipe.sizes, ...[...recipe.methods.values()].flatMap(m => m.sizes)]
  const sizes = sizesOf(
    [...new Set(wanted)],
    [
      ...facts.equations,
      ...settingEquations(recipe, settings),
      ...(['B', 'T', 'A'] as const).map(n => ({ size: sizeName(n), value: shape[n], source: 'the batch' })),
    ],
  )
  const bound = bindModel(recipe.params, sizes, model, facts)
  const weights = new Map<string, NumericArray>()
  for (const t of bound.tensors) weights.set(t.spec.name, await readBound(model.checkpoint!, t, model))
  await model.checkpoint!.close()
  const bindings = { sizes, constants: facts.constants, settings, absent: bound.absent }
  const given = (graph: Graph, own: Numbers): Map<string, NumericArray> =>
    new Map(
      graph.nodes.flatMap(node => {
        if (node.kind !== 'input') return []
        const setting = recipe.settings.find(s => node.name === `settings.${s.name}`)
        const value =
          own.get(node.name) ??
          weights.get(node.name) ??
          (setting && row(Number(settings.get(setting.name) ?? settingDefault(program, setting))))
        if (value === undefined) throw new Error(`nothing gives ${node.name}`)
        return [[node.name, value] as const]
      }),
    )
  const named = (of: ReadonlyMap<string, NumericArray>, from: string, to: string): Numbers =>
    new Map(
      [...of].flatMap(([n, x]) => (n.startsWith(from) ? [[to + n.slice(from.length), x] as const] : [])),
    )
  const run = (graph: Graph, own: Numbers) => interpret(graph, given(graph, own))
  const method = (name: string) => ({
    graph: specialiseMethod(program, recipe, name, bindings),
    params: recipe.methods.get(name)!.params.map(p => p.name),
  })
  let stepping: ReturnType<typeof method> | undefined
  return {
    recipe,
    init: () => {
      const { graph, params } = method('init')
      return run(graph, new Map([[params[0]!, row(7, 0)]]))
    },
    step: (state, n) => {
      stepping ??= method('step')
      const { graph, params } = stepping
      const [s, b, key, at] = params as [string, string, string, string]
      const own = new Map<string, NumericArray>([
        ...named(state, '', `${s}.`),
        ...Object.entries(batch).map(([k, x]) => [`${b}.${k}`, row(...x)] as const),
        [key, row(1, n)],
        [`${at}.step`, row(n)],
        [`${at}.steps`, row(100)],
        [`${at}.epoch`, row(0)],
      ])
      const outputs = run(graph, own)
      return { state: named(outputs, '0.', ''), shown: named(outputs, '1.', '') }
    },
  }
}
