import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { loadProgram } from '../../../src/folders/load-program.js'
import { openChat } from '../../../src/folders/open-chat.js'
import { readConfig } from '../../../src/folders/open-model.js'
import { openTokenizer } from '../../../src/folders/open-tokenizer.js'
import { modelFacts } from '../../../src/model/model.js'
import { sizesOf } from '../../../src/model/sizes.js'
import { mutateBytes, mutateJson } from '../mutate.js'
import { jsonFrom, scratch, scratchFolder } from './files.js'
import { Broken, type Target } from './target.js'

const quickstart = new URL('../../../examples/quickstart/model/', import.meta.url)

const configText = readFileSync(new URL('config.json', quickstart), 'utf8')

const llama = () => {
  const { program } = loadProgram(['std.models.llama'])
  const fn = program.fns.get('std.models.llama.logits')!
  return { program, fn, type: fn.params.find(p => p.type.kind === 'record')!.type }
}
let known: ReturnType<typeof llama> | undefined

const config: Target = {
  name: 'config',
  make: random => mutateJson(configText, random),
  read: async bytes => {
    await scratch('config.json', bytes)
    known ??= llama()
    const { program, fn, type } = known
    const parsed = await readConfig(scratchFolder)
    const positions = parsed.max_position_embeddings
    const facts = modelFacts(program, [type], {
      directory: scratchFolder,
      config: parsed,
      checkpoint: undefined,
      format: 'auto',
      tokenizer: undefined,
      context: typeof positions === 'number' ? positions : 2048,
    })
    const needed = fn.sizes.filter(name => name !== 'T')
    for (const [name, size] of sizesOf(needed, facts.equations, facts.hint))
      if (!Number.isSafeInteger(size) || size < 0) throw new Broken(`the size ${name} is ${size}`)
  },
}

const letters = [...'abcdefgh ĠĊ▁é']
const vocab = Object.fromEntries(
  ['<s>', '</s>', '<unk>', ...letters, 'ab', 'cd', 'abcd'].map((t, i) => [t, i]),
)
const added = (id: number, content: string) => ({
  ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
})
const common = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [added(0, '<s>'), added(1, '</s>'), added(2, '<unk>')],
}
const bpe = {
  ...{ type: 'BPE', dropout: null, unk_token: '<unk>', fuse_unk: true, byte_fallback: false, vocab },
  merges: ['a b', 'c d', 'ab cd'],
}
const tokenizers = [
  {
    ...common,
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
      ],
    },
    model: bpe,
  },
  {
    ...common,
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: ' ?\\p{L}+|\\s+' }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      ...bpe,
      merges: [
        ['a', 'b'],
        ['c', 'd'],
      ],
    },
  },
  {
    ...common,
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    post_processor: null,
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    model: {
      type: 'Unigram',
      unk_id: 2,
      byte_fallback: false,
      vocab: Object.keys(vocab).map((t, i) => [t, -i]),
    },
  },
]

const tokenizer: Target = {
  name: 'tokenizer',
  make: jsonFrom(...tokenizers),
  read: async bytes => {
    await scratch('tokenizer.json', bytes)
    await scratch('config.json', '{"vocab_size": 19, "eos_token_id": 1}')
    await scratch('tokenizer_config.json', '{"bos_token": "<s>", "eos_token": "</s>"}')
    const opened = await openTokenizer(scratchFolder)
    for (const text of ['', 'abcd ab', 'xé\u0000 <s> toString 你'])
      if (typeof opened.decode(opened.encode(text)) !== 'string') throw new Broken('a text is none')
    opened.encodeExample('ab ', 'cd', true)
  },
}

const settings: Target = {
  name: 'tokenizer_config',
  make: jsonFrom({
    bos_token: '<s>',
    eos_token: { content: '</s>', lstrip: false },
    add_bos_token: true,
    chat_template: '{{ messages[0].content }}',
    model_max_length: 1e30,
    added_tokens_decoder: { '0': { content: '<s>', special: true } },
  }),
  read: async bytes => {
    await scratch('tokenizer.json', JSON.stringify(tokenizers[0]))
    await scratch('config.json', '{"vocab_size": 19, "eos_token_id": 1}')
    await scratch('tokenizer_config.json', bytes)
    const opened = await openTokenizer(scratchFolder)
    opened.encodeExample('ab ', 'cd', true)
  },
}

const generation: Target = {
  name: 'generation_config',
  make: jsonFrom({
    eos_token_id: [1, 2],
    bos_token_id: 0,
    pad_token_id: 2,
    do_sample: true,
    temperature: 0.6,
  }),
  read: async bytes => {
    await scratch('tokenizer.json', JSON.stringify(tokenizers[0]))
    await scratch('config.json', '{"vocab_size": 19, "eos_token_id": 1}')
    await scratch('tokenizer_config.json', '{}')
    await scratch('generation_config.json', bytes)
    try {
      const { stops } = await openTokenizer(scratchFolder)
      for (const id of stops) if (!Number.isInteger(id) || id < 0) throw new Broken(`a token is ${id}`)
    } finally {
      await rm(join(scratchFolder, 'generation_config.json'))
    }
  },
}

const template = `{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[{{ m.content | trim }}]
{%- elif loop.last %}{{ m['content'] + eos_token }}
{%- else %}{{ raise_exception('no') }}{% endif %}{% endfor %}
{%- set n = namespace(i=1) %}{% if add_generation_prompt %}{{ n.i }}: {% endif %}`

const chat: Target = {
  name: 'chat_template',
  make: random => mutateBytes(Buffer.from(template), random),
  read: async bytes => {
    await scratch('chat_template.jinja', bytes)
    await scratch('tokenizer_config.json', '{"bos_token": "<s>", "eos_token": "</s>"}')
    const opened = await openChat(scratchFolder)
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
    ]
    if (typeof opened.render(messages, true) !== 'string') throw new Broken('a text is none')
  },
}

/** The parsers of a model's files. */
export const modelTargets: readonly Target[] = [config, tokenizer, settings, generation, chat]
