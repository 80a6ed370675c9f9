import type { ConstantValue } from '../../compiler/specialise/specialise.js'
import type { NewSha256, Sha256 } from '../hash/sha256.js'
import { type BlockShape, blockOf, type Checkpoint } from '../safetensors/checkpoint.js'
import { elementCount } from '../safetensors/header.js'

/** The identity of the model that a run was trained on. It differs between models of the same sizes. */
export interface ModelIdentity {
  /** A hash of its tensors; absent if the program reads none. */
  readonly weights?: string
  /** SHA-256 of `tokenizer.json`; absent if there is none. */
  readonly tokenizer?: string
  /** The constants that the program reads from `config.json`. */
  readonly constants: Readonly<Record<string, ConstantValue>>
}

/** Models up to this many bytes are hashed whole. */
const wholeBytes = 256 << 20

/**
 * In a larger model, a tensor with more bytes than these is sampled: as many bytes are hashed, in pieces from
 * its beginning to its end.
 */
const sample = { bytes: 1 << 20, pieces: 64 } as const

/** Bytes read at a time. */
const chunkBytes = 4 << 20

interface Stretch {
  readonly from: number
  readonly count: number
}

/** The stretches of a tensor's blocks that are hashed. */
const stretchesOf = (blocks: number, width: number, whole: boolean): readonly Stretch[] => {
  if (whole || blocks * width <= sample.bytes) return [{ from: 0, count: blocks }]
  const count = Math.floor(sample.bytes / sample.pieces / width)
  const last = blocks - count
  return Array.from({ length: sample.pieces }, (_, i) => ({
    from: Math.round((i * last) / (sample.pieces - 1)),
    count,
  }))
}

/** Adds a stretch of a tensor's blocks to a hash, a chunk at a time. */
const addStretch = async (
  { update }: Pick<Sha256, 'update'>,
  read: (first: number, out: Uint8Array) => Promise<void>,
  { from, count }: Stretch,
  { elements, bytes: width }: BlockShape,
): Promise<void> => {
  const most = Math.floor(chunkBytes / width)
  for (let done = 0; done < count; done += most) {
    const bytes = new Uint8Array(Math.min(most, count - done) * width)
    await read((from + done) * elements, bytes)
    update(bytes)
  }
}

/**
 * A fingerprint of a checkpoint: SHA-256 of the names, types, shapes and bytes of its tensors, in the order
 * of their names, however they are spread over files. Of a model of more than 256 MiB, a tensor of more than
 * 1 MiB counts by 64 pieces of 16 KiB at even distances, the first at its beginning and the last at its end:
 * `sha256-sampled:` instead of `sha256:`. Training changes nearly every number, so that is enough to tell
 * models apart, and takes less than a second.
 */
export const fingerprint = async (checkpoint: Checkpoint, newSha256: NewSha256): Promise<string> => {
  const tensors = [...checkpoint.tensors].sort(([a], [b]) => (a < b ? -1 : 1))
  const bytes = tensors.reduce((sum, [, t]) => sum + t.end - t.begin, 0)
  const whole = bytes <= wholeBytes
  const hash = newSha256()
  for (const [name, tensor] of tensors) {
    const { dtype, shape } = tensor
    hash.update(`${JSON.stringify([name, dtype, shape])}\n`)
    const block = blockOf(tensor)
    for (const stretch of stretchesOf(elementCount(shape) / block.elements, block.bytes, whole))
      await addStretch(hash, (first, out) => checkpoint.readElements(name, first, out), stretch, block)
  }
  return `${whole ? 'sha256' : 'sha256-sampled'}:${hash.hex()}`
}

/** Numbers that JSON cannot express are stored as text. */
const writable = (value: ConstantValue): ConstantValue =>
  typeof value === 'number' && !Number.isFinite(value) ? `${value}` : value

/**
 * The parts that identify a model: its weights, if they are read, and its tokenizer's file, if it has one.
 */
export interface IdentitySource {
  readonly checkpoint: Checkpoint | undefined
  readonly tokenizerFile: Uint8Array | undefined
}

/** A model's identity, for a program that reads these constants from its configuration. */
export const identityFrom = async (
  { checkpoint, tokenizerFile }: IdentitySource,
  constants: ReadonlyMap<string, ConstantValue>,
  newSha256: NewSha256,
): Promise<ModelIdentity> => ({
  ...(checkpoint === undefined ? {} : { weights: await fingerprint(checkpoint, newSha256) }),
  ...(tokenizerFile === undefined ? {} : { tokenizer: `sha256:${newSha256().update(tokenizerFile).hex()}` }),
  constants: Object.fromEntries([...constants].map(([name, value]) => [name, writable(value)])),
})

/** The beginning of a hash, enough to distinguish two. */
export const shortHash = (hash: string): string => {
  const [kind, digits] = hash.includes(':') ? hash.split(':') : ['', hash]
  return `${kind === '' ? '' : `${kind}:`}${digits!.slice(0, 12)}`
}

/** The differences between a model and the one that a run began with, with both values. */
export const identityDiffers = (begun: ModelIdentity, now: ModelIdentity): readonly string[] => {
  const hashes = (
    [
      ['weights', 'were', 'are'],
      ['tokenizer', 'was', 'is'],
    ] as const
  ).flatMap(([key, was, is]) => {
    const [before, after] = [begun[key], now[key]]
    if (before === undefined || before === after) return []
    const found = after === undefined ? 'missing' : shortHash(after)
    return [`the base model's ${key} ${was} ${shortHash(before)}, and ${is} ${found}`]
  })
  const names = new Set([...Object.keys(begun.constants), ...Object.keys(now.constants)])
  const constants = [...names].flatMap(name => {
    const [before, after] = [begun.constants[name], now.constants[name]]
    return JSON.stringify(before) === JSON.stringify(after)
      ? []
      : [`its configuration's ${name} was ${before ?? 'not read'}, and is ${after ?? 'not read'}`]
  })
  return [...hashes, ...constants]
}
