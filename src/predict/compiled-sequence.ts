import type { Artifact } from '../../compiler/artifact.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { openGraph } from '../../compiler/open/open-graph.js'
import { lower, packInputs } from '../../compiler/pipeline.js'
import { specialisePredictor } from '../../compiler/specialise/predictor.js'
import { type DeviceTensor, download, type Executable, load, zeros } from '../../runtime/index.js'
import { yieldToEvents } from '../async/yield-to-events.js'
import { lengthStep } from '../data/batch.js'
import { chooseByCostModel } from '../measure/choose-schedules.js'
import type { PredictorSource } from './predictor-source.js'
import { rowNames } from './row-inputs.js'

/** A predictor compiled for rows of up to some length, with its tensors on the device. */
export interface CompiledSequence {
  readonly rows: number
  /** The positions of a row in its tensors. */
  readonly length: number
  /** Whether a run may compute shorter rows. */
  readonly anyLength: boolean
  readonly own: Readonly<Record<string, DeviceTensor>>
  /** Computes rows of so many positions: a multiple of 8, or all of `length`. */
  readonly run: (positions: number) => Promise<Float32Array>
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

/** Rows, tokens of a row at most, and scored tokens of a row. */
export interface SequenceShape {
  readonly rows: number
  readonly T: number
  readonly A: number
}

/**
 * Compiles a predictor for rows of any length up to T, or for those of T positions where its program allows
 * no other, and uploads the tensors that it runs with.
 */
export const compileSequence = async (
  source: PredictorSource,
  output: 'next' | 'loss',
  { rows, T, A }: SequenceShape,
  signal?: AbortSignal,
): Promise<CompiledSequence> => {
  const { device, program, predictor, bindings, chooseSchedules = chooseByCostModel } = source
  const at = (length: number, sizesAsInputs?: true): Graph => {
    const sizes = new Map([...bindings.sizes, ['T', length] as const, ['A', A] as const])
    const own = { ...bindings, sizes, ...(sizesAsInputs === undefined ? {} : { sizesAsInputs }) }
    return specialisePredictor({ program, predictor, bindings: own, rows }, output)
  }
  await yieldToEvents(signal)
  const open = openGraph(sizes => at(sizes.get('T')!, true), [{ name: 'T', most: T, step: lengthStep(T) }])
  const packed = packInputs(open ?? at(T), source.packing)
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
    const length = open?.sizes?.[0]?.most ?? T
    return {
      rows,
      length,
      anyLength: open !== undefined,
      own,
      run: async positions => {
        const sizes = open === undefined ? {} : { sizes: { T: positions } }
        executable.run({ ...brought, ...own }, { into: { [output]: result }, ...sizes })
        return Float32Array.from((await download(device, [result]))[0]!)
      },
      destroy,
    }
  } catch (error) {
    destroy()
    throw error
  }
}
