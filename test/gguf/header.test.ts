import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderUserError, UserError } from '../../src/errors/user-error.js'
import { readGgufHeader } from '../../src/gguf/header.js'
import { userError } from '../support/user-error.js'
import { ggufBytes, sourceOf, type Typed, type WrittenFile, type WrittenTensor } from './support.js'

const read = (file: WrittenFile) => readGgufHeader(sourceOf(ggufBytes(file)))

const refusal = async (bytes: Uint8Array): Promise<string> =>
  renderUserError(await userError(readGgufHeader(sourceOf(bytes))))

const everyKind: Readonly<Record<string, Typed>> = {
  a: { u8: 255 },
  b: { i8: -3 },
  c: { u16: 65535 },
  d: { i16: -300 },
  e: { u32: 4294967295 },
  f: { i32: -7 },
  g: { f32: 0.5 },
  h: { bool: true },
  i: { text: 'é\uFEFF\u0000' },
  j: { u64: 12n },
  k: { i64: -(2n ** 62n) },
  l: { f64: 1e300 },
  m: { list: [{ text: 'x' }, { text: '\uFEFF' }] },
  n: { list: [{ list: [{ i32: 1 }, { i32: 2 }] }, { list: [{ i32: 3 }] }] },
  o: { list: [], of: 6 },
}

const tensors: readonly WrittenTensor[] = [
  { name: 'a', extents: [3, 2], type: 0, bytes: new Uint8Array(24) },
  { name: 'b', extents: [256, 2], type: 12, bytes: new Uint8Array(288) },
  { name: 'c', extents: [5], type: 30, bytes: new Uint8Array(10) },
]

const whole: WrittenFile = { metadata: everyKind, tensors }

describe('the header of a GGUF file', () => {
  it.each([2, 3])('of version %i has all types of values, and tensors', async version => {
    const header = await read({ ...whole, version })
    expect(header.version).toBe(version)
    expect(Object.fromEntries(header.metadata)).toEqual({
      ...{ a: 255, b: -3, c: 65535, d: -300, e: 4294967295, f: -7, g: 0.5, h: true },
      ...{ i: 'é\uFEFF\u0000', j: 12, k: -(2n ** 62n), l: 1e300, m: ['x', '\uFEFF'] },
      ...{ n: [[1, 2], [3]], o: [] },
    })
    expect([...header.tensors].map(([name, t]) => [name, t.type, t.shape, t.end - t.begin])).toEqual([
      ['a', 'F32', [2, 3], 24],
      ['b', 'Q4_K', [2, 256], 288],
      ['c', 'BF16', [5], 10],
    ])
  })

  it('says where tensors lie, whatever the alignment', async () => {
    for (const alignment of [1, 8, 32, 256]) {
      const file = { ...whole, alignment, metadata: { 'general.alignment': { u32: alignment } } }
      const bytes = ggufBytes(file)
      const { tensors: found } = await readGgufHeader(sourceOf(bytes))
      for (const { begin } of found.values()) expect(begin % alignment).toBe(0)
      expect(Math.ceil(found.get('c')!.end / alignment) * alignment).toBe(bytes.length)
    }
  })

  it('is read where it is longer than what is read first', async () => {
    const list = Array.from({ length: 100_000 }, (_, i) => ({ text: `token ${i}` }))
    const { metadata } = await read({ metadata: { tokens: { list } }, tensors })
    expect(metadata.get('tokens')).toHaveLength(100_000)
  })

  it('may describe no tensors', async () => {
    expect((await read({ metadata: everyKind, tensors: [] })).tensors.size).toBe(0)
  })
})

