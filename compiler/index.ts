/** The compiler: text in, artifact out. It reads no files and knows no device but its traits. */
export type { Artifact, DeviceTraits } from './artifact.js'
export { checkProgram, type Load } from './check.js'
export type { CoreFn, CoreRecipe, Program } from './core/core.js'
export type { Diagnostic } from './diagnostic.js'
export { interpret } from './ir/interpret.js'
export type { Graph } from './ir/ir.js'
export { printGraph } from './ir/print.js'
export { leastTraits } from './least-traits.js'
export { ProgramLimit, programLimits } from './limit.js'
export {
  lower,
  packInputs,
  simplified,
  specialiseFn,
  specialiseGrad,
  specialiseMethod,
  specialiseTest,
} from './pipeline.js'
export { diagnosticToJson, renderDiagnostic } from './render.js'
export type { Source } from './source.js'
export { SizesError } from './specialise/given-sizes.js'
export type { Bindings } from './specialise/specialise.js'
