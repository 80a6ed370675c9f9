import type { Device } from '../../../runtime/index.js'
import { alternately, type Timed } from '../../measure/measure.js'
import { pairedRatios, type Spread, spreadOf } from '../../measure/statistics.js'
import { disagrees } from './agree.js'
import { PeerFailure, PeerProcess, type PeerProgram } from './process.js'
import type { Work, WorkPlan } from './works.js'

/** The outcome of a peer at one work. */
export type PeerResult =
  | {
      readonly name: string
      readonly milliseconds: Spread
      /** Its time divided by ours, in the same rounds; above 1 ours is faster. */
      readonly toOurs: Spread
    }
  | {
      readonly name: string
      readonly refused: string
      /** It computes another result than we do. */
      readonly differs: boolean
    }

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

/** The least milliseconds of one timing. */
const least = 60

/** Threads of a peer may spin for a moment after their work, so the next peer waits this long. */
const restMilliseconds = 100

/** The same work, after a moment of rest. */
export const rested = ({ time }: Pick<Timed, 'time'>): Pick<Timed, 'time'> => ({
  time: async () => {
    await new Promise(resolve => setTimeout(resolve, restMilliseconds))
    return time()
  },
})

/** A peer at a work: it is timed until it fails. */
interface Candidate extends Pick<Timed, 'time'> {
  readonly name: string
  /** The reason why it is not timed, or no longer. */
  refused?: string
  differs: boolean
}

/** Prepares a peer for timing if its results agree with ours; refuses it otherwise. */
const prepared = async ({ name, process }: OpenPeer, work: Work): Promise<Candidate> => {
  let times = 1
  const candidate: Candidate = {
    name,
    differs: false,
    time: async () => {
      if (candidate.refused !== undefined) return Number.NaN
      try {
        return Number((await process.ask({ verb: 'run', times })).milliseconds)
      } catch (error) {
        if (!(error instanceof PeerFailure)) throw error
        candidate.refused = error.message
        return Number.NaN
      }
    },
  }
  try {
    const { values } = await process.ask({ verb: 'prepare', work: work.kind, ...work.request })
    const why = disagrees(values as readonly number[], work.expected)
    if (why !== undefined) {
      candidate.refused = `it computes something else: ${why}`
      candidate.differs = true
    }
  } catch (error) {
    if (!(error instanceof PeerFailure)) throw error
    candidate.refused = error.message
  }
  const first = await candidate.time()
  if (candidate.refused === undefined) times = Math.max(1, Math.ceil(least / first))
  return candidate
}

const compareWork = async (
  device: Device,
  peers: readonly OpenPeer[],
  plan: WorkPlan,
  { runs, progress }: CompareOptions,
): Promise<Comparison> => {
  const closes: (() => void | Promise<void>)[] = []
  try {
    const work = await plan.prepare(device, close => closes.unshift(close))
    const able = peers.filter(p => p.works.includes(work.kind))
    const candidates: Candidate[] = []
    for (const peer of able) {
      progress?.(`  ${peer.name}`)
      candidates.push(await prepared(peer, work))
    }
    const ready = candidates.filter(c => c.refused === undefined)
    await work.ours.time()
    const [mine, ...theirs] = await alternately([work.ours, ...ready].map(rested), runs)
    return {
      name: plan.name,
      amount: work.amount,
      milliseconds: spreadOf(mine!),
      peers: candidates.map((c): PeerResult => {
        const { name, refused, differs } = c
        if (refused !== undefined) return { name, refused, differs }
        const own = theirs[ready.indexOf(c)]!
        return { name, milliseconds: spreadOf(own), toOurs: pairedRatios(own, mine!) }
      }),
    }
  } finally {
    for (const close of closes) await close()
  }
}

/**
 * Does every work by Jola and by every peer in turn, round by round. Missing peers are reported, but are not
 * failures.
 */
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
