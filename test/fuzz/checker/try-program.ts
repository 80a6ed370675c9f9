import { createHash } from 'node:crypto'
import { createContext, Script } from 'node:vm'
import * as Either from 'fp-ts/lib/Either.js'
import { checkProgram } from '../../../compiler/check/check.js'
import { CheckedModules } from '../../../compiler/check/checked-modules.js'
import type { CoreFn, CoreRecipe, Program } from '../../../compiler/core/core.js'
import { holdsFunction } from '../../../compiler/core/type.js'
import { ProgramLimit } from '../../../compiler/diagnostics/limit.js'
import type { Source } from '../../../compiler/diagnostics/source.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { printGraph } from '../../../compiler/ir/print.js'
import {
  lower,
  simplified,
  specialiseFn,
  specialiseMethod,
  specialiseTest,
} from '../../../compiler/pipeline.js'
import { isGiven } from '../../../compiler/specialise/parameters.js'
import { leastTraits } from '../../../compiler/traits.js'

/** The sizes that every function of an accepted program is tried at, all its size names alike. */
export const triedSizes = [0, 1, 2, 5] as const

/** What came of a program: whether it was accepted, and what broke, if anything did. */
export interface Tried {
  readonly accepted: boolean
  readonly broke: string | undefined
}

const describe = (error: unknown): string | undefined => {
  if (error instanceof ProgramLimit) return undefined
  if (!(error instanceof Error)) return String(error)
  const place = /\/(compiler\/[\w/-]+\.ts:\d+)/.exec(error.stack ?? '')?.[1] ?? '?'
  return `${error.name}: ${error.message.split('\n')[0]} (${place})`
}

/** Whether a function can be called from outside: its parameters are tensors, or have defaults. */
const isCallable = (fn: CoreFn): boolean =>
  fn.types.length === 0 &&
  !holdsFunction(fn.result) &&
  fn.params.every(p => isGiven(p) || p.default !== undefined)

/** Numbers for a graph's inputs: indices below their bounds; undefined where there is no such index. */
const inputsFor = (graph: Graph): Map<string, number[]> | undefined => {
  const inputs = new Map<string, number[]>()
  for (const node of [...graph.nodes, ...(graph.unread ?? [])]) {
    if (node.kind !== 'input') continue
    const count = node.shape.reduce((n, d) => n * d, 1)
    const { below, dtype } = node
    if ((below === 0 && count > 0) || count > 5000) return undefined
    const value = (i: number): number =>
      below !== undefined
        ? i % below
        : dtype === 'f32'
          ? ((i * 7) % 11) / 4 - 1
          : i % (dtype === 'bool' ? 2 : 3)
    inputs.set(
      node.name,
      Array.from({ length: count }, (_, i) => value(i)),
    )
  }
  return inputs
}

/** All size names alike, and each of another size. */
const assignments = (names: readonly string[]): readonly ReadonlyMap<string, number>[] =>
  names.length === 0
    ? [new Map()]
    : [
        ...triedSizes.map(size => new Map(names.map(n => [n, size]))),
        ...(names.length < 2
          ? []
          : [0, 1].map(k => new Map(names.map((n, i) => [n, triedSizes[(i + 3 * k) % 4]!] as const)))),
      ]

/** What of a program is made a graph, by name. */
const graphsOf = (program: Program): readonly Made[] => {
  const { fns, recipes } = program.modules.get('m')!
  return [
    ...[...fns.values()].flatMap(id => {
      const fn = program.fns.get(id)!
      if (!isCallable(fn)) return []
      return assignments(fn.sizes).map(sizes => ({
        name: fn.name,
        sizes,
        graph: () => specialiseFn(program, fn, { sizes }),
      }))
    }),
    ...[...recipes.values()].flatMap(id => {
      const recipe = program.recipes.get(id)!
      return [...recipe.methods].flatMap(([method, fn]) =>
        !isCallable(fn)
          ? []
          : assignments(methodSizes(recipe, fn)).map(sizes => ({
              name: `${recipe.name}.${method}`,
              sizes,
              graph: () => specialiseMethod(program, recipe, method, { sizes }),
            })),
      )
    }),
    ...program.tests
      .filter(t => t.module === 'm')
      .map(t => ({
        name: t.title,
        sizes: new Map<string, number>(),
        graph: () => specialiseTest(program, t),
      })),
  ]
}

interface Made {
  readonly name: string
  readonly sizes: ReadonlyMap<string, number>
  readonly graph: () => Graph
}

/** The sizes of a method, its recipe's parameters and its state. */
const methodSizes = (recipe: CoreRecipe, fn: CoreFn): readonly string[] => [
  ...new Set([...fn.sizes, ...[...recipe.methods.values()].flatMap(m => m.sizes), ...recipe.sizes]),
]

/**
 * Graphs that were tried, lowered or not: most functions of a mutant are those of the program that it was
 * made of.
 */
const tried = new Set<string>()

const tryGraph = ({ name, sizes, graph }: Made, lowers: boolean): string | undefined => {
  try {
    const made = graph()
    const mark = createHash('sha256')
      .update(`${lowers} ${printGraph(made)}`)
      .digest('base64')
    if (tried.has(mark)) return undefined
    tried.add(mark)
    const simple = simplified(made)
    const inputs = inputsFor(simple)
    if (inputs !== undefined) interpret(simple, inputs)
    if (lowers) lower(made, leastTraits)
    return undefined
  } catch (error) {
    const what = describe(error)
    return what === undefined
      ? undefined
      : `\`${name}\` at ${[...sizes].map(([n, s]) => `${n} = ${s}`).join(', ')}: ${what}`
  }
}

/**
 * Milliseconds that a program may take, which takes a second at most where the processor does nothing else.
 */
const longest = 60_000
const turn = new Script('run()')
const inContext = createContext({})

/**
 * Checks a program, and specialises, interprets and lowers what its module `m` declares if it is accepted. A
 * program that takes longer than `longest` breaks.
 */
export const tryProgram = (
  text: string,
  load: (name: string) => Source | undefined,
  lowers: boolean,
): Tried => {
  try {
    inContext.run = () => tryAtLeisure(text, load, lowers)
    return turn.runInContext(inContext, { timeout: longest }) as Tried
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    return { accepted: false, broke: `it takes longer than ${longest / 1000} seconds` }
  }
}

/** The standard library is checked once for all programs. */
const library = new CheckedModules()

const tryAtLeisure = (text: string, load: (name: string) => Source | undefined, lowers: boolean): Tried => {
  try {
    const checked = checkProgram(['m'], name => (name === 'm' ? { name: 'm.jola', text } : load(name)), {
      before: library,
    })
    if (Either.isLeft(checked)) return { accepted: false, broke: undefined }
    const program = checked.right
    for (const made of graphsOf(program)) {
      const broke = tryGraph(made, lowers && [...made.sizes.values()].every(n => n === 2))
      if (broke !== undefined) return { accepted: true, broke }
    }
    return { accepted: true, broke: undefined }
  } catch (error) {
    return { accepted: false, broke: `the checker: ${describe(error) ?? error}` }
  }
}
