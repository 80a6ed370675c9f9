import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packInputs, specialiseFn } from '../../compiler/pipeline.js'
import { bf16ToF32 } from '../../runtime/float.js'
import { prepareCall } from '../../src/cli/call/prepare.js'
import type { Engine } from '../../src/engine/engine.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import { jsonLike } from '../../src/json/json-like.js'
import type { JsonObject } from '../../src/json/json-values.js'
import type { TensorData } from '../../src/safetensors/encode.js'

/**
 * A tiny checkpoint and what transformers computes with it, as `test/fixtures/families/make.py` writes it.
 */
export interface FamilyFixture {
  /** The configuration as Python wrote it: 30.0 is not 30 to a Python that reads it. */
  readonly configText: string
  readonly name: string
  readonly config: JsonObject
  readonly tokens: readonly number[]
  /** [T, V], row-major; empty where the family is to be refused. */
  readonly logits: Float32Array
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>
}

const folder = fileURLToPath(new URL('../fixtures/families', import.meta.url))

interface Stored {
  readonly config: JsonObject
  readonly shapes: Readonly<Record<string, readonly number[]>>
  readonly weights: string
  readonly tokens: readonly number[]
  readonly logits: string
}

const bytes = (base64: string): ArrayBuffer => Uint8Array.from(Buffer.from(base64, 'base64')).buffer

/**
 * The names of all fixtures of families that a module computes or that are refused: `refused-…` have no
 * numbers. Those of families that `jola new --from` writes programs for begin with `new-`.
 */
export const familyNames: readonly string[] = readdirSync(folder)
  .filter(f => f.endsWith('.json') && !f.startsWith('new-'))
  .map(f => f.slice(0, -'.json'.length))
  .sort()

/** The text of the configuration in a fixture's text. */
const configTextIn = (text: string): string => {
  const start = text.indexOf('{', text.indexOf('"config":'))
  let depth = 0
  for (let end = start; ; end++) {
    if (text[end] === '{') depth++
    if (text[end] === '}' && --depth === 0) return text.slice(start, end + 1)
  }
}

export const familyFixture = (name: string): FamilyFixture => {
  const text = readFileSync(join(folder, `${name}.json`), 'utf8')
  const stored = JSON.parse(text) as Stored
  const halves = new Uint16Array(bytes(stored.weights))
  let at = 0
  const tensors = new Map(
    Object.entries(stored.shapes).map(([key, shape]) => {
      const length = shape.reduce((a, b) => a * b, 1)
      const data = new Float32Array(length)
      bf16ToF32(halves.slice(at, at + length), data)
      at += length
      return [key, { shape, data }] as const
    }),
  )
  const { config, tokens } = stored
  const logits = new Float32Array(bytes(stored.logits))
  return { name, config, configText: configTextIn(text), tokens, tensors, logits }
}

/**
 * Writes a fixture as a model's folder in the Hugging Face layout, with the tokens in `tokens.safetensors`.
 */
export const writeFamily = async (
  { config, configText, tensors, tokens }: FamilyFixture,
  directory: string,
): Promise<void> => {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'config.json'), jsonLike(config, configText))
  const stored = [...tensors].map(([k, t]): [string, TensorData] => [k, { dtype: 'BF16', ...t }])
  await writeSafetensors(join(directory, 'model.safetensors'), new Map(stored))
  const given: TensorData = { dtype: 'I32', shape: [tokens.length], data: Int32Array.from(tokens) }
  await writeSafetensors(join(directory, 'tokens.safetensors'), new Map([['tokens', given]]))
}

/**
 * The logits [T, V] of a fixture's folder by the module of its family, or by `program`, through what
 * `jola run` does; `model`, where the model is another than the folder's. Throws what that would print.
 */
export const familyLogits = async (
  engine: Engine,
  directory: string,
  allow: readonly string[] = [],
  { model = directory, program }: { readonly model?: string; readonly program?: string } = {},
): Promise<ArrayLike<number>> => {
  const call = await prepareCall({
    file: 'std.model',
    fn: 'logits',
    model,
    program,
    allow,
    in: join(directory, 'tokens.safetensors'),
    inputs: 'read',
  })
  try {
    const graph = packInputs(specialiseFn(call.program, call.fn, call.bindings), call.packing)
    return (await engine.run(graph, await call.values(graph))).get('result')!.data
  } finally {
    await call.close()
  }
}
