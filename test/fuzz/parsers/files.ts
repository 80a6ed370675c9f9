import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../../../src/errors/user-error.js'
import { openDataFolder } from '../../../src/folders/open-data.js'
import { openModel } from '../../../src/folders/open-model.js'
import { readIndex } from '../../../src/folders/shard-index.js'
import { readAdapterConfig } from '../../../src/runs/read-adapter.js'
import { RunFolder } from '../../../src/runs/run-folder.js'
import { dtypeBytes, elementCount, headerLength, readHeader } from '../../../src/safetensors/header.js'
import { readHistory, readPosition } from '../../../src/train/parse-run-record.js'
import { readTable } from '../../../src/tune/table.js'
import { ggufBytes } from '../../gguf/support.js'
import { mutateBytes, mutateJson } from '../mutate.js'
import type { Random } from '../random.js'
import { Broken, type Target } from './target.js'

const folder = mkdtempSync(join(tmpdir(), 'jola-fuzz-'))
mkdirSync(join(folder, 'data'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** A file of the scratch folder with these bytes. */
export const scratch = async (name: string, bytes: Uint8Array | string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

/** The scratch folder, which holds one file of each name. */
export const scratchFolder = folder

/** JSON in which a seed's values are changed; a random one of several seeds. */
export const jsonFrom =
  (...seeds: readonly object[]) =>
  (random: Random): Buffer =>
    mutateJson(JSON.stringify(random.pick(seeds)), random)

const header = {
  __metadata__: { format: 'pt', position: '{"step":1}' },
  a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  'model.b': { dtype: 'BF16', shape: [4], data_offsets: [24, 32] },
  c: { dtype: 'U8', shape: [], data_offsets: [32, 33] },
}

const asFile = (json: Buffer, data: number): Buffer => {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(data)])
}

const safetensors: Target = {
  name: 'safetensors',
  make: random =>
    random.once(3)
      ? mutateBytes(asFile(Buffer.from(JSON.stringify(header)), 33), random)
      : asFile(jsonFrom(header)(random), 33),
  read(bytes) {
    const length = headerLength('x', bytes.subarray(0, 8), bytes.length)
    const { tensors } = readHeader('x', bytes.subarray(8, 8 + length), bytes.length)
    let covered = 8 + length
    for (const [name, { dtype, shape, begin, end }] of tensors) {
      if (begin !== covered || end > bytes.length || end - begin !== elementCount(shape) * dtypeBytes[dtype])
        throw new Broken(`the tensor '${name}' does not lie in the file as described`)
      covered = end
    }
    if (covered !== bytes.length) throw new Broken('bytes of the file belong to no tensor')
  },
}

const index: Target = {
  name: 'index',
  make: jsonFrom({ metadata: { total_size: 1 }, weight_map: { a: 'x.safetensors', b: 'y.safetensors' } }),
  read: async bytes => {
    const { fileOf } = await readIndex(await scratch('model.safetensors.index.json', bytes))
    for (const path of fileOf.values())
      if (join(path, '..') !== folder) throw new Broken(`a shard lies outside the folder: ${path}`)
  },
}

const examples = [
  { prompt: 'What is it?', answer: 'a dog', options: ['a dog', 'a cat'] },
  { instruction: 'Say it.', input: 'now', answer: 'it' },
  { instruction: 'Say it.', input: '', output: 'it' },
  { text: 'a dog', label: 1 },
  { text: 'Once upon a time' },
  { question: 'Who?', answer: 'me' },
  {
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
    ],
  },
  { prompt: 'Name it.', completion: ' a dog', references: ['a dog'] },
]

const lines = (random: Random): Buffer => {
  const part = random.pick(examples)
  const list = Array.from({ length: 1 + random.below(3) }, () => part)
  const other = jsonFrom(part)(random)
  const text = random.once(4)
    ? JSON.stringify(list)
    : list.map(e => JSON.stringify(e)).join(random.pick(['\n', '\r\n']))
  const whole = Buffer.concat([Buffer.from(text), Buffer.from('\n'), other])
  return random.once(3) ? mutateBytes(whole, random) : whole
}

const readData = async (): Promise<void> => {
  const chat = { render: () => 'text' }
  const data = openDataFolder(join(folder, 'data'), { labels: ['no', 'yes'] }, chat)
  if (await data.isText('train')) await data.texts('train')
  else await data.examples('train')
}

const data: Target = {
  name: 'data',
  make: lines,
  read: async bytes => {
    await scratch('data/train.jsonl', bytes)
    await readData()
  },
}

const table = [
  'prompt,answer\n"What, is it?",a dog\n"He said ""no""\nand left",yes\n',
  'text\tlabel\nbad\t0\ngood one\t1\n',
]

const tables: Target = {
  name: 'table',
  make: random => mutateBytes(Buffer.from(random.pick(table)), random),
  read: async bytes => {
    const ending = bytes.includes('\t') ? 'tsv' : 'csv'
    const directory = join(folder, `${ending}-data`)
    mkdirSync(directory, { recursive: true })
    await scratch(`${ending}-data/train.${ending}`, bytes)
    const found = await openDataFolder(directory, { labels: ['no', 'yes'] }).examples('train')
    for (const { prompt, answer } of found)
      if (typeof prompt !== 'string' || typeof answer !== 'string') throw new Broken('a text is none')
  },
}

