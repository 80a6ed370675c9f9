import type { Artifact, DeviceTraits } from '../../compiler/artifact.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { planned, simplified } from '../../compiler/pipeline.js'
import type { Tuning } from '../../compiler/schedule/choose.js'
import { bufferBytes } from '../../runtime/flags.js'
import { elementsOf } from '../../runtime/index.js'
import type { BatchShape } from '../data/batch.js'
import { broughtBy } from './brought.js'

/** A recipe's methods that are on the device side by side. */
export const methods = ['init', 'step', 'validate'] as const

export type Method = (typeof methods)[number]

/** The methods that are given batches. */
export type BatchMethod = Exclude<Method, 'init'>

/** The methods compiled to be on a device together, and the bytes that this takes. */
export interface Plan {
  readonly artifacts: Readonly<Record<Method, Artifact>>
  /** Bytes of everything: weights, settings, batch, state, results, and each method's own buffers. */
  readonly bytes: number
  /** The part of these bytes that every plan of the same methods needs. */
  readonly given: number
}

export interface PlanOptions {
  /** The recipe's. */
  readonly name: string
  readonly tuning: Readonly<Record<Method, Tuning>>
  /** The budget in bytes; a plan that exceeds it trades time for memory. */
  readonly memory: number | undefined
  /** Whether methods are given pairs: two batches. */
  readonly paired: boolean
  /** The tensor of an input that all methods share: a weight or a setting. */
  readonly standing: (input: string) => string | undefined
}

const sum = (bytes: readonly number[]): number => bytes.reduce((n, b) => n + bufferBytes(b), 0)

const ownBytes = ({ buffers }: Artifact): number =>
  sum(buffers.filter(b => b.role !== 'input').map(b => b.bytes))

const inputBytes = ({ buffers }: Artifact): number =>
  buffers.filter(b => b.role === 'input').reduce((n, b) => n + b.bytes, 0)

const givenBytes = (
  { init, step, validate }: Plan['artifacts'],
  shape: BatchShape,
  { standing, paired }: Pick<PlanOptions, 'standing' | 'paired'>,
): number => {
  const kept = new Map(
    [init, step, validate].flatMap(({ inputs, buffers }) =>
      inputs.flatMap(({ name, buffer }) => {
        const tensor = standing(name)
        return tensor === undefined ? [] : [[tensor, buffers[buffer]!.bytes] as const]
      }),
    ),
  )
  const results = [...init.outputs, ...step.outputs.filter(o => o.name.startsWith('1')), ...validate.outputs]
  const { batch, at, key } = broughtBy(shape)
  const wrong = paired ? Object.values(batch) : []
  const shapes = [...Object.values({ ...batch, ...at, ...key }), ...wrong, ...results].map(t => t.shape)
  return sum([...kept.values(), ...shapes.map(s => 4 * elementsOf(s))])
}

/**
 * Plans the methods within a common budget. If they exceed it, the method with the most bytes of its own
 * buffers is planned with less memory first.
 */
export const planMethods = (
  graphs: Readonly<Record<Method, Graph>>,
  traits: DeviceTraits,
  shape: BatchShape,
  { name, tuning, memory, ...options }: PlanOptions,
): Plan => {
  const simple = Object.fromEntries(methods.map(m => [m, simplified(graphs[m])])) as Record<Method, Graph>
  const compile = (m: Method, most?: number): Artifact =>
    planned(simple[m], traits, { name: `${name}.${m}`, tuning: tuning[m], memory: most })
  const artifacts = Object.fromEntries(methods.map(m => [m, compile(m)])) as Record<Method, Artifact>
  const given = givenBytes(artifacts, shape, options)
  const bytes = (): number => given + methods.reduce((n, m) => n + ownBytes(artifacts[m]), 0)
  const largest = [...methods].sort((a, b) => ownBytes(artifacts[b]) - ownBytes(artifacts[a]))
  for (const m of largest) {
    if (memory === undefined || bytes() <= memory) break
    const rest = bytes() - ownBytes(artifacts[m])
    artifacts[m] = compile(m, memory - rest + inputBytes(artifacts[m]))
  }
  return { artifacts, bytes: bytes(), given }
}
