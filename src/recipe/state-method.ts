import type { CoreRecipe, Program } from '../../compiler/core/core.js'
import { shapeOf, sortGraph } from '../../compiler/ir/graph.js'
import { interpret } from '../../compiler/ir/interpret.js'
import type { Output } from '../../compiler/ir/ir.js'
import { type GivenValue, specialiseMethod } from '../../compiler/specialise/specialise.js'

/** The state of a run, for methods that only look at it. */
export interface StateSource {
  readonly program: Program
  readonly recipe: CoreRecipe
  readonly sizes: ReadonlyMap<string, number>
  readonly settings: ReadonlyMap<string, GivenValue>
  /** The numbers of a tensor of the state. */
  readonly read: (name: string) => Promise<Float32Array>
  /** Whether the state has a tensor. A run keeps only those that `predict` reads; by default it has all. */
  readonly holds?: (name: string) => boolean
}

/** A result of a method, by its name. */
export interface StateResult {
  readonly shape: readonly number[]
  readonly values: ArrayLike<number>
}

/**
 * The results of a recipe's method whose one parameter is the state, computed by the interpreter; `undefined`
 * if the recipe has no such method. Results that need tensors which the state does not have are left out.
 */
export const evaluateOnState = async (
  { program, recipe, sizes, settings, read, holds = () => true }: StateSource,
  name: string,
): Promise<ReadonlyMap<string, StateResult> | undefined> => {
  const method = recipe.methods.get(name)
  if (method === undefined) return undefined
  const whole = specialiseMethod(program, recipe, name, { sizes, settings })
  const prefix = `${method.params[0]!.name}.`
  const needs = (o: Output): readonly string[] =>
    sortGraph({ ...whole, outputs: [o] }).nodes.flatMap(n =>
      n.kind === 'input' ? [n.name.slice(prefix.length)] : [],
    )
  const graph = sortGraph({ ...whole, outputs: whole.outputs.filter(o => needs(o).every(holds)) })
  const inputs = new Map<string, Float32Array>()
  for (const node of graph.nodes)
    if (node.kind === 'input') inputs.set(node.name, await read(node.name.slice(prefix.length)))
  const values = interpret(graph, inputs)
  return new Map(
    graph.outputs.map(output => [
      output.name,
      {
        shape: shapeOf(graph.nodes.find(n => n.id === output.node)!),
        values: values.get(output.name)!,
      },
    ]),
  )
}
