import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { UserError } from '../../src/errors/user-error.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import type { JsonObject } from '../../src/json/json-values.js'
import { type FamilyFixture, familyFixture, familyLogits, writeFamily } from '../support/families.js'
import { temporaryDirectory } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

type Tensors = FamilyFixture['tensors']

interface Change {
  /** Entries set, or with undefined taken away. */
  readonly config?: JsonObject
  readonly tensors?: (
    before: Tensors,
  ) => Iterable<readonly [string, { shape: readonly number[]; data: Float32Array }]>
  readonly allow?: readonly string[]
}

const changed = async (name: string, { config = {}, tensors = x => x }: Change): Promise<string> => {
  const fixture = familyFixture(name)
  const directory = await temporaryDirectory()
  const entries = Object.entries({ ...fixture.config, ...config }).filter(([, v]) => v !== undefined)
  await writeFamily(
    { ...fixture, config: Object.fromEntries(entries), tensors: new Map(tensors(fixture.tensors)) },
    directory,
  )
  return directory
}

const logitsOf = async (name: string, change: Change): Promise<ArrayLike<number>> =>
  familyLogits(interpreterEngine, await changed(name, change), change.allow)

const refused = (name: string, change: Change): Promise<UserError> => userError(logitsOf(name, change))

const without =
  (pattern: RegExp) =>
  (before: Tensors): Tensors =>
    new Map([...before].filter(([name]) => !pattern.test(name)))

const vector = (length: number, value = 0.5) => ({
  shape: [length],
  data: new Float32Array(length).fill(value),
})

const slidingTwice = ['full_attention', 'sliding_attention', 'sliding_attention']

