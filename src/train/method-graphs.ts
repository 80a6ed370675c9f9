import type { CoreRecipe, Program } from '../../compiler/core/core.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { openGraph } from '../../compiler/open/open-graph.js'
import { packInputs } from '../../compiler/pipeline.js'
import { type Bindings, specialiseMethod } from '../../compiler/specialise/specialise.js'
import { apartInCache, type BatchShape, lengthStep } from '../data/batch.js'
import { type BatchMethod, type Method, methods } from './plan.js'

/** What the graphs of a recipe's methods are made from. */
export interface GraphSource {
  readonly program: Program
  readonly recipe: CoreRecipe
  readonly bindings: Omit<Bindings, 'sizes'>
  readonly sizesFor: (shape: BatchShape) => ReadonlyMap<string, number>
  readonly packing: Parameters<typeof packInputs>[1]
}

/** The methods' graphs for batches of a shape. */
export interface MethodGraphs {
  readonly graphs: Readonly<Record<Method, Graph>>
  /** The positions of a row in the methods' tensors. */
  readonly length: number
  /** Whether a run may say that batches are shorter: the size T is open in the methods that take batches. */
  readonly anyLength: boolean
}

/** A method's graph for batches of one length. */
export const graphOfMethod = (
  { program, recipe, bindings, sizesFor, packing }: GraphSource,
  method: Method,
  shape: BatchShape,
): Graph =>
  packInputs(specialiseMethod(program, recipe, method, { ...bindings, sizes: sizesFor(shape) }), packing)

const batchMethods = ['step', 'validate'] as const satisfies readonly BatchMethod[]

/** How often the methods are made again for a common length: each attempt is for a longer one. */
const attempts = 4

/** The methods that take batches, for batches of any length up to the shape's or a little more. */
const openMethods = (
  { program, recipe, bindings, sizesFor, packing }: GraphSource,
  shape: BatchShape,
  wanted: number,
): { readonly graphs: Readonly<Record<BatchMethod, Graph>>; readonly length: number } | undefined => {
  const step = lengthStep(shape.T)
  let most = wanted
  for (let attempt = 0; attempt < attempts; attempt++) {
    const made: Partial<Record<BatchMethod, Graph>> = {}
    let length = most
    for (const method of batchMethods) {
      const graph = openGraph(
        at =>
          specialiseMethod(program, recipe, method, {
            ...bindings,
            sizes: sizesFor({ ...shape, T: at.get('T')! }),
            sizesAsInputs: true,
          }),
        [{ name: 'T', most, step }],
      )
      if (graph === undefined) return undefined
      made[method] = packInputs(graph, packing)
      length = Math.max(length, graph.sizes![0]!.most)
    }
    const { step: own, validate } = made
    if (own!.sizes![0]!.most === length && validate!.sizes![0]!.most === length)
      return { graphs: { step: own!, validate: validate! }, length }
    most = length
  }
  return undefined
}

/**
 * The methods' graphs. Where batches have several lengths, those that take batches are made once for all of
 * them, if the recipe's program allows it.
 */
export const methodGraphs = (source: GraphSource, shape: BatchShape): MethodGraphs => {
  const closed = (m: Method): Graph => graphOfMethod(source, m, shape)
  const open =
    shape.oneLength === true
      ? undefined
      : // A program may refuse more positions than the model reads.
        (openMethods(source, shape, apartInCache(shape.T)) ?? openMethods(source, shape, shape.T))
  if (open !== undefined)
    return { graphs: { init: closed('init'), ...open.graphs }, length: open.length, anyLength: true }
  const graphs = Object.fromEntries(methods.map(m => [m, closed(m)])) as Record<Method, Graph>
  return { graphs, length: shape.T, anyLength: false }
}
