import type { Finding, FuzzPart } from '../part.js'
import { goesOn } from '../part.js'
import { chance, loadLibrary, mutant, randomProgram } from './programs.js'
import { tryProgram } from './try-program.js'

/** Random programs, and twice as many mutants of well-typed ones. */
export const checker: FuzzPart = {
  name: 'checker',
  about:
    'what the checker accepts, specialises, runs and lowers at every size; twice as many mutants as programs',
  run: async options => {
    const findings: Finding[] = []
    const seen = new Set<string>()
    let tried = 0
    let accepted = 0
    for (let n = 0; goesOn(options, n); n++) {
      for (const [k, make] of [randomProgram, mutant, mutant].entries()) {
        const text = make(chance(options.seed * 1_000_003 + 3 * n + k))
        const result = tryProgram(text, loadLibrary, n % 8 === 0)
        tried++
        if (result.accepted) accepted++
        if (result.broke === undefined || seen.has(result.broke)) continue
        seen.add(result.broke)
        findings.push({ what: result.broke, input: text })
      }
      if (n % 250 === 249)
        options.say(`checker: ${tried} tried, ${accepted} accepted, ${findings.length} findings`)
    }
    return { tried, findings }
  },
}