const position = { step: 3, steps: 9, done: false, best: { epoch: 1, step: 3, loss: 0.5 } }
const history = {
  steps: [
    { step: 1, loss: 2.5 },
    { step: 2, loss: 2 },
  ],
  epochs: [{ epoch: 1, step: 3, loss: 0.5 }],
}

const state: Target = {
  name: 'state',
  make: random => jsonFrom(random.once(2) ? position : history)(random),
  read(bytes) {
    const failed = [readPosition, readHistory].flatMap(read => {
      try {
        const found = read('x', bytes.toString())
        if ('step' in found && !(found.step <= found.steps)) throw new Broken('a step past the last')
        return []
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        return [error]
      }
    })
    if (failed.length === 2) throw failed[0]
  },
}

const described = {
  format: 'jola-run-1',
  program: 'std.recipes.jola',
  recipe: 'Jola',
  programHash: 'abc',
  model: '/m',
  weights: 'auto',
  precision: 'f32',
  schedules: { 'map 1': { family: 'map', per: 4 } },
  data: '/d',
  dataDigest: 'abc',
  seed: 0,
  settings: { epochs: 2, rate: 0.5, end_of_text: true, kind: 'a' },
  sizes: { T: 8, L: 2 },
  device: 'x',
  trainable: 720,
}

const run: Target = {
  name: 'run',
  make: jsonFrom(described),
  read: async bytes => {
    await scratch('run.json', bytes)
    const found = await new RunFolder(folder).description()
    const whole = Object.values(found.sizes).every(n => Number.isSafeInteger(n) && n >= 0)
    if (!whole || !Number.isInteger(found.seed)) throw new Broken('a size or the seed is no whole number')
  },
}

const adapter: Target = {
  name: 'adapter',
  make: jsonFrom({
    program: 'std.recipes.jola',
    recipe: 'Jola',
    program_hash: 'abc',
    base_model: '/m',
    weights: 'auto',
    precision: 'f32',
    sizes: { L: 2, H: 4 },
    settings: { rate: 0.5, end_of_text: true, kind: 'a' },
    tensors: { 'edits.scale': [2, 4, 8] },
    seed: 0,
  }),
  read: async bytes => {
    await scratch('adapter_config.json', bytes)
    const found = await readAdapterConfig(folder)
    for (const shape of Object.values(found.tensors))
      if (!shape.every(n => Number.isSafeInteger(n) && n >= 0)) throw new Broken('a shape is none')
  },
}

const tuning: Target = {
  name: 'tuning',
  make: jsonFrom({
    subject: 'x',
    schedules: { 'rows 8': { family: 'rows', rows: 2 }, m: { family: 'map' } },
  }),
  read: async bytes => {
    for (const schedule of readTable(await scratch('table.json', bytes), 'x')?.values() ?? [])
      if (typeof schedule.family !== 'string') throw new Broken('a schedule without a family')
  },
}

const ggufFile = ggufBytes({
  metadata: {
    'general.architecture': { text: 'llama' },
    'llama.attention.head_count': { u32: 2 },
    'llama.embedding_length': { u32: 8 },
    'llama.rope.scaling.type': { text: 'yarn' },
    'llama.rope.scaling.factor': { f32: 2 },
    'llama.odd': { list: [{ i64: -5n }, { i64: 2n ** 60n }] },
    'tokenizer.ggml.model': { text: 'llama' },
    'tokenizer.ggml.tokens': { list: ['<unk>', '<s>', '▁', 'a', 'ab', 'b'].map(text => ({ text })) },
    'tokenizer.ggml.scores': { list: [0, 0, -1, -2, -3, -4].map(f32 => ({ f32 })) },
    'tokenizer.ggml.token_type': { list: [2, 3, 1, 1, 1, 1].map(i32 => ({ i32 })) },
    'tokenizer.ggml.bos_token_id': { u32: 1 },
    'tokenizer.chat_template': { text: '{{ messages[0].content }}' },
  },
  tensors: [
    { name: 'token_embd.weight', extents: [8, 6], type: 0, bytes: new Uint8Array(192) },
    { name: 'blk.0.attn_q.weight', extents: [32, 8], type: 8, bytes: new Uint8Array(272) },
    { name: 'rope_freqs.weight', extents: [2], type: 0, bytes: new Uint8Array(8) },
  ],
})

const gguf: Target = {
  name: 'gguf',
  make: random => mutateBytes(ggufFile, random),
  read: async bytes => {
    const path = await scratch('model.gguf', bytes)
    const model = await openModel(path, { weights: true, tokenizer: true })
    try {
      for (const [name, { shape, end }] of model.checkpoint!.tensors) {
        if (end > bytes.length) throw new Broken(`the tensor '${name}' lies outside the file`)
        await model.checkpoint!.readFloats(name, 0, new Float32Array(elementCount(shape)))
      }
      if (typeof model.tokenizer!.decode(model.tokenizer!.encode('ab a')) !== 'string')
        throw new Broken('a text is none')
    } finally {
      await model.checkpoint!.close()
    }
  },
}

/** The parsers of files that hold no program. */
export const fileTargets: readonly Target[] = [
  tables,
  safetensors,
  gguf,
  index,
  data,
  state,
  run,
  adapter,
  tuning,
]
