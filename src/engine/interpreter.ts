import { simplified } from '../../compiler/index.js'
import { elementsOf } from '../../compiler/ir/graph.js'
import { interpret } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { DeviceError, type HostInput, type HostValues, rounded, showBytes } from '../../runtime/index.js'
import { type Engine, graphInputs, graphOutputs, graphValues, type HostTensor } from './engine.js'

/** Bytes of memory that are free now; `Infinity` where the platform does not say. */
export type FreeBytes = () => number

/**
 * Throws a `DeviceError` if the interpreter, which stores every tensor as float64, would need more memory
 * than is free.
 */
const requireMemory = (graph: Graph, free: number): void => {
  const bytes = graph.nodes.reduce((n, node) => n + 8 * elementsOf(node), 0)
  if (bytes > free)
    throw new DeviceError('out-of-memory', {
      what: 'the interpreter has too little memory for this',
      why: `It would keep ${showBytes(bytes)}, and ${showBytes(free)} are free.`,
      hint: 'Use smaller sizes, or a device.',
    })
}

const interpretGraph = (
  graph: Graph,
  given: ReadonlyMap<string, HostInput>,
  freeBytes: FreeBytes,
): ReadonlyMap<string, HostTensor> => {
  const values = graphValues(graph, given)
  const simple = simplified(graph)
  requireMemory(simple, freeBytes())
  const packing = new Map(graphInputs(graph).map(n => [n.name, n.packing]))
  const seen = ([name, data]: readonly [string, HostValues]) => {
    const packed = packing.get(name)
    return [name, packed === undefined ? data : rounded(packed, Float32Array.from(data))] as const
  }
  const outputs = interpret(simple, new Map([...values].map(seen)))
  return new Map([...graphOutputs(graph)].map(([k, s]) => [k, { ...s, data: outputs.get(k)! }]))
}

/** The float64 interpreter: slow and exact. Kernels are tested against it. */
export const openInterpreter = (freeBytes: FreeBytes): Engine => {
  let closed = false
  return {
    name: 'interpreter (float64)',
    run: async (graph, inputs, { signal } = {}) => {
      signal?.throwIfAborted()
      if (closed)
        throw new DeviceError('lost', {
          what: 'the interpreter was closed',
          hint: 'Close an engine only after its last run.',
        })
      return interpretGraph(graph, inputs, freeBytes)
    },
    close: () => {
      closed = true
    },
  }
}
