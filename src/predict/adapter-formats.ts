// The files in which others keep adapters: LoRA as PEFT has it, and JoLA as its authors' code has it. Both
// have a tensor of their own for each layer, or each head; a recipe's state has one for all.

import type { GivenValue } from '../../compiler/specialise/specialise.js'
import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'

/** A tensor of a recipe's state, and the names of its parts: `{}` stands for the leading indices in turn. */
export interface ForeignTensor {
  readonly state: string
  readonly name: string
  /** How many of the leading axes the name counts. */
  readonly axes: number
  /** Whether parts are stored with an axis of 1 at their end. */
  readonly column?: true
}

/** A format: the recipe whose adapters it holds, and where their tensors are. */
export interface AdapterFormat {
  readonly name: 'peft' | 'reference'
  readonly program: string
  readonly recipe: string
  readonly tensors: readonly ForeignTensor[]
}

const attention = 'model.layers.{}.self_attn'

/** The released code of JoLA (github.com/wenlai-lavine/jola): `log_g1` opens offsets, `log_g2` scalings. */
const reference: AdapterFormat = {
  name: 'reference',
  program: 'std.recipes.jola',
  recipe: 'Jola',
  tensors: [
    { state: 'edits.scale', name: `${attention}.attn_A.{}`, axes: 2 },
    { state: 'edits.offset', name: `${attention}.attn_v.{}`, axes: 2 },
    { state: 'edits.scale_gate', name: `${attention}.log_g2`, axes: 1, column: true },
    { state: 'edits.offset_gate', name: `${attention}.log_g1`, axes: 1, column: true },
  ],
}

/** The projections of `std.recipes.lora`, and the modules of transformers that they are. */
const modules = {
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.o_proj',
  gate: 'mlp.gate_proj',
  up: 'mlp.up_proj',
  down: 'mlp.down_proj',
} as const

type Projection = keyof typeof modules

const projections = Object.keys(modules) as readonly Projection[]

const peft: AdapterFormat = {
  name: 'peft',
  program: 'std.recipes.lora',
  recipe: 'Lora',
  tensors: projections.flatMap(p => {
    const module = `base_model.model.model.layers.{}.${modules[p]}`
    return [
      { state: `edits.${p}.down`, name: `${module}.lora_A.weight`, axes: 1 },
      { state: `edits.${p}.up`, name: `${module}.lora_B.weight`, axes: 1 },
    ]
  }),
}

export const adapterFormats = { peft, reference } as const

/** The entries of `adapter_config.json` that PEFT builds LoRA by. */
export const peftConfig = (settings: Readonly<Record<string, GivenValue>>, model: string): JsonObject => ({
  peft_type: 'LORA',
  task_type: 'CAUSAL_LM',
  base_model_name_or_path: model,
  inference_mode: true,
  r: settings.R,
  lora_alpha: settings.alpha,
  lora_dropout: 0,
  target_modules: projections
    .filter(p => settings[p] === true)
    .map(p => modules[p].slice(modules[p].indexOf('.') + 1)),
  bias: 'none',
  fan_in_fan_out: false,
  use_rslora: false,
  use_dora: false,
  modules_to_save: null,
  layers_to_transform: null,
  rank_pattern: {},
  alpha_pattern: {},
})

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === 'none' ||
  (typeof value === 'object' && Object.keys(value).length === 0)

/** Entries of PEFT that `std.recipes.lora` does not compute, unless they are empty. */
const beyondLora = [
  ...['bias', 'fan_in_fan_out', 'use_dora', 'modules_to_save', 'rank_pattern', 'alpha_pattern'],
  ...['layer_replication', 'lora_bias', 'trainable_token_indices', 'target_parameters'],
]

/** The settings of `std.recipes.lora` that an `adapter_config.json` of PEFT says. */
export const loraSettings = (config: JsonObject, names: Iterable<string>, where: string) => {
  const refuse = (entry: string): never => {
    throw new UserError({
      what: 'the adapter of PEFT is not plain LoRA',
      where: `${where}, "${entry}"`,
      why: `it is ${JSON.stringify(config[entry])}, and std.recipes.lora does not compute that`,
      hint: 'merge it by PEFT itself (merge_and_unload), and open the merged model',
    })
  }
  const { peft_type: type, r: rank, lora_alpha: alpha } = config
  if (type !== 'LORA') refuse('peft_type')
  for (const entry of beyondLora) if (!isEmpty(config[entry])) refuse(entry)
  if (typeof rank !== 'number' || !Number.isInteger(rank) || rank < 1) return refuse('r')
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) return refuse('lora_alpha')
  const all = [...names]
  const has = (p: Projection): boolean => all.some(name => name.includes(`.${modules[p]}.lora_A`))
  return new Map<string, GivenValue>([
    ['R', rank],
    // Rank-stabilised LoRA (Kalajdzievski 2023) divides by √R instead of R.
    ['alpha', config.use_rslora === true ? alpha * Math.sqrt(rank) : alpha],
    ...projections.map(p => [p, has(p)] as const),
  ])
}
