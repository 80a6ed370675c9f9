import { elementsOf, regionOf, regionPath, shapeOf } from './graph.js'
import { compileNode, type NodeProgram } from './interpret-js.js'
import type { CarryNode, Graph, Node, NodeId, Region, RegionId } from './ir.js'

export type NumericArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Uint8Array
  | readonly number[]

export interface InterpretOptions {
  /** `f32` rounds what each f32 node stores, inputs too, to float32, as a device would. */
  readonly round?: 'f32'
}

type Step =
  | { readonly kind: 'node'; readonly program: NodeProgram }
  | {
      readonly kind: 'region'
      readonly region: Region
      readonly carries: readonly Carry[]
      readonly steps: readonly Step[]
    }

/**
 * A carry with the sizes needed to copy its slots. `initDepth` is the number of enclosing axes that `init`
 * has.
 */
interface Carry {
  readonly node: CarryNode
  readonly initDepth: number
  readonly slot: number
}

/**
 * Compiles a graph once for many runs. The function takes the inputs by name, row-major, bool as 0 or 1,
 * and gives the outputs by name in float64: the reference for everything that runs on a device. It throws
 * on an input that is missing or of the wrong length.
 */
export const compileInterpreter = (
  graph: Graph,
  options: InterpretOptions = {},
): ((inputs: ReadonlyMap<string, NumericArray>) => Map<string, Float64Array>) => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  const round = options.round === 'f32'
  const pathOf = (id: RegionId | undefined): readonly Region[] => regionPath(graph, id)

  const carryOf = (node: CarryNode): Carry => ({
    node,
    initDepth: pathOf(regionOf(nodes.get(node.init)!)).length,
    slot: node.shape.slice(pathOf(node.region).length).reduce((a, b) => a * b, 1),
  })

  const stepsOf = (members: readonly Node[], depth: number): readonly Step[] => {
    const out: Step[] = []
    for (let i = 0; i < members.length; ) {
      const node = members[i]!
      const region = pathOf(regionOf(node))[depth]
      if (region === undefined) {
        if (node.kind === 'compute')
          out.push({ kind: 'node', program: compileNode(node, depth, nodes, round) })
        i++
        continue
      }
      let end = i
      while (end < members.length && pathOf(regionOf(members[end]!))[depth] === region) end++
      const inside = members.slice(i, end)
      const carries = inside.filter((n): n is CarryNode => n.kind === 'carry' && n.region === region.id)
      const rest = inside.filter(n => !(n.kind === 'carry' && n.region === region.id))
      out.push({ kind: 'region', region, carries: carries.map(carryOf), steps: stepsOf(rest, depth + 1) })
      i = end
    }
    return out
  }
  const steps = stepsOf(graph.nodes, 0)

  return inputs => {
    const arrays: Float64Array[] = []
    for (const node of graph.nodes) arrays[node.id] = allocate(node, inputs, round)
    runSteps(steps, arrays, [], [])
    return new Map(graph.outputs.map(o => [o.name, arrays[o.node]!.slice()]))
  }
}

const widen = (data: NumericArray, node: Node, round: boolean): Float64Array => {
  const out = Float64Array.from(data)
  if (round && node.dtype === 'f32') for (let i = 0; i < out.length; i++) out[i] = Math.fround(out[i]!)
  return out
}

const allocate = (node: Node, inputs: ReadonlyMap<string, NumericArray>, round: boolean): Float64Array => {
  if (node.kind === 'literal') return widen(node.data, node, round)
  if (node.kind !== 'input') return new Float64Array(elementsOf(node))
  const given = inputs.get(node.name)
  if (given === undefined) throw new Error(`input ${node.name} is missing`)
  if (given.length !== elementsOf(node))
    throw new Error(
      `input ${node.name} has ${given.length} values, ` +
        `but shape [${shapeOf(node).join(', ')}] wants ${elementsOf(node)}`,
    )
  return widen(given, node, round)
}

/** `at` are the values of the enclosing regions' axes and `extents` their extents. */
const runSteps = (
  steps: readonly Step[],
  arrays: readonly Float64Array[],
  at: readonly number[],
  extents: readonly number[],
): void => {
  for (const step of steps) {
    if (step.kind === 'node') {
      step.program(arrays, ...at)
      continue
    }
    const { axis, direction } = step.region
    const count = axis.extent
    const block = (depth: number): number => at.slice(0, depth).reduce((n, x, i) => n * extents[i]! + x, 0)
    const copy = (c: Carry, slot: number, from: NodeId, fromBlock: number): void => {
      const source = arrays[from]!.subarray(fromBlock * c.slot, (fromBlock + 1) * c.slot)
      arrays[c.node.id]!.set(source, (block(at.length) * (count + 1) + slot) * c.slot)
    }
    for (const c of step.carries) copy(c, direction === 'up' ? 0 : count, c.node.init, block(c.initDepth))
    for (let i = 0; i < count; i++) {
      const l = direction === 'up' ? i : count - 1 - i
      runSteps(step.steps, arrays, [...at, l], [...extents, count])
      for (const c of step.carries)
        copy(c, direction === 'up' ? l + 1 : l, c.node.next, block(at.length) * count + l)
    }
  }
}

const compiled = new WeakMap<Graph, Map<string, ReturnType<typeof compileInterpreter>>>()

/**
 * The outputs of a graph for these inputs. The compiled form is kept with the graph, so that repeated calls
 * are cheap.
 */
export const interpret = (
  graph: Graph,
  inputs: ReadonlyMap<string, NumericArray>,
  options: InterpretOptions = {},
): Map<string, Float64Array> => {
  const variants = compiled.get(graph) ?? new Map<string, ReturnType<typeof compileInterpreter>>()
  compiled.set(graph, variants)
  const key = options.round ?? ''
  const run = variants.get(key) ?? compileInterpreter(graph, options)
  variants.set(key, run)
  return run(inputs)
}
