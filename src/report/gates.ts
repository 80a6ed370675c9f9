import { join } from 'node:path'
import { shapeOf } from '../../compiler/ir/graph.js'
import { interpret } from '../../compiler/ir/interpret.js'
import { specialiseMethod } from '../../compiler/specialise/specialise.js'
import { loadProgram } from '../folders/load-program.js'
import { openCheckpoint } from '../folders/open-checkpoint.js'
import { findRecipe } from '../recipe/find-recipe.js'
import type { RunDescription } from '../runs/run-folder.js'
import { adapterFiles } from '../runs/run-folder.js'
import type { Fact, GateGrid, ReportData } from './report-data.js'

/** How far each head's edits are open: what the recipe's `gates` makes of the adapter, where it has such a method. */
export const gatesOf = async (directory: string, run: RunDescription): Promise<ReportData['gates']> => {
  const { program, modules } = loadProgram([run.program])
  const recipe = findRecipe(program, modules[0]!, run.recipe)
  const method = recipe.methods.get('gates')
  if (method === undefined) return undefined
  const sizes = new Map(Object.entries(run.sizes))
  const graph = specialiseMethod(program, recipe, 'gates', {
    sizes,
    settings: new Map(Object.entries(run.settings)),
  })
  const checkpoint = await openCheckpoint(join(directory, adapterFiles.tensors))
  try {
    const prefix = `${method.params[0]!.name}.`
    const inputs = new Map<string, Float32Array>()
    for (const node of graph.nodes)
      if (node.kind === 'input')
        inputs.set(node.name, await checkpoint.readF32(node.name.slice(prefix.length)))
    const outputs = interpret(graph, inputs)
    const grid = (name: string): GateGrid | undefined => {
      const output = graph.outputs.find(o => o.name === name)
      const node = graph.nodes.find(n => n.id === output?.node)
      if (node === undefined) return undefined
      const [layers, heads] = shapeOf(node) as [number, number]
      const values = outputs.get(name)!
      return Array.from({ length: layers }, (_, l) => Array.from(values.subarray(l * heads, (l + 1) * heads)))
    }
    const [scale, offset] = [grid('scale'), grid('offset')]
    return scale === undefined || offset === undefined ? undefined : { scale, offset }
  } finally {
    await checkpoint.close()
  }
}

/** How many gates of each kind are closed exactly. */
export const closedFacts = (gates: NonNullable<ReportData['gates']>): readonly Fact[] => {
  const share = (grid: GateGrid): string => {
    const all = grid.flat()
    const closed = all.filter(g => g === 0).length
    return `${closed} of ${all.length} (${((100 * closed) / all.length).toFixed(0)} %)`
  }
  return [
    { name: 'Scalings closed exactly', value: share(gates.scale) },
    { name: 'Offsets closed exactly', value: share(gates.offset) },
  ]
}