describe('a GGUF file is refused by name', () => {
  const good = ggufBytes(whole)
  const patched = (at: number, value: bigint, width: 4 | 8 = 8): Buffer => {
    const out = Buffer.from(good)
    if (width === 8) out.writeBigUInt64LE(value, at)
    else out.writeUInt32LE(Number(value), at)
    return out
  }

  it('where it is none, or of another version', async () => {
    expect(await refusal(Buffer.from('PK\u0003\u0004 and more'))).toContain('it is no GGUF file')
    expect(await refusal(Buffer.alloc(0))).toContain('it is no GGUF file')
    expect(await refusal(patched(4, 1n, 4))).toContain('of version 1')
    expect(await refusal(patched(4, 0x03000000n, 4))).toContain('big-endian')
  })

  it('where it is cut off, wherever that is', async () => {
    for (let length = 4; length < good.length - 32; length += 7)
      expect(await refusal(good.subarray(0, length))).toContain('error: ')
  })

  it('where it counts more than it holds', async () => {
    expect(await refusal(patched(8, 2n ** 63n))).toContain('its number of tensors is 9223372036854775808')
    expect(await refusal(patched(16, 2n ** 40n))).toContain('its number of metadata entries')
    const list = ggufBytes({ metadata: { tokens: { list: [{ f32: 1 }] } }, tensors: [] })
    list.writeBigUInt64LE(2n ** 50n, list.length - 12)
    expect(await refusal(list)).toContain("its length of the array 'tokens' is 1125899906842624")
  })

  it.each<readonly [string, WrittenFile]>([
    ['the type Q8_K, which is not read', { metadata: {}, tensors: [{ ...tensors[1]!, type: 15 }] }],
    ['the unknown type 77', { metadata: {}, tensors: [{ ...tensors[1]!, type: 77 }] }],
    ['rows of no whole blocks', { metadata: {}, tensors: [{ ...tensors[1]!, extents: [128, 4] }] }],
    ["the tensor 'a' is there twice", { metadata: {}, tensors: [tensors[0]!, tensors[0]!] }],
    ['has 5 axes', { metadata: {}, tensors: [{ ...tensors[0]!, extents: [1, 1, 1, 3, 2] }] }],
    ['overlap', { metadata: {}, tensors: [tensors[0]!, { ...tensors[1]!, offset: 0 }] }],
    [
      "a gap before the tensor 'b'",
      { metadata: {}, tensors: [tensors[0]!, { ...tensors[1]!, offset: 64 }, tensors[2]!] },
    ],
    ['reaches past the end', { metadata: {}, tensors: [{ ...tensors[0]!, extents: [3, 2000] }] }],
    ['larger than any file', { metadata: {}, tensors: [{ ...tensors[0]!, extents: [2 ** 40, 2 ** 40] }] }],
    ['is not aligned', { metadata: {}, tensors: [{ ...tensors[0]!, offset: 4 }] }],
    ['its general.alignment is 3', { metadata: { 'general.alignment': { u32: 3 } }, tensors }],
    [
      "the arrays of 'deep' are too deep",
      { metadata: { deep: { list: [{ list: [{ list: [{ list: [{ list: [{ u8: 1 }] }] }] }] }] } }, tensors },
    ],
    ['the unknown type 99', { metadata: { odd: { list: [{ u8: 1 }], of: 99 } }, tensors }],
  ])('for %s', async (what, file) => {
    expect(await refusal(ggufBytes(file))).toContain(what)
  })

  it('where a text is none, a truth value is none, or a key is there twice', async () => {
    const text = ggufBytes({ metadata: { x: { text: 'abcd' } }, tensors: [] })
    text[text.length - 1] = 0xff
    expect(await refusal(text)).toContain("the value of 'x' is no UTF-8 text")
    const truth = ggufBytes({ metadata: { x: { bool: true } }, tensors: [] })
    truth[truth.length - 1] = 2
    expect(await refusal(truth)).toContain('is no truth value')
    const twice = ggufBytes({ metadata: { x1: { u8: 1 }, x2: { u8: 1 } }, tensors: [] })
    twice[twice.lastIndexOf('x2') + 1] = '1'.charCodeAt(0)
    expect(await refusal(twice)).toContain("the metadata entry 'x1' is there twice")
  })

  it('where bytes follow the last tensor', async () => {
    expect(await refusal(Buffer.concat([good, Buffer.alloc(64)]))).toContain('bytes after the last tensor')
  })

  it('or read as it stands, however its bytes are changed', async () => {
    const one = fc.tuple(fc.nat(good.length - 1), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(
        fc.array(one, { minLength: 1, maxLength: 6 }),
        fc.nat(good.length),
        async (changes, cut) => {
          const bytes = Buffer.from(good.subarray(0, cut % 3 === 0 ? cut : good.length))
          for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
          const header = await readGgufHeader(sourceOf(bytes)).catch((error: unknown) => {
            expect(error).toBeInstanceOf(UserError)
            return undefined
          })
          for (const { begin, end } of header?.tensors.values() ?? [])
            expect(begin <= end && end <= bytes.length).toBe(true)
        },
      ),
      { numRuns: 3000 },
    )
  })
})
