import type { Artifact, DeviceTraits } from './artifact.js'
import { type CompiledGraph, type CompileOptions, compileInPhases } from './backend/compile.js'
import type { Graph } from './ir/ir.js'
import { verified } from './ir/verify.js'
import { memoryLimits, tighterLimits } from './memory/fit-memory.js'
import { simplify } from './simplify/simplify.js'

export { checkProgram } from './check/check.js'
export { packInputs } from './ir/packing.js'
export { specialiseFn, specialiseGrad, specialiseMethod, specialiseTest } from './specialise/specialise.js'

/** How a graph is compiled, and what it may take. */
export interface LowerOptions extends CompileOptions {
  /** Bytes: a plan that passes them trades time for memory until it fits, or nothing is left to trade. */
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

/** A simplified graph as an artifact that takes no more memory than it may, if that can be; else as little as can be. */
export const planned = (graph: Graph, traits: DeviceTraits, options: LowerOptions = {}): Artifact =>
  plannedInPhases(graph, traits, options).artifact

/** The same, with what each phase of the back end gave. */
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

/** The graph that is interpreted and compiled. */
export const simplified = (graph: Graph): Graph =>
  verified(simplify(verified(graph, 'specialise')), 'simplify')
