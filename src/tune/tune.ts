import type { Artifact, ChosenSchedule, DeviceTraits, Schedule } from '../../compiler/artifact.js'
import { compileGroups, type GroupedGraph, groupNodes } from '../../compiler/backend/compile.js'
import { fragmentOf } from '../../compiler/backend/fragment.js'
import { isBlockPacking } from '../../compiler/ir/block-packing.js'
import { elementsOf } from '../../compiler/ir/graph.js'
import { interpretAt } from '../../compiler/ir/interpret-at.js'
import type { Graph } from '../../compiler/ir/ir.js'
import { closeGraph } from '../../compiler/open/close-graph.js'
import { simplified } from '../../compiler/pipeline.js'
import { type Tuning, tunedSchedule } from '../../compiler/schedule/choose.js'
import {
  type Device,
  DeviceError,
  type DeviceTensor,
  download,
  load,
  mostSizes,
  type Tensors,
} from '../../runtime/index.js'
import { UserError } from '../errors/user-error.js'
import { forTerminal } from '../host/terminal.js'
import { alternately, prepare, type Timed } from '../measure/measure.js'
import { spreadOf } from '../measure/statistics.js'
import { disagreement, positions, toleranceOf } from '../measure/verify.js'
import { drawnInputs } from './inputs.js'
import { remember, tuningOf } from './table.js'

/** A single kernel of a graph, with its candidate schedules. */
export interface Study {
  readonly chosen: ChosenSchedule
  readonly fragment: GroupedGraph
  /** Arithmetic of one dispatch; the longest kernels come first. */
  readonly flops: number
}

/**
 * The kernels of a graph that have several schedules, one for each signature, the longest first. It leaves
 * out kernels that behave differently when they run alone: those that write into a cache in place, and sums
 * over weights that come from memory, unless the kernel's own weights are too large for the processor's
 * cache. So are kernels that read blocks of a GGUF file, for which no numbers can be drawn.
 */
export const studiesOf = (graph: Graph, traits: DeviceTraits): readonly Study[] => {
  const whole = groupNodes(graph, traits)
  const signatures = new Set(compileGroups(whole, traits).kernels.map(k => k.chosen?.signature))
  const studies = new Map<string, Study>()
  for (const group of whole.groups) {
    if (group.scan !== undefined || group.members.some(m => elementsOf(m) === 0)) continue
    const fragment = fragmentOf(whole, group, traits)
    const [kernel] = compileGroups(fragment, traits).kernels
    if (kernel?.chosen === undefined || kernel.chosen.candidates.length < 2) continue
    if (fragment.graph.nodes.some(n => n.kind === 'input' && isBlockPacking(n.packing))) continue
    const { chosen } = kernel
    if (signatures.has(chosen.signature) && !studies.has(chosen.signature))
      studies.set(chosen.signature, { chosen, fragment, flops: kernel.flops + kernel.bytes })
  }
  return [...studies.values()].sort((a, b) => b.flops - a.flops)
}

const artifactOf = (study: Study, schedule: Schedule, traits: DeviceTraits): Artifact =>
  compileGroups(study.fragment, traits, {
    tuning: new Map([[study.chosen.signature, schedule]]),
    name: 'study',
  })

/** Inputs for a kernel, and the expected values at some positions of its outputs. */
interface Problem {
  readonly tensors: Readonly<Record<string, DeviceTensor>>
  readonly expected: ReadonlyMap<
    string,
    { readonly where: readonly number[]; readonly at: ReadonlyMap<number, number> }
  >
}

const posed = async (device: Device, open: Graph, artifact: Artifact, least: number): Promise<Problem> => {
  // Kernels are measured where open sizes are the most.
  const graph = closeGraph(
    open,
    (open.sizes ?? []).map(s => s.most),
  )
  const tensors = drawnInputs(device, graph, artifact, least)
  const names = Object.keys(tensors)
  const values = await download(
    device,
    names.map(n => tensors[n]!),
  )
  const inputs = new Map(names.map((n, i) => [n, values[i]!]))
  const expected = graph.outputs.map(o => {
    const where = positions(elementsOf(graph.nodes.find(n => n.id === o.node)!), 24)
    const all = interpretAt(graph, o.node, inputs, where)
    return [o.name, { where, at: new Map(where.map((x, i) => [x, all[i]!])) }] as const
  })
  return { tensors, expected: new Map(expected) }
}

/**
 * Inputs have both signs, so that no sum hides a term; they are positive if the kernel has no value
 * otherwise, as a logarithm.
 */
const problemFor = async (device: Device, graph: Graph, artifact: Artifact): Promise<Problem> => {
  const signed = await posed(device, graph, artifact, -1)
  if (![...signed.expected.values()].some(({ at }) => [...at.values()].some(Number.isNaN))) return signed
  for (const t of Object.values(signed.tensors)) t.destroy()
  return posed(device, graph, artifact, 0.05)
}

/** A schedule and the time of a dispatch with it: the median of several, in milliseconds. */
export interface Measured {
  readonly schedule: Schedule
  readonly milliseconds: number
}

/**
 * Times the schedules of a kernel in turn, if they agree with the interpreter at random positions. Schedules
 * that take more than twice the best time are timed only once, except for the chosen one.
 */