describe('an entry of config.json', () => {
  it.each([
    ['llama', { rms_norm_eps: '1e-6' }, 'rms_norm_eps', 'it is "1e-6", and a number belongs there'],
    [
      'llama',
      { rms_norm_eps: 1e300 },
      'rms_norm_eps',
      'it is 1e+300, and an f32 is a number of at most 3.4e38',
    ],
    ['granite', { logits_scaling: 1e39 }, 'logits_scaling', 'it is 1e+39, and an f32'],
    ['llama', { rms_norm_eps: true }, 'rms_norm_eps', 'a number belongs there'],
    ['llama', { rms_norm_eps: -1 }, 'rms_norm_eps', 'a number above 0 belongs there'],
    ['llama', { attention_bias: 'false' }, 'attention_bias', 'true or false belongs there'],
    ['llama', { num_hidden_layers: '3' }, 'num_hidden_layers', 'a number belongs there'],
    ['llama', { num_hidden_layers: 2.5 }, 'num_hidden_layers', 'a size is a whole number from 1 to'],
    ['llama', { hidden_size: 0 }, 'hidden_size', 'a size is a whole number from 1 to'],
    ['llama', { vocab_size: -41 }, 'vocab_size', 'a size is a whole number from 1 to'],
    ['llama', { head_dim: [4] }, 'head_dim', 'a number belongs there'],
    ['llama', { rope_parameters: { rope_type: 7 } }, 'rope_parameters.rope_type', 'rotation knows default'],
    ['llama', { rope_theta: 500 }, 'rope_theta', 'they contradict each other: 500 and 10000'],
    ['llama', { rope_scaling: { type: 'linear', factor: 2 } }, 'rope_scaling.type', 'contradict each other'],
    ['llama', { rope_parameters: { rope_type: 'linear' } }, 'rope_parameters.factor', 'it is missing'],
    ['llama', { model_type: undefined }, 'model_type', 'it is missing, and the families known are'],
    ['llama', { model_type: ['llama'] }, 'model_type', 'it is ["llama"], and the families known are'],
    ['llama', { architectures: ['LlamaForSequenceClassification'] }, 'architectures', 'predicts tokens'],
    [
      'llama',
      { architectures: ['Qwen2ForCausalLM'] },
      'architectures',
      'of the family that model_type names',
    ],
    ['llama', { architectures: ['LlamaModel'] }, 'architectures', 'predicts tokens'],
    ['llama', { residual_multiplier: 0.5 }, 'residual_multiplier', 'computes nothing of the family llama'],
    ['llama', { sliding_window: 8 }, 'sliding_window', 'computes nothing of the family llama'],
    ['llama', { quantization_config: { bits: 4 } }, 'quantization_config', 'unpacking quantised weights'],
    ['llama', { auto_map: { AutoModel: 'x.Y' } }, 'auto_map', "the model's own Python code"],
    ['llama', { text_config: { hidden_size: 9 } }, 'text_config', 'a model of more than text'],
    ['phi3', { auto_map: { AutoModel: 'modeling_x.X' } }, 'auto_map', "the model's own Python code"],
    ['gemma3', { attn_logit_softcapping: 50 }, 'attn_logit_softcapping', 'capping the scores'],
    ['gemma3', { use_bidirectional_attention: true }, 'use_bidirectional_attention', 'computes nothing'],
    ['gemma2', { rope_parameters: { rope_type: 'yarn', factor: 2 } }, 'rope_parameters.rope_type', 'default'],
    ['gpt2', { add_cross_attention: true }, 'add_cross_attention', 'computes nothing'],
    ['gpt2', { activation_function: 'quick_gelu' }, 'activation_function', 'activation knows gelu_new'],
    [
      'gpt-neox',
      { rope_parameters: { partial_rotary_factor: 0.4 } },
      'rope_parameters.partial_rotary_factor',
      'a size is',
    ],
    ['olmo2', { clip_qkv: 8 }, 'clip_qkv', 'cutting queries'],
    ['phi3-long', { rope_parameters: { rope_type: 'linear' } }, 'rope_parameters.rope_type', 'longrope'],
    ['llama', { num_local_experts: 8 }, 'num_local_experts', 'experts'],
    ['llama', { logits_soft_cap: 30 }, 'logits_soft_cap', 'capping the logits'],
    ['llama', { toString: 1 }, 'toString', 'computes nothing'],
    ...(
      [
        ['rms_norm_eps', 'a number'],
        ['attention_bias', 'true or false'],
        ['max_position_embeddings', 'a number'],
        ['hidden_size', 'a number'],
        ['hidden_act', 'silu, swish'],
        ['tie_word_embeddings', 'true or false'],
      ] as const
    ).map(([name, wanted]) => ['llama', { [name]: null }, name, wanted] as const),
    ['granite', { logits_scaling: null }, 'logits_scaling', 'it is null, and a number'],
    ['qwen2-listed', { use_sliding_window: false }, 'layer_types', 'use_sliding_window true'],
    ['qwen2-listed', { sliding_window: null }, 'layer_types', 'a number for sliding_window'],
    ['smollm3-window', { use_sliding_window: false, layer_types: slidingTwice }, 'layer_types', 'a window'],
    ['qwen2', { layer_types: ['full_attention'] }, 'layer_types', 'computes nothing'],
    ['mistral-window', { sliding_window: 0 }, 'sliding_window', 'a number above 0'],
    ['qwen2-listed', { layer_types: 'full_attention' }, 'layer_types', 'a list of words belongs there'],
    ['qwen2-listed', { layer_types: ['chunked', 'full', 'full'] }, 'layer_types', 'it says "chunked"'],
    ['smollm3-listed', { no_rope_layers: [0, 1, 2] }, 'no_rope_layers', 'a list belongs there'],
  ] as const)('of %s is refused: %j', async (name, config, entry, why) => {
    const error = await refused(name, { config })
    expect(error.where).toContain(`"${entry}"`)
    expect(error.why).toContain(why)
  })

  it('is one value for each layer where it is a list', async () => {
    const error = await refused('smollm3-listed', { config: { no_rope_layers: [0, 1] } })
    expect(error.why).toContain('the length of "no_rope_layers" in config.json')
  })

  it(
    'changes nothing where it is known to be harmless, null, or of the value that means ' + 'nothing',
    async () => {
      const { logits } = familyFixture('llama')
      const harmless = {
        _name_or_path: 'x',
        torch_dtype: 'float16',
        use_cache: false,
        attention_dropout: 0.1,
        partial_rotary_factor: 1,
        rope_scaling: null,
        quantization_config: null,
        sliding_window: null,
        use_sliding_window: false,
        rope_theta: 10000,
        temperature: 0.6,
        id2label: { 0: 'a' },
      }
      const got = await logitsOf('llama', { config: harmless })
      for (const [i, x] of logits.entries()) expect(got[i]).toBeCloseTo(x, 4)
    },
  )

  it('may be null where that says that it is not there', async () => {
    const head = { head_dim: null, rope_scaling: null }
    const same = familyFixture('llama')
    expect((await logitsOf('llama', { config: head }))[5]).toBeCloseTo(same.logits[5]!, 4)
    const layers = { layer_types: ['full_attention', 'full_attention', 'full_attention'] }
    const qwen = familyFixture('qwen2')
    expect((await logitsOf('qwen2', { config: layers }))[5]).toBeCloseTo(qwen.logits[5]!, 4)
    expect((await logitsOf('qwen2', { config: { layer_types: null } }))[5]).toBeCloseTo(qwen.logits[5]!, 4)
    const yarn = {
      rope_parameters: { ...Object(familyFixture('llama-yarn').config.rope_parameters), beta_fast: null },
    }
    const beta = await logitsOf('llama-yarn', { config: yarn })
    expect(beta.length).toBe(29 * 41)
  })

  it('is let pass by its name, as if it were not there', async () => {
    const config = { logits_soft_cap: 30, rope_theta: '10000' }
    expect((await refused('llama', { config, allow: ['logits_soft_cap'] })).where).toContain('"rope_theta"')
    const got = await logitsOf('llama', { config, allow: ['logits_soft_cap', 'rope_theta'] })
    expect(got[5]).toBeCloseTo(familyFixture('llama').logits[5]!, 4)
  })
})

