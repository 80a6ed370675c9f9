import type { Device, DeviceTensor } from '../../runtime/index.js'
import { batchSizes } from '../data/batch.js'
import type { Checkpoint } from '../hub/safetensors.js'
import type { JsonObject } from '../json.js'
import { bindModel, type Model, modelFacts } from '../model/model.js'
import { sizesOf } from '../model/sizes.js'
import { packingOf, uploadWeights, type WeightFormat } from '../model/weights.js'
import { SequenceModel } from '../predict.js'
import { loadProgram } from '../program.js'
import { randomCheckpoint } from './random-model.js'

/** A model with random weights that continues one sequence, as `jola generate` does. */
export interface OpenDecoding {
  readonly checkpoint: Checkpoint
  /** So many tokens after these, greedily; nothing stops it before. */
  decode(prompt: readonly number[], tokens: number): Promise<readonly number[]>
  close(): Promise<void>
}

/** Opens a Llama-shaped model of this configuration. */
export const openDecoding = async (
  device: Device,
  config: JsonObject,
  format: WeightFormat = 'auto',
): Promise<OpenDecoding> => {
  const { program } = loadProgram(['std.models.llama'])
  const fn = program.fns.get('std.models.llama.logits')!
  const params = fn.params.filter(p => p.type.kind === 'record')
  const model: Model = {
    directory: 'the configuration',
    config,
    checkpoint: undefined,
    format,
    tokenizer: undefined,
    context: Number(config.max_position_embeddings),
  }
  const facts = modelFacts(
    program,
    params.map(p => p.type),
    model,
  )
  const sizes = sizesOf(
    fn.sizes.filter(s => !batchSizes.has(s)),
    facts.equations,
  )
  const checkpoint = randomCheckpoint(params, sizes)
  const bound = bindModel(params, sizes, { ...model, checkpoint })
  const weights = new Map<string, DeviceTensor>()
  const bring = async (names: readonly string[]) => {
    const missing = new Set(names.filter(n => !weights.has(n)))
    const brought = await uploadWeights(device, { ...model, checkpoint }, bound, missing)
    for (const [name, tensor] of Object.entries(brought)) weights.set(name, tensor)
    return Object.fromEntries(names.map(n => [n, weights.get(n)!]))
  }
  const sequence = new SequenceModel({
    device,
    program,
    predictor: { kind: 'fn', fn },
    bindings: { sizes, constants: facts.constants, absent: bound.absent },
    packing: packingOf(bound, { ...model, checkpoint }),
    bring,
    context: model.context,
    vocabulary: Number(config.vocab_size),
  })
  return {
    checkpoint,
    decode: async (prompt, tokens) => (await sequence.greedy([prompt], tokens, { stops: [] }))[0]!,
    close: async () => {
      await sequence.close()
      for (const t of weights.values()) t.destroy()
    },
  }
}
