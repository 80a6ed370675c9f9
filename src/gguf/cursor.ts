import { refuseFile } from './refuse.js'

/** The bytes at hand end before what is to be read; whoever has more of the file tries again with that. */
export class NeedsMore extends Error {}

/** A value of a file's metadata. Whole numbers of 64 bits that a `number` does not hold are a `bigint`. */
export type MetadataValue = number | bigint | boolean | string | readonly MetadataValue[]

/**
 * The number of values in all of a file's metadata: some 2 million for a vocabulary of 256,000 tokens with
 * merges.
 */
const mostValues = 8_000_000

/** Arrays within arrays. The format allows any depth; no known file has any. */
const deepest = 4

/** Bytes of a key or a tensor's name. The format allows 65,535 and 64. */
const longestName = 65_535

/** The fewest bytes that a value takes, by the number of its type. */
const leastBytes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8] as const

const typeNames = [
  ...['UINT8', 'INT8', 'UINT16', 'INT16', 'UINT32', 'INT32', 'FLOAT32'],
  ...['BOOL', 'STRING', 'ARRAY', 'UINT64', 'INT64', 'FLOAT64'],
]

// The mark of a byte order is a character like others here: vocabularies have it as a token.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const asNumber = (value: bigint): number | bigint => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Reads little-endian values one after the other from the beginning of a file. */
export class Cursor {
  at = 0
  private values = 0
  private readonly view: DataView

  /** `bytes`: the beginning of a file of `size` bytes, which is called `file` in messages. */
  constructor(
    readonly file: string,
    private readonly bytes: Uint8Array,
    private readonly size: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes of the file that are not read yet. */
  get left(): number {
    return this.size - this.at
  }

  /** Where `length` bytes begin that are read with this. */
  private take(length: number, what: string): number {
    if (length > this.left)
      refuseFile(
        this.file,
        'it ends too early',
        `${what} takes ${length} bytes from byte ${this.at} on, and the file has ${this.size}`,
      )
    if (this.at + length > this.bytes.length) throw new NeedsMore()
    const { at } = this
    this.at += length
    return at
  }

  u32(what: string): number {
    return this.view.getUint32(this.take(4, what), true)
  }

  u64(what: string): bigint {
    return this.view.getBigUint64(this.take(8, what), true)
  }

  /** A whole number that counts what each takes at least `each` bytes of the rest of the file. */
  count(what: string, each: number): number {
    const count = this.u64(what)
    if (count * BigInt(each) > BigInt(this.left))
      refuseFile(
        this.file,
        `its ${what} is ${count}`,
        `each takes at least ${each} bytes, and ${this.left} bytes follow`,
      )
    return Number(count)
  }

  private text(length: number, what: string): string {
    const at = this.take(length, what)
    try {
      return utf8.decode(this.bytes.subarray(at, at + length))
    } catch {
      return refuseFile(this.file, `${what} is no UTF-8 text`, `its ${length} bytes begin at byte ${at}`)
    }
  }

  /** A key, or a tensor's name. */
  name(what: string): string {
    const length = this.count(`length of ${what}`, 1)
    if (length > longestName)
      refuseFile(this.file, `${what} is too long`, `it has ${length} bytes, and ${longestName} are the most`)
    return this.text(length, what)
  }

  /** A value with its type before it. `key` is its name in messages. */
  value(key: string): MetadataValue {
    return this.typed(this.u32(`the type of '${key}'`), key, 0)
  }

  private typed(type: number, key: string, depth: number): MetadataValue {
    if (++this.values > mostValues)
      refuseFile(this.file, 'its metadata is too large', `it has more than ${mostValues} values`)
    const what = `the value of '${key}'`
    const { view } = this
    switch (typeNames[type]) {
      case 'UINT8':
        return view.getUint8(this.take(1, what))
      case 'INT8':
        return view.getInt8(this.take(1, what))
      case 'UINT16':
        return view.getUint16(this.take(2, what), true)
      case 'INT16':
        return view.getInt16(this.take(2, what), true)
      case 'UINT32':
        return view.getUint32(this.take(4, what), true)
      case 'INT32':
        return view.getInt32(this.take(4, what), true)
      case 'FLOAT32':
        return view.getFloat32(this.take(4, what), true)
      case 'UINT64':
        return asNumber(this.u64(what))
      case 'INT64':
        return asNumber(view.getBigInt64(this.take(8, what), true))
      case 'FLOAT64':
        return view.getFloat64(this.take(8, what), true)
      case 'BOOL': {
        const byte = view.getUint8(this.take(1, what))
        if (byte > 1) refuseFile(this.file, `${what} is no truth value`, `its byte is ${byte}, not 0 or 1`)
        return byte === 1
      }
      case 'STRING':
        return this.text(this.count(`length of '${key}'`, 1), what)
      case 'ARRAY':
        return this.array(key, depth)
      default:
        return refuseFile(
          this.file,
          `${what} has the unknown type ${type}`,
          `the types are ${typeNames.map((name, i) => `${i} ${name}`).join(', ')}`,
        )
    }
  }

  private array(key: string, depth: number): readonly MetadataValue[] {
    if (depth === deepest)
      refuseFile(
        this.file,
        `the arrays of '${key}' are too deep`,
        `${deepest} within one another are the most`,
      )
    const type = this.u32(`the type of the elements of '${key}'`)
    const count = this.count(`length of the array '${key}'`, leastBytes[type] ?? 1)
    const out: MetadataValue[] = []
    for (let i = 0; i < count; i++) out.push(this.typed(type, key, depth + 1))
    return out
  }
}