describe('a number of layers that no checkpoint has', () => {
  it('is refused at once', async () => {
    const error = await refused('llama', { config: { num_hidden_layers: 1e9 } })
    expect(error.why).toContain('is there 3 times, and `w.layers.attn_norm` wants 1000000000 of them')
  })

  it('is refused where the checkpoint has more', async () => {
    const error = await refused('llama', { config: { num_hidden_layers: 2 } })
    expect(error.why).toContain('model.layers.2: more layers than config.json says (num_hidden_layers 2)')
  })
})

describe('a tensor of the checkpoint', () => {
  it('that nothing asks for is refused, unless it is harmless or let pass', async () => {
    const norms = (before: Tensors): Tensors =>
      new Map([
        ...before,
        ...[0, 1, 2].map(l => [`model.layers.${l}.self_attn.q_norm.weight`, vector(4)] as const),
        ['model.layers.0.self_attn.rotary_emb.inv_freq', vector(2)],
      ])
    const error = await refused('llama', { tensors: norms })
    expect(error.what).toBe('the checkpoint holds 3 tensors that the family llama does not compute with')
    expect(error.why).toBe('nothing asks for model.layers.{}.self_attn.q_norm.weight')
    const allow = ['model.layers.{}.self_attn.q_norm.weight']
    expect((await logitsOf('llama', { tensors: norms, allow })).length).toBe(29 * 41)
  })

  it('stands for what the configuration says: biases, norms and the head', async () => {
    const bias = await refused('llama-biases', { config: { mlp_bias: false } })
    expect(bias.why).toContain('model.layers.{}.mlp.gate_proj.bias')
    const missing = await refused('llama-biases', { tensors: without(/o_proj\.bias/) })
    expect(missing.why).toContain('model.layers.0.self_attn.o_proj.bias is missing')
    const norms = await refused('qwen3', { tensors: without(/k_norm/) })
    expect(norms.why).toContain('model.layers.0.self_attn.k_norm.weight is missing')
    const head = await refused('llama', { tensors: without(/lm_head/) })
    expect(head.why).toContain('lm_head.weight is missing, for `w.head`')
    const both = await refused('llama', { config: { tie_word_embeddings: true } })
    expect(both.why).toContain('lm_head.weight: by tie_word_embeddings the head is the embedding')
  })

  it('is passed over where it is a second copy of a tied embedding', async () => {
    const copy = (before: Tensors) => {
      const { shape, data } = before.get('model.embed_tokens.weight')!
      return new Map([...before, ['lm_head.weight', { shape, data: data.slice() }]])
    }
    const got = await logitsOf('llama-tied', { tensors: copy })
    const { logits } = familyFixture('llama-tied')
    for (const [i, x] of logits.entries()) expect(got[i]).toBeCloseTo(x, 4)
    const other = (before: Tensors) => {
      const tensors = copy(before)
      tensors.get('lm_head.weight')!.data[300] = 1
      return tensors
    }
    expect((await refused('llama-tied', { tensors: other })).why).toContain('the file has another head')
  })

  it('of another shape than the configuration says is refused', async () => {
    expect((await refused('llama', { config: { vocab_size: 43 } })).why).toContain('wants [43, 16]')
    expect((await refused('llama', { config: { num_key_value_heads: 3 } })).what).toBe(
      'the inputs do not fit `logits`',
    )
    expect((await refused('llama', { config: { head_dim: 5 } })).what).toBe('the inputs do not fit `logits`')
  })

  it('that holds what is no number is named with the place', async () => {
    const broken = (value: number) => (before: Tensors) => {
      const weight = before.get('model.layers.1.mlp.down_proj.weight')!
      const data = weight.data.slice()
      data[23] = value
      return new Map([...before, ['model.layers.1.mlp.down_proj.weight', { ...weight, data }]])
    }
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const error = await refused('llama', { tensors: broken(value) })
      expect(error.what).toContain('model.layers.1.mlp.down_proj.weight holds numbers that are infinite')
      expect(error.why).toBe('the first is at [1, 3]')
    }
    const allow = ['model.layers.1.mlp.down_proj.weight']
    expect((await logitsOf('llama', { tensors: broken(Number.NaN), allow }))[20 * 41]).toBeNaN()
  })
})

