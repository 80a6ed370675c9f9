/** The compiler: text in, artifact out. It reads no files and knows no device but its traits. */
export type { Artifact, DeviceTraits } from './artifact.js'
export { checkProgram, type Load } from './check/check.js'
export { CheckedModules } from './check/checked-modules.js'
export type { CoreFn, CoreRecipe, Program } from './core/core.js'
export type { Diagnostic } from './diagnostics/diagnostic.js'
export { ProgramLimit, programLimits } from './diagnostics/limit.js'
export { diagnosticToJson, renderDiagnostic } from './diagnostics/render.js'
export type { Source } from './diagnostics/source.js'
export { interpret } from './ir/interpret.js'
export type { Graph } from './ir/ir.js'
export { printGraph } from './ir/print.js'
export { closeGraph } from './open/close-graph.js'
export { openGraph } from './open/open-graph.js'
export {
  lower,
  packInputs,
  simplified,
  specialiseFn,
  specialiseGrad,
  specialiseMethod,
  specialiseTest,
} from './pipeline.js'
export { SizesError } from './specialise/given-sizes.js'
export type { Bindings } from './specialise/specialise.js'
export { leastTraits } from './traits.js'
