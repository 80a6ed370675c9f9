import { nearest } from './suggest.js'

/** The modules of the standard library, for suggestions: what an import finds is for the loader to say. */
export const stdModules: readonly string[] = [
  'std.activations',
  'std.answers',
  'std.blocks',
  'std.data',
  'std.derivatives',
  'std.edits.jola',
  'std.gates',
  'std.linalg',
  'std.math',
  'std.merge',
  'std.models.gemma',
  'std.models.gpt2',
  'std.models.gpt_neox',
  'std.models.llama',
  'std.models.olmo2',
  'std.models.phi3',
  'std.nn',
  'std.optim',
  'std.probe',
  'std.recipes.ablations',
  'std.recipes.bitfit',
  'std.recipes.caa',
  'std.recipes.clas',
  'std.recipes.finetune',
  'std.recipes.iti',
  'std.recipes.jola',
  'std.recipes.lofit',
  'std.recipes.lora',
  'std.recipes.loreft',
  'std.recipes.low_rank',
  'std.recipes.post_block',
  'std.recipes.preft',
  'std.recipes.pretrain',
  'std.recipes.red',
  'std.recipes.repe',
  'std.recipes.site',
  'std.rope',
  'std.sites',
  'std.sort',
]

/** Functions and constants that are often used without their import, with the module that has each. */
export const stdNames: ReadonlyMap<string, string> = new Map([
  ...[
    ...['clamp', 'cross_entropy', 'dot', 'gelu', 'gelu_tanh', 'layer_norm', 'log_softmax', 'log_sum_exp'],
    ...['relu', 'rms_norm', 'rope', 'silu', 'softmax', 'softplus'],
  ].map((name): [string, string] => [name, 'std.nn']),
  ['pi', 'std.math'],
])

const lastOf = (module: string): string => module.slice(module.lastIndexOf('.') + 1)

/** Where `nn` qualifies a name and is not imported: how to import it. */
export const importHint = (qualifier: string): string | undefined => {
  const fitting = stdModules.filter(m => lastOf(m) === qualifier)
  return fitting.length === 0 ? undefined : `add ${fitting.map(m => `\`import ${m}\``).join(' or ')}`
}

/** For an import of `std.llama` or `std.n`: the module that was meant, or those that there are. */
export const stdHint = (written: string): string => {
  const last = lastOf(written)
  const meant =
    stdModules.find(m => lastOf(m) === last) ??
    nearest(written, stdModules) ??
    stdModules.find(m => nearest(last, [lastOf(m)]) !== undefined)
  return meant !== undefined
    ? `did you mean \`${meant}\`?`
    : `the standard library has ${stdModules.map(m => `\`${m}\``).join(', ')}`
}