describe('a folder that holds a model in another form', () => {
  const found = async (files: Readonly<Record<string, string>>, gone: readonly string[] = []) => {
    const directory = await changed('llama', {})
    for (const name of ['model.safetensors', ...gone]) await rm(join(directory, name))
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
    return userError(familyLogits(interpreterEngine, directory))
  }

  it.each([
    ['m.Q4_K.gguf', 'a GGUF file', 'm.Q4_K.gguf'],
    ['pytorch_model.bin', "PyTorch's own format", 'save_pretrained'],
    ['consolidated.00.pth', "PyTorch's own format", 'conversion script'],
    ['adapter_model.safetensors', 'an adapter of PEFT', 'merge_and_unload'],
    ['tf_model.h5', 'a format of TensorFlow', 'from_tf=True'],
    ['weights.safetensors', 'safetensors under another name', 'rename it'],
  ])('%s is named with the way to convert it', async (file, why, hint) => {
    const error = await found({ [file]: '' })
    expect(error.why).toContain(why)
    expect(error.hint).toContain(hint)
  })

  it('says so where config.json is missing too', async () => {
    expect((await found({ 'm.gguf': '' }, ['config.json'])).why).toContain('m.gguf is there: a GGUF file')
  })

  it('says what a pointer of Git LFS is', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 10\n'
    for (const file of ['model.safetensors', 'config.json'])
      expect((await found({ [file]: pointer })).what).toContain('a pointer of Git LFS')
  })
})
