import { freemem } from 'node:os'
import type { DType } from '../../compiler/artifact.js'
import { type Artifact, type DeviceTraits, lower, simplified } from '../../compiler/index.js'
import { elementsOf, shapeOf } from '../../compiler/ir/graph.js'
import { interpret } from '../../compiler/ir/interpret.js'
import type { Graph } from '../../compiler/ir/ir.js'
import {
  asHostArray,
  checkRequirements,
  type Device,
  DeviceError,
  type DeviceTensor,
  download,
  type HostArray,
  type HostInput,
  type HostValues,
  hostInputs,
  load,
  rounded,
  showBytes,
  upload,
} from '../../runtime/index.js'
import { openNodeDevice } from '../../runtime/node.js'
import { UserError } from '../errors/user-error.js'

/** A tensor in the host's memory, row-major; `bool` as 0 and 1. Results of the interpreter are float64. */
export interface HostTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: HostArray | Float64Array
}

/** How a graph is run. */
export interface EngineRunOptions {
  /** What the graph is called in messages; `graph` if absent. */
  readonly name?: string
  /** Aborted, it ends the run: `run` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Something that evaluates graphs: a GPU, or the interpreter. It is reentrant: any number of runs may be under way, of one engine and of several. The caller's
 * arrays are read before `run` returns its promise, and results are arrays of their own.
 */
export interface Engine {
  readonly name: string
  /** Absent for the interpreter. */
  readonly device?: Device
  /**
   * Runs a graph once. Inputs by name, each as the graph declares it; inputs that the graph does not read may be left out. Rejects with a `DeviceError`: of
   * kind `input` with all that does not fit, `out-of-memory` or `too-small` with the numbers, `lost` where the engine is closed. A run that fails keeps no memory.
   */
  run(
    graph: Graph,
    inputs: ReadonlyMap<string, HostInput>,
    options?: EngineRunOptions,
  ): Promise<ReadonlyMap<string, HostTensor>>
  /** Ends all runs. Closing again does nothing. */
  close(): void
}

const engineKinds = ['gpu', 'interpreter'] as const

/** `gpu`: WebGPU through Dawn, be it a GPU or a software driver. `interpreter`: float64 on the processor, slow and exact. */
export type EngineKind = (typeof engineKinds)[number]

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

const inputsOf = (graph: Graph) => graph.nodes.flatMap(n => (n.kind === 'input' ? [n] : []))

const valuesFor = (graph: Graph, given: ReadonlyMap<string, HostInput>): ReadonlyMap<string, HostValues> =>
  hostInputs(inputsOf(graph), given, graph.unread)

/** Refuses what the interpreter, which keeps every tensor as float64, has no memory for. */
const requireHostMemory = (graph: Graph): void => {
  const bytes = graph.nodes.reduce((n, node) => n + 8 * elementsOf(node), 0)
  const free = freemem()
  if (bytes > free)
    throw new DeviceError('out-of-memory', {
      what: 'the interpreter has too little memory for this',
      why: `It would keep ${showBytes(bytes)}, and ${showBytes(free)} are free.`,
      hint: 'Use smaller sizes, or a device.',
    })
}

const interpreted = (
  graph: Graph,
  given: ReadonlyMap<string, HostInput>,
): ReadonlyMap<string, HostTensor> => {
  const values = valuesFor(graph, given)
  const simple = simplified(graph)
  requireHostMemory(simple)
  const packing = new Map(inputsOf(graph).map(n => [n.name, n.packing]))
  const seen = ([name, data]: readonly [string, HostValues]) => {
    const packed = packing.get(name)
    return [name, packed === undefined ? data : rounded(packed, Float32Array.from(data))] as const
  }
  const outputs = interpret(simple, new Map([...values].map(seen)))
  return new Map([...signature(graph)].map(([k, s]) => [k, { ...s, data: outputs.get(k)! }]))
}

const openInterpreter = (): Engine => {
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
      return interpreted(graph, inputs)
    },
    close: () => {
      closed = true
    },
  }
}

/** The float64 interpreter: slow, exact, and the judge of every kernel. It can't be closed. */
export const interpreterEngine: Engine = { ...openInterpreter(), close: () => undefined }

/** The inputs an artifact asks for, on the device. Keeps nothing where one does not fit. */
export const uploadInputs = (
  device: Device,
  artifact: Artifact,
  values: ReadonlyMap<string, HostValues>,
): Readonly<Record<string, DeviceTensor>> => {
  const brought = new Map<string, DeviceTensor>()
  try {
    for (const { name, dtype, shape, packing } of artifact.inputs)
      brought.set(name, upload(device, dtype, shape, asHostArray(dtype, values.get(name)!), name, packing))
    return Object.fromEntries(brought)
  } catch (error) {
    for (const t of brought.values()) t.destroy()
    throw error
  }
}

/** Compiles and runs graphs on a device, with kernels for its own traits unless others are given. */
export const deviceEngine = (device: Device, traits: DeviceTraits = device.traits): Engine => ({
  name: device.traits.name,
  device,
  run: async (graph, inputs, { signal, name } = {}) => {
    signal?.throwIfAborted()
    device.check()
    const values = valuesFor(graph, inputs)
    const artifact = lower(graph, traits, name === undefined ? {} : { name })
    checkRequirements(device, artifact)
    // Before anything is waited for: from then on the caller may change its arrays.
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

/**
 * Opens an engine, `adapter` being a part of the name of the adapter to take. Close it when it is no longer needed. Throws a `UserError` where there is no such
 * kind, and a `DeviceError` where there is no device.
 */
export const openEngine = async (kind: EngineKind, adapter?: string): Promise<Engine> => {
  if (!engineKinds.includes(kind))
    throw new UserError({
      what: `there is no engine ${JSON.stringify(kind)}`,
      why: `the engines are ${engineKinds.map(k => `'${k}'`).join(' and ')}`,
      hint: "'gpu' is WebGPU, which a software driver may do on the processor; 'interpreter' computes in float64, slowly",
      exitCode: 2,
    })
  if (kind === 'gpu') return deviceEngine(await openNodeDevice(adapter === undefined ? {} : { adapter }))
  if (adapter !== undefined)
    throw new UserError({
      what: 'the interpreter has no adapter',
      why: `${JSON.stringify(adapter)} was given`,
      hint: "leave it out, or open the engine 'gpu'",
      exitCode: 2,
    })
  return openInterpreter()
}
