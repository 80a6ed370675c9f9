import type { Artifact, DeviceTraits } from './artifact.js'
import { type CompiledGraph, type CompileOptions, compileInPhases } from './backend/compile.js'
import type { Graph } from './ir/ir.js'
import { verified } from './ir/verify.js'
import { memoryLimits, tighterLimits } from './memory/fit-memory.js'
import { simplify } from './simplify/simplify.js'

export { checkProgram } from './check/check.js'
export { packInputs } from './ir/packing.js'
export { specialiseFn, specialiseGrad, specialiseMethod, specialiseTest } from './specialise/specialise.js'

/** How a graph is compiled, and how much memory the result may take. */
export interface LowerOptions extends CompileOptions {
  /**
   * Bytes. A plan that takes more is compiled again with more rematerialisation and smaller chunks, as long
   * as that helps.
   */
  readonly memory?: number | undefined
}

/**
 * From a specialised graph to an artifact. The way there, one line a phase:
 *
 *     text → parse → names and types → core            checkProgram, once for all sizes
 *     core → specialise, differentiate → graph         specialise…, once for each set of sizes
 *     graph → simplify → fuse → schedule → plan, WGSL  lower, for one device's traits
 *
 * The graph is verified as it is specialised, and after every pass over it.
 */
export const lower = (graph: Graph, traits: DeviceTraits, options: LowerOptions = {}): Artifact =>
  planned(simplified(graph), traits, options)

/**
 * Compiles a simplified graph to an artifact within `memory` bytes, or with as few as possible where that
 * fails.
 */
export const planned = (graph: Graph, traits: DeviceTraits, options: LowerOptions = {}): Artifact =>
  plannedInPhases(graph, traits, options).artifact

/** The same, with the result of each phase of the back end. */
export const plannedInPhases = (
  graph: Graph,
  traits: DeviceTraits,
  { memory = Number.POSITIVE_INFINITY, ...options }: LowerOptions = {},
): CompiledGraph => {
  const limits = options.limits ?? memoryLimits(traits)
  let best = compileInPhases(graph, traits, { ...options, limits })
  for (const tighter of tighterLimits(limits)) {
    if (best.artifact.peakBytes <= memory) break
    const next = compileInPhases(graph, traits, { ...options, limits: tighter })
    if (next.artifact.peakBytes < best.artifact.peakBytes) best = next
  }
  return best
}

/**
 * The graph after simplification, which is both interpreted and compiled. It is verified before and after. A
 * graph with open sizes has been simplified already, at the numbers that it was made from.
 */
export const simplified = (graph: Graph): Graph =>
  graph.sizes === undefined ? verified(simplify(verified(graph, 'specialise')), 'simplify') : graph
