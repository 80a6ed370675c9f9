import type { DeviceTraits } from '../../../compiler/artifact.js'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { simplified, specialiseFn } from '../../../compiler/pipeline.js'
import type { Device } from '../../../runtime/index.js'
import { runArtifact, worst } from '../../compiler/backend/agree.js'
import { programOf } from '../../support/program.js'
import type { Choices } from './choices.js'
import type { Sample } from './sample.js'

type Values = ReadonlyMap<string, Float64Array>

/**
 * What of a device's traits is varied: limits that other devices have, and kernels for GPUs on a software
 * device.
 */
export type Limits = Pick<
  DeviceTraits,
  'storageBuffersPerStage' | 'bindingAlignment' | 'bindingBytes' | 'software'
>

export const limitsOf = (c: Choices, traits: DeviceTraits): Limits => ({
  storageBuffersPerStage: Math.min(c.one([16, 8, 10]), traits.storageBuffersPerStage),
  bindingAlignment: Math.max(c.one([16, 32, 256]), traits.bindingAlignment),
  software: c.below(3) === 0 ? traits.software : false,
  bindingBytes: c.one([traits.bindingBytes, 1024, 256]),
})

const tolerance = 1e-3

/**
 * Of what no generator keeps track: constants outside their type. Programs refused for these are no findings.
 */
const isRefusal = (message: string): boolean => /^error\[E0360\]/.test(message)

const graphOf = (sample: Sample): Graph => {
  const program = programOf(sample.text)
  return simplified(specialiseFn(program, program.fns.get('main.main')!, { sizes: new Map() }))
}

const inputsOf = (sample: Sample): Values =>
  new Map(sample.inputs.map(i => [i.name, Float64Array.from(i.values)]))

/** The derivative along a direction against a central difference, both on the interpreter. */
const gradientComplaint = (sample: Sample, graph: Graph, inputs: Values): string | undefined => {
  const by = sample.smoothBy
  if (by === undefined) return undefined
  const at = inputs.get(by)!
  const direction = at.map((_, i) => (((i * 7) % 5) - 2) / 2)
  const h = 1e-5
  const moved = (step: number): number => {
    const x = at.map((v, i) => v + step * direction[i]!)
    return interpret(graph, new Map([...inputs, [by, x]])).get('0')![0]!
  }
  const expected = (moved(h) - moved(-h)) / (2 * h)
  const gradient = interpret(graph, inputs).get('1')!
  const found = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0)
  const error = Math.abs(found - expected) / (1 + Math.abs(expected))
  return error <= 1e-4 || (Number.isNaN(found) && Number.isNaN(expected))
    ? undefined
    : `the derivative by ${by} along a direction is ${found}, by differences ${expected}`
}

/**
 * What is wrong with a program: undefined if interpreter, unfused and fused kernels agree, and the derivative
 * is that of differences.
 */
export const complaint = async (
  device: Device,
  sample: Sample,
  limits: Limits,
): Promise<string | undefined> => {
  try {
    const graph = graphOf(sample)
    const inputs = inputsOf(sample)
    const wrong = gradientComplaint(sample, graph, inputs)
    if (wrong !== undefined) return wrong
    const exact = interpret(graph, inputs)
    for (const fuse of [false, true]) {
      const artifact = compileGraph(graph, { ...device.traits, ...limits }, { fuse })
      const { storageBuffersPerStage: bound, windowed } = artifact.requires
      // A device refuses a kernel whose own tensors have more windows than it has bindings.
      if (windowed !== undefined && bound > limits.storageBuffersPerStage) continue
      if (bound > limits.storageBuffersPerStage)
        return `a kernel binds ${bound} buffers where ${limits.storageBuffersPerStage} are allowed`
      const { error, where } = worst(await runArtifact(device, artifact, inputs), exact)
      if (error > tolerance) return `${fuse ? 'fused' : 'unfused'} kernels give ${where}`
    }
    return undefined
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return isRefusal(message) ? undefined : message.split('\n').slice(0, 12).join('\n')
  }
}
