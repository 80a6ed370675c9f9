import type { Artifact } from '../../compiler/artifact.js'
import { lower, packInputs } from '../../compiler/pipeline.js'
import { specialisePredictor } from '../../compiler/specialise/predictor.js'
import { type DeviceTensor, download, type Executable, load, zeros } from '../../runtime/index.js'
import { yieldToEvents } from '../async/yield-to-events.js'
import { chooseByCostModel } from '../measure/choose-schedules.js'
import type { PredictorSource } from './predictor-source.js'
import { rowNames } from './row-inputs.js'

/** A predictor compiled for one shape, with its tensors on the device. */
export interface CompiledSequence {
  readonly rows: number
  readonly own: Readonly<Record<string, DeviceTensor>>
  readonly run: () => Promise<Float32Array>
  readonly destroy: () => void
}

const sequenceInputs: ReadonlySet<string> = new Set([
  'tokens',
  'prompt',
  'position',
  'target',
  'weight',
  'at',
])

/** Rows, tokens of a row, and scored tokens of a row. */
export interface SequenceShape {
  readonly rows: number
  readonly T: number
  readonly A: number
}

/** Compiles a predictor for one shape and uploads the tensors that it runs with. */
export const compileSequence = async (
  source: PredictorSource,
  output: 'next' | 'loss',
  { rows, T, A }: SequenceShape,
  signal?: AbortSignal,
): Promise<CompiledSequence> => {
  const { device, program, predictor, bindings, chooseSchedules = chooseByCostModel } = source
  const sizes = new Map([...bindings.sizes, ['T', T] as const, ['A', A] as const])
  await yieldToEvents(signal)
  const graph = specialisePredictor({ program, predictor, bindings: { ...bindings, sizes }, rows }, output)
  const packed = packInputs(graph, source.packing)
  const tuning = await chooseSchedules(device, packed, signal)
  await yieldToEvents(signal)
  const artifact = lower(packed, device.traits, { name: output, tuning })
  const executable: Executable = await load(device, artifact, { signal })
  const made: DeviceTensor[] = []
  const make = ({ name, dtype, shape }: Artifact['inputs'][number]): DeviceTensor => {
    const tensor = zeros(device, dtype, shape, name)
    made.push(tensor)
    return tensor
  }
  const destroy = (): void => {
    executable.destroy()
    for (const t of made) t.destroy()
  }
  try {
    const { inputs, outputs } = artifact
    const isOwn = (name: string): boolean => sequenceInputs.has(name) || rowNames(source).has(name)
    const own = Object.fromEntries(inputs.filter(i => isOwn(i.name)).map(i => [i.name, make(i)] as const))
    const others = inputs.map(i => i.name).filter(n => !isOwn(n))
    const brought = await source.bring(others)
    signal?.throwIfAborted()
    const result = make(outputs[0]!)
    return {
      rows,
      own,
      run: async () => {
        executable.run({ ...brought, ...own }, { into: { [output]: result } })
        return Float32Array.from((await download(device, [result]))[0]!)
      },
      destroy,
    }
  } catch (error) {
    destroy()
    throw error
  }
}
