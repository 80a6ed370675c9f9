import type { Artifact, DeviceTraits } from './artifact.js'
import { type CompileOptions, compileGraph } from './backend.js'
import type { Graph } from './ir/ir.js'
import { verified } from './ir/verify.js'
import { simplify } from './simplify/simplify.js'

export { checkProgram } from './check.js'
export { packInputs } from './ir/packing.js'
export { specialiseFn, specialiseGrad, specialiseMethod, specialiseTest } from './specialise/specialise.js'

/**
 * From a specialised graph to an artifact. The way there, one line a phase:
 *
 *     text → parse → names and types → core            checkProgram, once for all sizes
 *     core → specialise, differentiate → graph         specialise…, once for each set of sizes
 *     graph → simplify → fuse → schedule → plan, WGSL  lower, for one device's traits
 *
 * The graph is verified as it is specialised, and after every pass over it.
 */
export const lower = (graph: Graph, traits: DeviceTraits, options: CompileOptions = {}): Artifact =>
  compileGraph(simplified(graph), traits, options)

/** The graph that is interpreted and compiled. */
export const simplified = (graph: Graph): Graph =>
  verified(simplify(verified(graph, 'specialise')), 'simplify')
