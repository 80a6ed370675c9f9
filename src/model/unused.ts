import { UserError } from '../errors/user-error.js'
import type { JsonObject } from '../json/json-values.js'
import type { Checkpoint } from '../safetensors/checkpoint.js'
import type { BoundTensor } from './bind.js'
import { entryAt } from './config-reader.js'
import { harmlessTensor } from './harmless.js'
import { embeddingNames, headNames } from './tied.js'

/** A tensor's name with `{}` for every number in it: one pattern for all layers. */
const patternOf = (name: string): string =>
  name.replaceAll(/(^|\.)\d+(?=\.|$)/g, (_, dot: string) => `${dot}{}`)

/** The layers of a checkpoint beyond those of the configuration. */
const layersBeyond = (names: readonly string[], used: ReadonlySet<string>): readonly string[] => {
  const patterns = new Set([...used].map(patternOf))
  const more = names.filter(n => patterns.has(patternOf(n)) && patternOf(n) !== n)
  return [...new Set(more.map(n => /^.*?\.\d+(?=\.)/.exec(n)?.[0] ?? n))]
}

/** The claims of a model's folder and its user about tensors. See `Model`. */
export interface ModelClaims {
  readonly config: JsonObject
  readonly headIsEmbedding?: boolean
  readonly allowed?: ReadonlySet<string>
}

/**
 * Refuses tensors of the checkpoint that no field reads, unless they are harmless or allowed: without them
 * the model computes something else. The tensors of all layers are one pattern,
 * `model.layers.{}.self_attn.q_norm.weight`, which may be allowed as a whole.
 */
export const refuseUnused = (
  tensors: readonly BoundTensor[],
  checkpoint: Checkpoint,
  { config, allowed, headIsEmbedding }: ModelClaims,
): void => {
  const used = new Set(tensors.flatMap(t => t.names))
  const unasked = [...checkpoint.tensors.keys()].filter(
    n => !used.has(n) && !harmlessTensor(n) && !allowed?.has(n) && !allowed?.has(patternOf(n)),
  )
  const isHead = (n: string): boolean => headNames.some(h => h === n)
  const unused = unasked.filter(n => !isHead(n) || headIsEmbedding !== true)
  if (unused.length === 0) return
  const patterns = [...new Set(unused.map(patternOf))]
  const beyond = layersBeyond(unused, used)
  const layers = entryAt(config, 'n_layer') === undefined ? 'num_hidden_layers' : 'n_layer'
  const head = embeddingNames.some(n => used.has(n)) ? unused.find(isHead) : undefined
  const reasons = [
    ...(beyond.length > 0
      ? [
          `${beyond.slice(0, 4).join(', ')}${beyond.length > 4 ? ', …' : ''}: more layers than ` +
            `config.json says (${layers} ${entryAt(config, layers)})`,
        ]
      : []),
    ...(head !== undefined
      ? [`${head}: by tie_word_embeddings the head is the embedding, and the file has another head`]
      : []),
  ]
  const first = patterns.slice(0, 8).join(', ')
  const more = patterns.length > 8 ? ` and ${patterns.length - 8} more names` : ''
  const family = typeof config.model_type === 'string' ? `the family ${config.model_type}` : 'the program'
  throw new UserError({
    what:
      'the checkpoint holds ' +
      `${unused.length === 1 ? 'a tensor' : `${unused.length} tensors`} that ${family} does ` +
      'not compute with',
    where: checkpoint.path,
    why: `nothing asks for ${first}${more}${reasons.map(r => `\n  - ${r}`).join('')}`,
    hint:
      'check that config.json and the weights are of one model, and of a family that the ' +
      `program computes; --allow '${patterns[0]}' goes on without, whatever comes out`,
  })
}
