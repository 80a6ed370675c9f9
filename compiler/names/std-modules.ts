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
export const stdNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'std.nn':
      'batch_norm binary_cross_entropy clamp conv conv_same conv2d_same cross_entropy dot dropout elu ' +
      'entropy gelu gelu_tanh huber kl_divergence layer_norm leaky_relu log_softmax log_sum_exp max_pool ' +
      'mean_pool mean_squared_error mish relu rms_norm rope silu softmax softplus',
    'std.math': 'acos asin atan cosh digamma lgamma log10 log2 log_beta pi sinh tau',
    'std.linalg': 'cholesky determinant identity inverse leading norm qr solve solve_positive trace',
    'std.sort': 'cumulative median nucleus order ranks sorted top',
    'std.derivatives': 'hessian hessian_times jacobian pulled_back pushed_forward',
  }).flatMap(([module, names]) => names.split(' ').map((name): [string, string] => [name, module])),
)

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
