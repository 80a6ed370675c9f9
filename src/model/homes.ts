// A configuration in which a model's changed tensors have names in a checkpoint. A bias that became non-zero
// may need a flag, `attention_bias`, and a family without that flag may be written as one with it, if both
// compute the same. That is decided by the text of their graphs.

import type { CoreFn, CoreParam, Program } from '../../compiler/core/core.js'
import { printGraph } from '../../compiler/ir/print.js'
import { simplified } from '../../compiler/pipeline.js'
import type { StandIn } from '../../compiler/specialise/parameters.js'
import { type InputSpec, inputsOf } from '../../compiler/specialise/parameters.js'
import { specialisePredictor } from '../../compiler/specialise/predictor.js'
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'
import { namesFor } from './bind.js'
import { entryAt } from './config-reader.js'
import { type Model, type ModelFacts, modelFacts, unknownEntries } from './model.js'

/** A program's function `logits`, and a model that it computes. */
export interface HomeSource {
  readonly program: Program
  readonly fn: CoreFn
  readonly param: CoreParam
  readonly model: Model
  readonly sizes: ReadonlyMap<string, number>
  readonly absent: ReadonlyMap<string, StandIn>
}

/** A configuration and the names of the tensors under it. */
export interface Home {
  readonly config: JsonObject
  readonly facts: ModelFacts
  /** The entries that differ from the model's own. */
  readonly changed: readonly string[]
}

/** The class of transformers that computes a family as which models of others are written. */
const classes: Readonly<Record<string, string>> = { llama: 'LlamaForCausalLM' }

const factsUnder = ({ program, param, model }: HomeSource, config: JsonObject): ModelFacts | undefined => {
  try {
    return modelFacts(program, [param.type], { ...model, config })
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}

/** The text of what a program computes for one sequence as long as the context, under given constants. */
const computed = (source: HomeSource, { constants }: ModelFacts): string => {
  const { program, fn, sizes, absent, model } = source
  const all = new Map([...sizes, ['T', model.context] as const])
  const bindings = { sizes: all, constants, absent }
  const predictor = { kind: 'fn', fn } as const
  const graph = simplified(specialisePredictor({ program, predictor, bindings, rows: 1 }, 'next'))
  // Nodes are numbered by where they occur first: simplification may have passed over more of them in one.
  const numbers = new Map<string, number>()
  return printGraph(graph).replaceAll(/%\d+/g, id => {
    numbers.set(id, numbers.get(id) ?? numbers.size)
    return `%${numbers.get(id)}`
  })
}

const withEntry = (config: JsonObject, path: string, value: boolean): JsonObject => {
  const [key, ...rest] = path.split('.')
  const inner = config[key!]
  return {
    ...config,
    [key!]: rest.length === 0 ? value : withEntry({ ...(inner as JsonObject) }, rest.join('.'), value),
  }
}

/** The entries that are conditions of a checkpoint's names, true or false. */
const flagsOf = (program: Program): readonly string[] => [
  ...new Set(
    [...program.consts.values()].flatMap(({ type, from }) =>
      type.kind === 'scalar' && type.dtype === 'bool' && from?.kind === 'entry' ? [from.path] : [],
    ),
  ),
]

/** The model as one of another family, without the entries that this family does not know. */
const asFamily = ({ program, param }: HomeSource, config: JsonObject, family: string): JsonObject => {
  const own: JsonObject = { ...config, model_type: family, architectures: [classes[family]!] }
  const unknown = new Set(unknownEntries(program, [param.type], own))
  return Object.fromEntries(Object.entries(own).filter(([name]) => !unknown.has(name)))
}

/** The configurations to try, those with the fewest changes first. */
function* candidates(source: HomeSource): Generator<JsonObject> {
  const { config } = source.model
  const flags = flagsOf(source.program)
  const turned = (from: JsonObject, path: string): JsonObject =>
    withEntry(from, path, entryAt(from, path) !== true)
  const all = [config, ...Object.keys(classes).map(family => asFamily(source, config, family))]
  for (const base of all) {
    yield base
    for (const a of flags) yield turned(base, a)
    for (const [i, a] of flags.entries()) for (const b of flags.slice(i + 1)) yield turned(turned(base, a), b)
    for (const [i, a] of flags.entries())
      for (const [j, b] of flags.entries())
        if (i < j) for (const c of flags.slice(j + 1)) yield turned(turned(turned(base, a), b), c)
  }
}

const changedEntries = (before: JsonObject, after: JsonObject): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    name => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  )

/**
 * The first configuration in which every tensor that `needs` a name of its own has one, and the program
 * computes what it did; undefined where there is none. `sameAs` gives equal texts for tensors with equal
 * numbers, which may share a name.
 */
export const findHome = (
  source: HomeSource,
  needs: (spec: InputSpec) => boolean,
  sameAs: (spec: InputSpec) => string,
): Home | undefined => {
  const { model, param } = source
  const specs = inputsOf(param.name, param.type)
  const fits = ({ holds }: ModelFacts): boolean => {
    const owner = new Map<string, string>()
    return specs.every(spec => {
      const [name] = namesFor(spec, holds).names
      if (name === undefined) return !needs(spec)
      const other = owner.get(name)
      owner.set(name, sameAs(spec))
      return other === undefined || other === sameAs(spec)
    })
  }
  const now = factsUnder(source, model.config)
  let before: string | undefined
  for (const config of candidates(source)) {
    const facts = factsUnder(source, config)
    if (facts === undefined || now === undefined || !fits(facts)) continue
    before ??= computed(source, now)
    if (config === model.config || computed(source, facts) === before)
      return { config, facts, changed: changedEntries(model.config, config) }
  }
  return undefined
}

/** The tensors, of those that need a name, that have none in the model's own configuration. */
export const homeless = (
  { param }: HomeSource,
  { holds }: ModelFacts,
  needs: (spec: InputSpec) => boolean,
): readonly InputSpec[] =>
  inputsOf(param.name, param.type).filter(s => needs(s) && namesFor(s, holds).names.length === 0)
