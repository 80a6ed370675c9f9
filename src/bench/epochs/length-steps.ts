import { type Device, download } from '../../../runtime/index.js'
import { alternately, type Timed } from '../../measure/measure.js'
import { rested } from '../peers/compare.js'
import type { PeerProcess } from '../peers/process.js'
import { editNames, writeStep } from '../peers/step-files.js'
import { randomBatch, writeModel } from '../random-model.js'
import { type OpenStep, place, seed } from '../recipe-step.js'
import { batchSize, type StepTimes } from './epoch-time.js'
import type { EpochModel } from './sources.js'

/** The least milliseconds of one timing. */
const least = 60

/** Finds how often a work is repeated in one timing; returns the milliseconds of one time. */
const steady = async (once: (times: number) => Promise<number>): Promise<Pick<Timed, 'time'>> => {
  const times = Math.max(1, Math.ceil(least / (await once(1))))
  return rested({ time: () => once(times) })
}

/** The steps of a model on batches of several lengths, by us and by a peer that agrees. */
export class LengthSteps {
  readonly #batches
  #done = 0

  constructor(
    readonly opened: OpenStep,
    readonly lengths: readonly number[],
  ) {
    const V = opened.session.sizes.get('V') ?? 2
    this.#batches = lengths.map(T => randomBatch({ B: batchSize, T, A: 1, everywhere: false }, V))
  }

  async #step(batch: number): Promise<number> {
    const { session } = this.opened
    session.step(this.#batches[batch]!, { step: place.at + this.#done, steps: place.steps, epoch: 1 }, seed)
    this.#done += 1
    const [loss] = await download(session.device, [session.metricTensors.loss!])
    return loss![0]!
  }

  /** One step of each length; gives what a peer must get to. */
  async check() {
    const { session } = this.opened
    const edits = () =>
      download(
        session.device,
        editNames.map(name => session.state[`edits.${name}`]!),
      )
    const before = await edits()
    const each: number[] = []
    for (const [i, T] of this.lengths.entries()) {
      await session.prepare(T)
      each.push(await this.#step(i))
    }
    const after = await edits()
    const learned = editNames.map((name, i) => ({ name, before: before[i]!, after: after[i]! }))
    return { each, learned }
  }

  async write(device: Device, folder: string, config: EpochModel['config']): Promise<void> {
    await writeModel(folder, config, this.opened.model.checkpoint!)
    await writeStep(device, folder, this.opened, this.#batches)
  }

  /** Our works, one a length. */
  timed(): Promise<readonly Pick<Timed, 'time'>[]> {
    return inTurn(this.lengths, (_, i) =>
      steady(async times => {
        const start = performance.now()
        for (let n = 0; n < times; n++) await this.#step(i)
        return (performance.now() - start) / times
      }),
    )
  }
}

const inTurn = async <A, B>(
  list: readonly A[],
  of: (a: A, i: number) => Promise<B>,
): Promise<readonly B[]> => {
  const out: B[] = []
  for (const [i, a] of list.entries()) out.push(await of(a, i))
  return out
}

/** Times of each round, by the system: ours first, then the peer's if it takes part. */
export type Rounds = readonly (readonly StepTimes[])[]

/** Times a step of each length in turn, by us and by the peer, round by round. */
export const timeSteps = async (
  steps: LengthSteps,
  peer: PeerProcess | undefined,
  runs: number,
): Promise<Rounds> => {
  const { lengths } = steps
  const ours = await steps.timed()
  const theirs = peer
    ? await inTurn(lengths, (_, batch) =>
        steady(async times => Number((await peer.ask({ verb: 'run', times, batch })).milliseconds)),
      )
    : []
  // Side by side, so that both systems are as much disturbed by what else the machine does.
  const times = await alternately(
    lengths.flatMap((_, i) => [ours[i]!, ...(theirs[i] === undefined ? [] : [theirs[i]])]),
    runs,
  )
  const systems = peer ? 2 : 1
  return Array.from({ length: systems }, (_, system) =>
    Array.from({ length: runs }, (_, round) => ({
      lengths,
      milliseconds: lengths.map((_, i) => times[i * systems + system]![round]!),
    })),
  )
}
