import type { DType } from '../../compiler/artifact.js'
import { type Artifact, type DeviceTraits, lower } from '../../compiler/index.js'
import { shapeOf } from '../../compiler/ir/graph.js'
import type { Graph } from '../../compiler/ir/ir.js'
import {
  asHostArray,
  checkRequirements,
  type Device,
  type DeviceTensor,
  download,
  type HostArray,
  type HostInput,
  type HostValues,
  hostInputs,
  load,
  upload,
} from '../../runtime/index.js'

/** A tensor in the host's memory, row-major; `bool` as 0 and 1. Results of the interpreter are float64. */
export interface HostTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: HostArray | Float64Array
}

/** How a graph is run. */
export interface EngineRunOptions {
  /** The graph's name in messages; `graph` if absent. */
  readonly name?: string
  /** If it is aborted, `run` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * An evaluator of graphs: a GPU, or the interpreter. It is reentrant: any number of runs may be under way, of
 * one engine and of several. `run` has read the caller's arrays when it returns its promise, and results are
 * new arrays.
 */
export interface Engine {
  readonly name: string
  /** Absent for the interpreter. */
  readonly device?: Device
  /**
   * Runs a graph once. Inputs are given by name, each as the graph declares it; inputs that the graph does
   * not read may be left out. Rejects with a `DeviceError`: `input` with all that does not fit,
   * `out-of-memory` or `too-small` with the numbers, `lost` if the engine is closed. A failed run keeps no
   * memory.
   */
  run(
    graph: Graph,
    inputs: ReadonlyMap<string, HostInput>,
    options?: EngineRunOptions,
  ): Promise<ReadonlyMap<string, HostTensor>>
  /** Ends all runs. Closing again does nothing. */
  close(): void
}

/** The outputs of a graph by name. */
export const graphOutputs = (
  graph: Graph,
): ReadonlyMap<string, { readonly dtype: DType; readonly shape: readonly number[] }> => {
  const nodes = new Map(graph.nodes.map(n => [n.id, n]))
  return new Map(
    graph.outputs.map(o => {
      const node = nodes.get(o.node)!
      return [o.name, { dtype: node.dtype, shape: shapeOf(node) }]
    }),
  )
}

/** The inputs that a graph reads. */
export const graphInputs = (graph: Graph) => graph.nodes.flatMap(n => (n.kind === 'input' ? [n] : []))

/**
 * The values given for a graph, checked. Throws a `DeviceError` of kind `input` with all that does not fit.
 */
export const graphValues = (
  graph: Graph,
  given: ReadonlyMap<string, HostInput>,
): ReadonlyMap<string, HostValues> => hostInputs(graphInputs(graph), given, graph.unread)

/** Uploads the inputs of an artifact. If one does not fit, frees them all. */
export const uploadInputs = (
  device: Device,
  artifact: Artifact,
  values: ReadonlyMap<string, HostValues>,
): Readonly<Record<string, DeviceTensor>> => {
  const brought = new Map<string, DeviceTensor>()
  try {
    for (const { name, dtype, shape, packing } of artifact.inputs)
      brought.set(
        name,
        upload(device, { dtype, label: name, packing }, shape, asHostArray(dtype, values.get(name)!)),
      )
    return Object.fromEntries(brought)
  } catch (error) {
    for (const t of brought.values()) t.destroy()
    throw error
  }
}

/** Compiles and runs graphs on a device, for the device's traits by default. */
export const deviceEngine = (device: Device, traits: DeviceTraits = device.traits): Engine => ({
  name: device.traits.name,
  device,
  run: async (graph, inputs, { signal, name } = {}) => {
    signal?.throwIfAborted()
    device.check()
    const values = graphValues(graph, inputs)
    const artifact = lower(graph, traits, name === undefined ? {} : { name })
    checkRequirements(device, artifact)
    // This must precede the first `await`: after that the caller may change its arrays.
    const brought = uploadInputs(device, artifact, values)
    const made: { destroy(): void }[] = Object.values(brought)
    try {
      const executable = await load(device, artifact, { signal })
      made.push(executable)
      const outputs = executable.run(brought)
      const names = Object.keys(outputs)
      made.push(...Object.values(outputs))
      const results = await download(
        device,
        names.map(n => outputs[n]!),
      )
      signal?.throwIfAborted()
      return new Map(
        names.map((n, i) => [n, { dtype: outputs[n]!.dtype, shape: outputs[n]!.shape, data: results[i]! }]),
      )
    } finally {
      for (const x of made) x.destroy()
    }
  },
  close: () => device.close(),
})
