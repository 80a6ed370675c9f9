import { renderUserError, UserError } from '../../../src/errors/user-error.js'
import { type Finding, type FuzzOptions, type FuzzPart, type FuzzResult, goesOn } from '../part.js'
import { randomOf } from '../random.js'
import { fileTargets } from './files.js'
import { modelTargets } from './models.js'
import { programTargets } from './programs.js'
import type { Target } from './target.js'

/** Every parser that reads what others wrote. */
export const parserTargets: readonly Target[] = [...fileTargets, ...modelTargets, ...programTargets]

/** Of the processor, for one input of some kilobytes. */
const mostSeconds = 5
const mostBytes = 1 << 30
/** Findings of one target after which it is left: they are most often one and the same. */
const mostFindings = 5

const wrongMessage = /[\p{Cc}\p{Bidi_Control}]/u

/** What is wrong with reading some bytes; `undefined` where they are read, or refused by a message. */
const wrongWith = async (target: Target, bytes: Buffer): Promise<string | undefined> => {
  const [time, memory] = [process.cpuUsage(), process.memoryUsage.rss()]
  try {
    await target.read(bytes)
  } catch (error) {
    if (!(error instanceof UserError))
      return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    const text = renderUserError(error)
    if (text.length > 20_000) return 'the message is too long'
    if (wrongMessage.test(text.replaceAll('\n', ''))) return 'the message acts on a terminal'
    if (error.exitCode === 3) return 'a file is no fault of a device'
  }
  const { user, system } = process.cpuUsage(time)
  if (user + system > mostSeconds * 1e6) return `it takes ${((user + system) / 1e6).toFixed(1)} s`
  const grown = process.memoryUsage.rss() - memory
  return grown > mostBytes ? `it takes ${Math.round(grown / 2 ** 20)} MiB` : undefined
}

/** The same finding with fewer bytes: pieces are cut out while it stays. */
const smaller = async (target: Target, bytes: Buffer, what: string): Promise<Buffer> => {
  let [best, tries] = [bytes, 0]
  for (let piece = best.length >> 1; piece > 0; piece >>= 1)
    for (let at = 0; at < best.length && tries < 300; tries++) {
      const cut = Buffer.concat([best.subarray(0, at), best.subarray(at + piece)])
      if ((await wrongWith(target, cut)) === what) best = cut
      else at += piece
    }
  return best
}

/** Tries inputs of one target. */
export const fuzzTarget = async (target: Target, options: FuzzOptions): Promise<FuzzResult> => {
  const findings: Finding[] = []
  let tried = 0
  for (; goesOn(options, tried) && findings.length < mostFindings; tried++) {
    const bytes = target.make(randomOf(`${target.name} ${options.seed} ${tried}`))
    const what = await wrongWith(target, bytes)
    if (what === undefined) continue
    const small = await smaller(target, bytes, what)
    findings.push({ what: `${target.name}: ${what}`, input: JSON.stringify(small.toString('latin1')) })
  }
  return { tried, findings }
}

/** Damaged files, for every parser that reads what others wrote. */
export const parsers: FuzzPart = {
  name: 'parsers',
  about: 'every parser refuses a damaged file by a message, in bounded time and memory',
  run: async options => {
    let tried = 0
    const findings: Finding[] = []
    for (const [i, target] of parserTargets.entries()) {
      const now = Date.now()
      const until =
        options.until === undefined ? {} : { until: now + (options.until - now) / (parserTargets.length - i) }
      const result = await fuzzTarget(target, { ...options, ...until })
      options.say(`${target.name}: ${result.tried} inputs, ${result.findings.length} findings`)
      tried += result.tried
      findings.push(...result.findings)
    }
    return { tried, findings }
  },
}
