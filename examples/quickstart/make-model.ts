/**
 * Makes what pretraining starts from, beside this file: `model/tokenizer.json`,
 * `model/tokenizer_config.json`, `model/config.json`, the text to learn in `corpus/`, and the task in
 * `task/`. Run by `npx tsx examples/quickstart/make-model.ts`; the same on every machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { specials, trainBpe } from './bpe.js'
import { corpus, writeCorpus } from './corpus.js'
import { writeTask } from './wordnet.js'

const seed = 1
const vocabulary = 2048

/** Hugging Face's keys; 988,288 parameters. */
const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 128,
  intermediate_size: 344,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 16,
  vocab_size: vocabulary,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  hidden_act: 'silu',
  tie_word_embeddings: true,
  attention_bias: false,
  mlp_bias: false,
  bos_token_id: 0,
  eos_token_id: 1,
  torch_dtype: 'bfloat16',
}

const tokenizerConfig = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  bos_token: specials[0],
  eos_token: specials[1],
  add_bos_token: true,
  add_eos_token: false,
  clean_up_tokenization_spaces: false,
  model_max_length: config.max_position_embeddings,
}

const model = join(import.meta.dirname, 'model')
mkdirSync(model, { recursive: true })
const write = (name: string, value: object, indent?: number) =>
  writeFileSync(join(model, name), `${JSON.stringify(value, null, indent)}\n`)
write('tokenizer.json', trainBpe(corpus(seed).train, vocabulary))
write('tokenizer_config.json', tokenizerConfig, 2)
write('config.json', config, 2)
writeCorpus(join(import.meta.dirname, 'corpus'), seed)
writeTask(join(import.meta.dirname, 'task'))
