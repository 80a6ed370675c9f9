import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Program } from '../../compiler/core/core.js'
import { shapeOf } from '../../compiler/ir/graph.js'
import type { NumericArray } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import type { Bindings } from '../../compiler/specialise/specialise.js'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'
import { settingsOf } from '../../src/recipe/settings.js'
import { programOf } from '../support/program.js'

/** Settings that make a recipe small, and let it edit all that it can. */
const small: Readonly<Record<string, readonly string[]>> = {
  ablations: ['place=everywhere'],
  iti: ['N=4', 'heads=2'],
  lora: ['R=2', 'k=true', 'o=true', 'gate=true', 'up=true', 'down=true'],
  loreft: ['R=2', 'first=1', 'last=2'],
  low_rank: ['R=2'],
  post_block: ['R=2', 'joint=true'],
  preft: ['R=2', 'k=true', 'o=true', 'gate=true', 'up=true', 'down=true'],
  repe: ['N=4'],
  site: ['N=2'],
}

const modules = readdirSync(join(stdlibFolder, 'recipes')).map(file => file.replace('.jola', ''))

/** The recipes, for models of a family. */
export const recipesOn = (model?: string) => {
  const names = model === undefined ? modules : modules.filter(name => !ownFamily.includes(name))
  const program = programOf(names.map(name => `import std.recipes.${name}\n`).join(''), model)
  return { program, names, model }
}

/** The families of models besides Llama's. */
export const otherFamilies = ['gpt2', 'gpt_neox', 'gemma', 'olmo2', 'phi3'].map(f => `std.models.${f}`)

/** Recipes that train a model of the Llama family itself. */
const ownFamily: readonly string[] = ['finetune', 'pretrain']

/** The recipes of the standard library, for models of the Llama family. */
const llama = recipesOn()
export const recipeProgram = llama.program

/** A recipe of the standard library, and the settings that it is tried with. */
export interface TriedRecipe {
  readonly program: Program
  /** The module of its model's family, if that is not Llama's. */
  readonly model: string | undefined
  readonly name: string
  readonly recipe: Parameters<typeof settingsOf>[1]
  readonly settings: ReturnType<typeof settingsOf>
}

/** A recipe by its module's name, with these settings besides those that make it small. */
export const triedRecipe = (
  name: string,
  more: readonly string[] = [],
  { program, model }: ReturnType<typeof recipesOn> = llama,
): TriedRecipe => {
  const recipe = [...program.recipes.values()].find(r => r.id.startsWith(`std.recipes.${name}.`))!
  return {
    name,
    program,
    model,
    recipe,
    settings: settingsOf(program, recipe, [...(small[name] ?? []), ...more]),
  }
}

/** Every recipe of the standard library. */
export const allRecipes: readonly TriedRecipe[] = modules.map(name => triedRecipe(name))

/** Sizes of a model and of batches. */
export interface TriedShape {
  readonly L: number
  readonly K: number
  readonly G: number
  readonly Pairs: number
  readonly E: number
  readonly F: number
  readonly V: number
  readonly T: number
  readonly A?: number
  readonly B?: number
}

/** What a recipe is specialised with for a shape. */
export const bindingsFor = ({ settings, model }: TriedRecipe, shape: TriedShape): Bindings => {
  const rest = /phi3|gpt_neox/.test(model ?? '') ? 1 : 0
  const G = /gpt/.test(model ?? '') ? 1 : shape.G
  const own = ['R', 'N'].flatMap(n => (settings.has(n) ? [[n, Number(settings.get(n))] as const] : []))
  const heads = { G, H: shape.K * G, D: 2 * shape.Pairs + rest, Rest: rest, Positions: 16 }
  const all = { A: 1, B: 1, ...shape, ...heads, ...Object.fromEntries(own) }
  return { sizes: new Map(Object.entries(all)), settings, constants: new Map(), absent: new Map() }
}

export const inputsOf = (g: Graph) => g.nodes.flatMap(n => (n.kind === 'input' ? [n] : []))

export const elementsOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** Numbers that a name and a place decide, as weights or as a trained state has them. Norms stay near 1. */
const filled = (name: string, count: number): Float64Array => {
  const middle = name.includes('norm') ? 1 : 0
  const phase = [...name].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 997, 7)
  return Float64Array.from({ length: count }, (_, i) => middle + 0.6 * Math.sin(phase + i * 78.233))
}

/** Numbers for every input of a graph but those that are given. */
export const withNumbers = (
  graph: Graph,
  given: ReadonlyMap<string, NumericArray>,
): ReadonlyMap<string, NumericArray> =>
  new Map(inputsOf(graph).map(n => [n.name, given.get(n.name) ?? filled(n.name, elementsOf(shapeOf(n)))]))