export const study = async (
  device: Device,
  s: Study,
  rounds = 5,
  stop?: AbortSignal,
): Promise<readonly Measured[]> => {
  stop?.throwIfAborted()
  const { traits } = device
  const { graph } = s.fragment
  const artifacts = s.chosen.candidates.map(schedule => ({
    schedule,
    artifact: artifactOf(s, schedule, traits),
  }))
  const { tensors, expected } = await problemFor(device, graph, artifacts[0]!.artifact)
  const timed: { schedule: Schedule; timed: Timed; first: number }[] = []
  try {
    let best = Number.POSITIVE_INFINITY
    for (const { schedule, artifact } of artifacts) {
      stop?.throwIfAborted()
      if (!(await trusted(device, artifact, tensors, expected))) continue
      const t = await prepare(device, artifact, tensors, { milliseconds: 15, most: 2000 })
      timed.push({ schedule, timed: t, first: await t.time() })
      best = Math.min(best, timed.at(-1)!.first)
    }
    const close = timed.filter(t => t.first <= 2 * best || t.schedule === s.chosen.schedule)
    const times = await alternately(
      close.map(t => ({
        time: () => {
          stop?.throwIfAborted()
          return t.timed.time()
        },
      })),
      rounds,
    )
    return timed.map(({ schedule, first }) => {
      const own = times[close.findIndex(t => t.schedule === schedule)]
      return { schedule, milliseconds: own === undefined ? first : spreadOf(own).median }
    })
  } finally {
    for (const t of timed) t.timed.close()
    for (const t of Object.values(tensors)) t.destroy()
  }
}

/**
 * Whether the device accepts a schedule and computes the interpreter's result with it. A refused schedule is
 * no failure, since there are others.
 */
const trusted = async (...of: Parameters<typeof agrees>): Promise<boolean> => {
  try {
    return await agrees(...of)
  } catch (error) {
    if (!(error instanceof DeviceError) || error.kind === 'lost') throw error
    return false
  }
}

const agrees = async (
  device: Device,
  artifact: Artifact,
  tensors: Tensors,
  expected: Problem['expected'],
): Promise<boolean> => {
  const executable = await load(device, artifact)
  const outputs = executable.run(tensors, { sizes: mostSizes(artifact) })
  try {
    const names = Object.keys(outputs)
    const results = await download(
      device,
      names.map(n => outputs[n]!),
    )
    return names.every((n, i) => {
      const { where, at } = expected.get(n)!
      const off = disagreement(results[i]!, x => at.get(x)!, where, toleranceOf(device.traits))
      return off === undefined
    })
  } finally {
    for (const t of Object.values(outputs)) t.destroy()
    executable.destroy()
  }
}

export interface TuneOptions {
  /** The time limit in seconds; the remaining kernels keep the cost model's schedules. */
  readonly budget: number
  readonly progress: (line: string) => void
  /** Ends tuning early. */
  readonly signal?: AbortSignal | undefined
}

/** The longest delay of a timer, in milliseconds. */
const longest = 2 ** 31 - 1

/**
 * Measures the kernels of a graph that are not in the device's table yet, and stores each result at once. The
 * kernel during which the time ends is left out too.
 */
export const tune = async (
  device: Device,
  graph: Graph,
  { budget, progress, signal }: TuneOptions,
): Promise<Tuning> => {
  const time = AbortSignal.timeout(Math.min(longest, Math.ceil(1000 * budget)))
  const stop = signal === undefined ? time : AbortSignal.any([time, signal])
  const started = performance.now()
  const unknown = (s: Study): boolean => tunedSchedule(s.chosen, tuningOf(device)) === undefined
  const open = studiesOf(graph, device.traits).filter(unknown)
  try {
    for (const [done, s] of open.entries()) {
      const seconds = (performance.now() - started) / 1000
      const expected = Math.min(budget - seconds, (seconds / Math.max(1, done)) * (open.length - done))
      const left = done === 0 ? '' : `, ${Math.max(0, Math.ceil(expected))} s left`
      progress(`${done + 1}/${open.length} kernels tuned${left}: ${s.chosen.signature}`)
      const [found] = [...(await study(device, s, 5, stop))].sort((a, b) => a.milliseconds - b.milliseconds)
      if (found === undefined)
        progress(`no schedule agrees with the interpreter, which is a defect of Jola: ${s.chosen.signature}`)
      else await remember(device, new Map([[s.chosen.signature, found.schedule]]), progress)
    }
  } catch (error) {
    if (error !== stop.reason) throw error
    progress(
      `${open.filter(unknown).length} kernels are left as they are: ` +
        `${signal?.aborted ? 'tuning was stopped' : 'the time for tuning is over'}`,
    )
  }
  return tuningOf(device)
}

const toTerminal = (line: string): void => void process.stderr.write(forTerminal(`${line}\n`))

/** Seconds that tuning may still take in this process. */
let left: number | undefined

/** From now on this process tunes kernels before it compiles them, for a number of seconds in all. */
export const allowTuning = (seconds: number): void => {
  left = seconds
}

/**
 * The seconds in `JOLA_TUNE`; 0 without it, and 0 if `CI` is set. Throws a `UserError` if its value is not a
 * number of seconds.
 */
export const usualBudget = (): number => {
  const { CI, JOLA_TUNE = '0' } = process.env
  const seconds = JOLA_TUNE.trim() === '' ? Number.NaN : Number(JOLA_TUNE)
  if (!(seconds >= 0))
    throw new UserError({
      what: `JOLA_TUNE is \`${JOLA_TUNE}\``,
      why: 'it gives the seconds that tuning may take',
      hint: 'set it to a number, to 0 to use no table of schedules, or not at all',
      exitCode: 2,
    })
  return CI ? 0 : seconds
}

/**
 * Chooses schedules for a graph from the device's table. It first tunes missing kernels while time is left
 * and the signal is not aborted.
 */
export const tuningFor = async (device: Device, graph: Graph, signal?: AbortSignal): Promise<Tuning> => {
  const budget = left ?? usualBudget()
  if (budget <= 0 || signal?.aborted) return tuningOf(device, toTerminal)
  const started = performance.now()
  await tune(device, simplified(graph), { budget, progress: toTerminal, signal })
  left = budget - (performance.now() - started) / 1000
  return tuningOf(device)
}
