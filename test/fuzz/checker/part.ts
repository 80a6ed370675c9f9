import type { Finding, FuzzPart } from '../part.js'
import { goesOn } from '../part.js'
import { chance, loadLibrary, mutant } from './programs.js'
import { randomProgram } from './random-program.js'
import { tryProgram } from './try-program.js'

/** Random programs, and twice as many mutants of well-typed ones. */
export const checker: FuzzPart = {
  name: 'checker',
  about:
    'what the checker accepts, specialises, runs and lowers at every size; twice as many mutants as programs',
  run: async options => {
    const findings: Finding[] = []
    const seen = new Set<string>()
    const kinds = [
      { name: 'programs', make: randomProgram, tried: 0, accepted: 0 },
      { name: 'mutants', make: mutant, tried: 0, accepted: 0 },
    ]
    const share = (): string =>
      kinds
        .map(k => `${k.accepted} of ${k.tried} ${k.name} (${Math.round((100 * k.accepted) / k.tried)} %)`)
        .join(' and ')
    let n = 0
    for (; goesOn(options, n); n++) {
      for (const [k, place] of [0, 1, 1].entries()) {
        const kind = kinds[place]!
        const text = kind.make(chance(options.seed * 1_000_003 + 3 * n + k))
        const result = tryProgram(text, loadLibrary, n % 8 === 0)
        kind.tried++
        if (result.accepted) kind.accepted++
        if (result.broke === undefined || seen.has(result.broke)) continue
        seen.add(result.broke)
        findings.push({ what: result.broke, input: text })
      }
      if (n % 250 === 249) options.say(`checker: accepted ${share()}; ${findings.length} findings`)
    }
    if (n > 0) options.say(`checker: accepted ${share()}`)
    const tried = kinds[0].tried + kinds[1].tried
    return { tried, findings }
  },
}
