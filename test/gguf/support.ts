import type { GgufBytes } from '../../src/gguf/header.js'

export const bytesOfBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(text, 'base64'))

/** A value of metadata to write, with its type. */
export type Typed =
  | { readonly u8: number }
  | { readonly i8: number }
  | { readonly u16: number }
  | { readonly i16: number }
  | { readonly u32: number }
  | { readonly i32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly list: readonly Typed[]; readonly of?: number }
  | { readonly u64: bigint }
  | { readonly i64: bigint }
  | { readonly f64: number }

/** A tensor to write: extents with the innermost first, as the format has them. */
export interface WrittenTensor {
  readonly name: string
  readonly extents: readonly number[]
  readonly type: number
  readonly bytes: Uint8Array
  /** Where its data begins; after the one before it unless given. */
  readonly offset?: number
}

export interface WrittenFile {
  readonly version?: number
  readonly metadata: Readonly<Record<string, Typed>>
  readonly tensors: readonly WrittenTensor[]
  readonly alignment?: number
}

const numberOf = (kind: string): number =>
  ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'text', 'list', 'u64', 'i64', 'f64'].indexOf(kind)

const fixed = (bytes: number, write: (view: DataView) => void): Buffer => {
  const out = new Uint8Array(bytes)
  write(new DataView(out.buffer))
  return Buffer.from(out)
}

const u32 = (n: number): Buffer => fixed(4, v => v.setUint32(0, n, true))
const u64 = (n: number | bigint): Buffer => fixed(8, v => v.setBigUint64(0, BigInt(n), true))

const textOf = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  return Buffer.concat([u64(bytes.length), bytes])
}

const kindOf = (value: Typed): string => Object.keys(value).find(k => k !== 'of')!

const writtenValue = (value: Typed): Buffer => {
  if ('u8' in value) return fixed(1, v => v.setUint8(0, value.u8))
  if ('i8' in value) return fixed(1, v => v.setInt8(0, value.i8))
  if ('u16' in value) return fixed(2, v => v.setUint16(0, value.u16, true))
  if ('i16' in value) return fixed(2, v => v.setInt16(0, value.i16, true))
  if ('u32' in value) return u32(value.u32)
  if ('i32' in value) return fixed(4, v => v.setInt32(0, value.i32, true))
  if ('f32' in value) return fixed(4, v => v.setFloat32(0, value.f32, true))
  if ('bool' in value) return fixed(1, v => v.setUint8(0, value.bool ? 1 : 0))
  if ('text' in value) return textOf(value.text)
  if ('u64' in value) return u64(value.u64)
  if ('i64' in value) return fixed(8, v => v.setBigInt64(0, value.i64, true))
  if ('f64' in value) return fixed(8, v => v.setFloat64(0, value.f64, true))
  const { list, of = numberOf(kindOf(list[0]!)) } = value
  return Buffer.concat([u32(of), u64(list.length), ...list.map(writtenValue)])
}

/** A GGUF file's bytes, written from the format's description. */
export const ggufBytes = (file: WrittenFile): Buffer => {
  const { version = 3, metadata, tensors, alignment = 32 } = file
  const padded = (n: number): number => Math.ceil(n / alignment) * alignment
  const entries = Object.entries(metadata)
  const head: Buffer[] = [Buffer.from('GGUF'), u32(version), u64(tensors.length), u64(entries.length)]
  for (const [key, value] of entries)
    head.push(textOf(key), u32(numberOf(kindOf(value))), writtenValue(value))
  let next = 0
  const data: Buffer[] = []
  for (const { name, extents, type, bytes, offset = next } of tensors) {
    head.push(textOf(name), u32(extents.length), ...extents.map(u64), u32(type), u64(offset))
    const filled = Buffer.alloc(padded(bytes.length))
    filled.set(bytes)
    data.push(filled)
    next = offset + filled.length
  }
  const front = Buffer.concat(head)
  const gap = tensors.length === 0 ? 0 : padded(front.length) - front.length
  return Buffer.concat([front, Buffer.alloc(gap), ...data])
}

/** Bytes as a file that is read by ranges; a read outside them fails the test. */
export const sourceOf = (bytes: Uint8Array, path = 'model.gguf'): GgufBytes => ({
  path,
  size: bytes.length,
  read: async (at, length) => {
    if (at < 0 || at + length > bytes.length) throw new RangeError(`read ${at} + ${length}`)
    return bytes.slice(at, at + length)
  },
})
