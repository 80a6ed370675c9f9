import type { Artifact } from '../../compiler/artifact.js'
import { type Device, type Executable, load, mostSizes, type Tensors } from '../../runtime/index.js'

/** The least milliseconds of one timing, if `most` dispatches suffice. */
export interface Length {
  readonly milliseconds: number
  readonly most: number
}

/** A timing shorter than this is mostly the cost of submitting and waiting. */
export const usualLength: Length = { milliseconds: 60, most: 2000 }

/** Something that is timed. */
export interface Timed {
  /** Runs of the work in one timing. */
  readonly repeats: number
  /** Does the work `repeats` times in one submission; returns the milliseconds of one time. */
  time(): Promise<number>
  close(): void
}

/**
 * The artifact with its steps repeated in a loop, and its outputs left in its own buffers. The kernels must
 * read no loop index, since the added loop would shift the indices.
 */
export const repeated = (artifact: Artifact, times: number): Artifact => {
  if (artifact.kernels.some(k => k.loops > 0))
    throw new Error(`${artifact.name} has loops of its own and can't be put into another`)
  const steps = [{ kind: 'loop' as const, count: times, direction: 'up' as const, steps: artifact.steps }]
  return { ...artifact, outputs: [], steps }
}

const timeRun = async (executable: Executable, inputs: Tensors): Promise<number> => {
  const start = performance.now()
  executable.run(inputs, { sizes: mostSizes(executable.artifact) })
  await executable.device.idle()
  return performance.now() - start
}

/** Loads an artifact, warms it up, and finds how often it must run for a timing that is long enough. */
export const prepare = async (
  device: Device,
  artifact: Artifact,
  inputs: Tensors,
  length: Length = usualLength,
): Promise<Timed> => {
  let repeats = 1
  let executable = await load(device, repeated(artifact, repeats))
  for (;;) {
    await timeRun(executable, inputs) // compiles, the first time
    const took = await timeRun(executable, inputs)
    const enough = Math.min(length.most, Math.ceil((repeats * length.milliseconds) / Math.max(took, 0.01)))
    // If there are few runs, the submission takes most of the time, so the estimate from them is too small.
    if (enough <= 1.25 * repeats) break
    executable.destroy()
    repeats = enough
    executable = await load(device, repeated(artifact, repeats))
  }
  return {
    repeats,
    time: async () => (await timeRun(executable, inputs)) / repeats,
    close: () => executable.destroy(),
  }
}

/**
 * Times every work once a round; every second round goes backwards, so that drift and disturbances affect all
 * works alike. Returns the times of each work, by rounds.
 */
export const alternately = async (
  timed: readonly Pick<Timed, 'time'>[],
  rounds: number,
): Promise<readonly (readonly number[])[]> => {
  const times: number[][] = timed.map(() => [])
  const forward = [...timed.keys()]
  for (let round = 0; round < rounds; round++)
    for (const i of round % 2 === 0 ? forward : [...forward].reverse()) times[i]!.push(await timed[i]!.time())
  return times
}
