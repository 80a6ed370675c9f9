import type { Artifact, DeviceTraits } from '../compiler/artifact.js'
import { shapeOf } from '../compiler/ir/graph.js'
import { interpret } from '../compiler/ir/interpret.js'
import type { DType, Graph } from '../compiler/ir/ir.js'
import { lower, simplified } from '../compiler/pipeline.js'
import { type Device, download, type HostArray, load, rounded, upload } from '../runtime/index.js'
import { openNodeDevice } from '../runtime/node.js'

/** A tensor in the host's memory, row-major; `bool` as 0 and 1. Results of the interpreter are float64. */
export interface HostTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: HostArray | Float64Array
}

/** Something that evaluates graphs: a GPU, or the interpreter. */
export interface Engine {
  readonly name: string
  /** Absent for the interpreter. */
  readonly device?: Device
  /** Runs a graph once. Inputs by name; those the graph does not use are left out. */
  run(graph: Graph, inputs: ReadonlyMap<string, HostTensor>): Promise<ReadonlyMap<string, HostTensor>>
  close(): void
}

export type EngineKind = 'gpu' | 'interpreter'

const signature = (
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

/** The float64 interpreter: slow, exact, and the judge of every kernel. */
export const interpreterEngine: Engine = {
  name: 'interpreter (float64)',
  run: async (graph, inputs) => {
    const packing = new Map(graph.nodes.flatMap(n => (n.kind === 'input' ? [[n.name, n.packing]] : [])))
    const seen = ([name, { data }]: readonly [string, HostTensor]) => {
      const packed = packing.get(name)
      return [name, packed === undefined ? data : rounded(packed, Float32Array.from(data))] as const
    }
    const outputs = interpret(simplified(graph), new Map([...inputs].map(seen)))
    return new Map([...signature(graph)].map(([k, s]) => [k, { ...s, data: outputs.get(k)! }]))
  },
  close: () => undefined,
}

const asArray = (dtype: DType, data: HostTensor['data']): HostArray =>
  dtype === 'f32' ? Float32Array.from(data) : dtype === 'i32' ? Int32Array.from(data) : Uint32Array.from(data)

/** The inputs an artifact asks for, on the device. */
export const uploadInputs = (device: Device, artifact: Artifact, inputs: ReadonlyMap<string, HostTensor>) =>
  Object.fromEntries(
    artifact.inputs.map(decl => {
      const given = inputs.get(decl.name)
      if (given === undefined) throw new Error(`no value for the input ${decl.name}`)
      const data = asArray(decl.dtype, given.data)
      return [decl.name, upload(device, decl.dtype, decl.shape, data, decl.name, decl.packing)]
    }),
  )

/** Compiles and runs graphs on a device, with kernels for its own traits unless others are given. */
export const deviceEngine = (device: Device, traits: DeviceTraits = device.traits): Engine => ({
  name: device.traits.name,
  device,
  run: async (graph, inputs) => {
    const artifact = lower(graph, traits)
    const executable = await load(device, artifact)
    const brought = uploadInputs(device, artifact, inputs)
    const outputs = executable.run(brought)
    const names = Object.keys(outputs)
    const values = await download(
      device,
      names.map(n => outputs[n]!),
    )
    for (const t of [...Object.values(brought), ...Object.values(outputs)]) t.destroy()
    executable.destroy()
    return new Map(
      names.map((n, i) => [n, { dtype: outputs[n]!.dtype, shape: outputs[n]!.shape, data: values[i]! }]),
    )
  },
  close: () => device.close(),
})

/** Opens an engine; close it, or Node does not end. */
export const openEngine = async (kind: EngineKind, adapter?: string): Promise<Engine> =>
  kind === 'interpreter'
    ? interpreterEngine
    : deviceEngine(await openNodeDevice(adapter === undefined ? {} : { adapter }))
