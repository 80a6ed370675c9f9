import type { Artifact, DeviceTraits, DType } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import type { ScanMode } from '../../../compiler/fuse/scan-choice.js'
import { compileInterpreter } from '../../../compiler/ir/interpret.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import {
  type Device,
  download,
  hostArray,
  load,
  openNodeDevice,
  rounded,
  upload,
} from '../../../runtime/node.js'

export type Inputs = ReadonlyMap<string, ArrayLike<number>>

/** One device for a test file. */
export const openTestDevice = (): Promise<Device> => openNodeDevice()

/** Runs an artifact on the device: outputs by name. */
export const runArtifact = async (
  device: Device,
  artifact: Artifact,
  inputs: Inputs,
): Promise<ReadonlyMap<string, ArrayLike<number>>> => {
  const executable = await load(device, artifact)
  const tensors = Object.fromEntries(
    artifact.inputs.map(decl => {
      const data = hostArray(decl.dtype as DType, [...Array.from(inputs.get(decl.name)!)])
      return [
        decl.name,
        upload(device, { dtype: decl.dtype, label: decl.name, packing: decl.packing }, decl.shape, data),
      ]
    }),
  )
  const outputs = executable.run(tensors)
  const names = Object.keys(outputs)
  const arrays = await download(
    device,
    names.map(n => outputs[n]!),
  )
  for (const t of [...Object.values(tensors), ...Object.values(outputs)]) t.destroy()
  executable.destroy()
  return new Map(names.map((n, i) => [n, arrays[i]!]))
}

/** The largest difference of two results, |a - b| / (1 + |b|), and its position. */
export const worst = (
  got: ReadonlyMap<string, ArrayLike<number>>,
  wanted: ReadonlyMap<string, ArrayLike<number>>,
): { readonly error: number; readonly where: string } => {
  let error = 0
  let where = 'nowhere'
  for (const [name, b] of wanted) {
    const a = got.get(name)
    if (a === undefined || a.length !== b.length) return { error: Infinity, where: `${name}: wrong length` }
    for (let i = 0; i < b.length; i++) {
      const x = a[i]!
      // Values beyond the range of f32.
      const y = Math.abs(b[i]!) > 2 ** 127 ? Math.fround(b[i]!) : b[i]!
      const same = Number.isNaN(x) ? Number.isNaN(y) : x === y
      const e = same ? 0 : Math.abs(x - y) / (1 + Math.abs(y))
      if (!(e <= error)) {
        error = Number.isNaN(e) ? Infinity : e
        where = `${name}[${i}]: ${x}, should be ${y}`
      }
    }
  }
  return { error, where }
}

/** Inputs as a graph sees them: packed ones are rounded. */
const seen = (graph: Graph, inputs: Inputs): ReadonlyMap<string, Float64Array> =>
  new Map(
    graph.nodes.flatMap(n => {
      if (n.kind !== 'input') return []
      const data = inputs.get(n.name)!
      const values = n.packing === undefined ? data : rounded(n.packing, Float32Array.from(data))
      return [[n.name, Float64Array.from(values)] as const]
    }),
  )

/** The largest difference between the interpreter and a graph, with each kernel by each of its schedules. */
export const compareSchedules = async (
  device: Device,
  graph: Graph,
  inputs: Inputs,
): Promise<{ readonly error: number; readonly where: string }> => {
  const wanted = compileInterpreter(graph)(seen(graph, inputs))
  const choices = compileGraph(graph, device.traits).kernels.flatMap(k => k.chosen ?? [])
  let found = { error: 0, where: 'nowhere' }
  for (let i = 0; i < Math.max(1, ...choices.map(c => c.candidates.length)); i++) {
    const tuning = new Map(choices.map(c => [c.signature, c.candidates[i % c.candidates.length]!]))
    const artifact = compileGraph(graph, device.traits, { tuning })
    const { error, where } = worst(await runArtifact(device, artifact, inputs), wanted)
    const schedules = artifact.kernels.map(k => k.schedule).join('; ')
    if (error > found.error) found = { error, where: `${where}, by ${schedules}` }
  }
  return found
}

/** The graph on the device, fused or not, against the interpreter. */
export const compare = async (
  device: Device,
  graph: Graph,
  inputs: Inputs,
  options: {
    readonly fuse?: boolean
    readonly scans?: ScanMode
    readonly traits?: Partial<DeviceTraits>
  } = {},
): Promise<{ readonly error: number; readonly where: string; readonly artifact: Artifact }> => {
  const { traits: given, ...compileOptions } = options
  const traits = { ...device.traits, ...given }
  const artifact = compileGraph(graph, traits, compileOptions)
  const wanted = compileInterpreter(graph)(seen(graph, inputs))
  return { ...worst(await runArtifact(device, artifact, inputs), wanted), artifact }
}
