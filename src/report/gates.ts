import type { CoreRecipe, Program } from '../../compiler/core/core.js'
import { shapeOf } from '../../compiler/ir/graph.js'
import { interpret } from '../../compiler/ir/interpret.js'
import { specialiseMethod } from '../../compiler/specialise/specialise.js'
import type { RunDescription } from '../train/run-record.js'
import type { Fact, GateGrid, ReportData } from './report-data.js'

/** The source of a run's gates. */
export interface GateSource {
  readonly program: Program
  readonly recipe: CoreRecipe
  readonly run: Pick<RunDescription, 'sizes' | 'settings'>
  /** The numbers of a tensor of the adapter. */
  readonly read: (name: string) => Promise<Float32Array>
}

/**
 * How far each head's edits are open: the result of the recipe's method `gates` on the adapter, if it has
 * one.
 */
export const gatesOf = async ({ program, recipe, run, read }: GateSource): Promise<ReportData['gates']> => {
  const method = recipe.methods.get('gates')
  if (method === undefined) return undefined
  const graph = specialiseMethod(program, recipe, 'gates', {
    sizes: new Map(Object.entries(run.sizes)),
    settings: new Map(Object.entries(run.settings)),
  })
  const prefix = `${method.params[0]!.name}.`
  const inputs = new Map<string, Float32Array>()
  for (const node of graph.nodes)
    if (node.kind === 'input') inputs.set(node.name, await read(node.name.slice(prefix.length)))
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
}

/** The number of gates of each kind that are exactly closed. */
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
