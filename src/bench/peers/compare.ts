import type { Device } from '../../../runtime/index.js'
import { alternately, type Timed } from '../measure.js'
import { pairedRatios, type Spread, spreadOf } from '../statistics.js'
import { disagrees } from './agree.js'
import { PeerFailure, PeerProcess, type PeerProgram } from './process.js'
import type { Work, WorkPlan } from './works.js'

/** What became of a peer at one work. */
export type PeerResult =
  | {
      readonly name: string
      readonly milliseconds: Spread
      /** Its time by ours, of the same rounds: above 1 ours is faster. */
      readonly toOurs: Spread
    }
  | { readonly name: string; readonly refused: string }

/** One work, done by Jola and by those peers that can do it. */
export interface Comparison {
  readonly name: string
  readonly amount: Work['amount']
  readonly milliseconds: Spread
  readonly peers: readonly PeerResult[]
}

/** A comparison of all works, and the peers that are not here. */
export interface PeerReport {
  readonly comparisons: readonly Comparison[]
  readonly missing: readonly { readonly name: string; readonly why: string; readonly install: string }[]
}

export interface CompareOptions {
  readonly runs: number
  readonly progress?: (line: string) => void
}

interface OpenPeer {
  readonly process: PeerProcess
  readonly name: string
  readonly works: readonly string[]
}

/** A timing lasts so many milliseconds at least. */
const least = 60

/** Threads of a peer may go on spinning for a moment after their work: the next waits that long. */
const restMilliseconds = 100

const rested = ({ time }: Pick<Timed, 'time'>): Pick<Timed, 'time'> => ({
  time: async () => {
    await new Promise(resolve => setTimeout(resolve, restMilliseconds))
    return time()
  },
})

/** A peer that has shown that it computes what we do, ready to be timed; else why not. */
const prepared = async (
  peer: OpenPeer,
  work: Work,
): Promise<{ readonly timed: Pick<Timed, 'time'> } | { readonly refused: string }> => {
  try {
    const { values } = await peer.process.ask({ verb: 'prepare', work: work.kind, ...work.request })
    const why = disagrees(values as readonly number[], work.expected)
    if (why !== undefined) return { refused: `it computes something else: ${why}` }
    const run = async (times: number): Promise<number> =>
      Number((await peer.process.ask({ verb: 'run', times })).milliseconds)
    const times = Math.max(1, Math.ceil(least / (await run(1))))
    return { timed: { time: () => run(times) } }
  } catch (error) {
    if (error instanceof PeerFailure) return { refused: error.message }
    throw error
  }
}

const compareWork = async (
  device: Device,
  peers: readonly OpenPeer[],
  plan: WorkPlan,
  { runs, progress }: CompareOptions,
): Promise<Comparison> => {
  const work = await plan.prepare(device)
  try {
    const able = peers.filter(p => p.works.includes(work.kind))
    const candidates: { readonly name: string; readonly ready: Awaited<ReturnType<typeof prepared>> }[] = []
    for (const peer of able) {
      progress?.(`  ${peer.name}`)
      candidates.push({ name: peer.name, ready: await prepared(peer, work) })
    }
    const ready = candidates.flatMap(({ ready }) => ('timed' in ready ? [ready.timed] : []))
    await work.ours.time()
    const [mine, ...theirs] = await alternately([work.ours, ...ready].map(rested), runs)
    return {
      name: plan.name,
      amount: work.amount,
      milliseconds: spreadOf(mine!),
      peers: candidates.map(({ name, ready }): PeerResult => {
        if ('refused' in ready) return { name, refused: ready.refused }
        const own = theirs.shift()!
        return { name, milliseconds: spreadOf(own), toOurs: pairedRatios(own, mine!) }
      }),
    }
  } finally {
    await work.close()
  }
}

/** Does every work by Jola and by every peer in turn, round by round. Peers that are missing are told, and no failure. */
export const comparePeers = async (
  device: Device,
  programs: readonly PeerProgram[],
  plans: readonly WorkPlan[],
  options: CompareOptions,
): Promise<PeerReport> => {
  const peers: OpenPeer[] = []
  const missing: { readonly name: string; readonly why: string; readonly install: string }[] = []
  try {
    for (const program of programs) {
      try {
        peers.push(await PeerProcess.open(program))
      } catch (error) {
        if (!(error instanceof PeerFailure)) throw error
        missing.push({ name: program.name, why: error.message, install: program.install })
      }
    }
    const comparisons: Comparison[] = []
    for (const [i, plan] of plans.entries()) {
      options.progress?.(`${i + 1}/${plans.length}  ${plan.name}`)
      comparisons.push(await compareWork(device, peers, plan, options))
    }
    return { comparisons, missing }
  } finally {
    for (const peer of peers) peer.process.close()
  }
}
