import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderUserError } from '../../src/errors/user-error.js'
import { writeAtomic } from '../../src/files/atomic.js'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { writeSafetensors } from '../../src/folders/write-safetensors.js'
import type { TensorData } from '../../src/safetensors/encode.js'
import { temporaryDirectory, temporaryFile } from '../support/temporary.js'
import { userError } from '../support/user-error.js'

/** A file with this header text and so many bytes of data; `length` may lie about the header's. */
const fileWith = (header: string, data: number, length?: bigint): Promise<string> => {
  const text = Buffer.from(header)
  const first = Buffer.alloc(8)
  first.writeBigUInt64LE(length ?? BigInt(text.length))
  return temporaryFile('model.safetensors', Buffer.concat([first, text, Buffer.alloc(data)]))
}

const entry = (dtype: string, shape: readonly number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

const refusal = async (header: unknown, data: number, length?: bigint): Promise<string> => {
  const text = typeof header === 'string' ? header : JSON.stringify(header)
  return renderUserError(await userError(openCheckpoint(await fileWith(text, data, length))))
}

const tensors = new Map<string, TensorData>([
  ['half', { dtype: 'F16', shape: [3], data: Uint16Array.of(0x3c00, 0xc000, 0x0001) }],
  ['w', { dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, 2, 3, -4, 5.5, 1e-40) }],
  ['brain', { dtype: 'BF16', shape: [1, 2], data: Float32Array.of(1, -0.5) }],
  ['ids', { dtype: 'I32', shape: [2], data: Int32Array.of(-1, 7) }],
  ['none', { dtype: 'F32', shape: [0, 4], data: new Float32Array() }],
  ['one', { dtype: 'U32', shape: [], data: Uint32Array.of(4_000_000_000) }],
])

describe('a checkpoint', () => {
  it('gives back what was written', async () => {
    const path = join(await temporaryDirectory(), 'x.safetensors')
    await writeSafetensors(path, tensors, { seed: '3' })
    const checkpoint = await openCheckpoint(path)
    expect(checkpoint.metadata).toEqual({ seed: '3' })
    expect(checkpoint.tensors.get('w')).toMatchObject({ dtype: 'F32', shape: [2, 3], file: path })
    expect([...(await checkpoint.readF32('w'))]).toEqual([1, 2, 3, -4, 5.5, Math.fround(1e-40)])
    expect([...(await checkpoint.readF32('half'))]).toEqual([1, -2, 2 ** -24])
    expect([...(await checkpoint.readF32('brain'))]).toEqual([1, -0.5])
    expect(await checkpoint.readF32('none')).toHaveLength(0)
    expect(await checkpoint.readInts('ids')).toEqual(Int32Array.of(-1, 7))
    expect(await checkpoint.readInts('one')).toEqual(Uint32Array.of(4_000_000_000))
    expect([...(await checkpoint.readRaw('half'))]).toEqual([0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00])
    await checkpoint.close()
  })

  it('is written to the same bytes whatever the order of the tensors', async () => {
    const folder = await temporaryDirectory()
    await writeSafetensors(join(folder, 'a'), tensors)
    await writeSafetensors(join(folder, 'b'), new Map([...tensors].reverse()))
    expect(await readFile(join(folder, 'a'))).toEqual(await readFile(join(folder, 'b')))
  })

  it('is read in pieces without a seam', async () => {
    const path = join(await temporaryDirectory(), 'x.safetensors')
    const bits = Uint16Array.from({ length: 3_000_001 }, (_, i) => (i * 7919) & 0x3fff)
    await writeSafetensors(path, new Map([['w', { dtype: 'BF16', shape: [bits.length], data: bits }]]))
    const checkpoint = await openCheckpoint(path)
    const floats = new Uint32Array((await checkpoint.readF32('w')).buffer)
    expect(floats.every((word, i) => word === bits[i]! << 16)).toBe(true)
    await checkpoint.close()
  })

  it('names what it has when a tensor is missing', async () => {
    const path = join(await temporaryDirectory(), 'x.safetensors')
    await writeSafetensors(path, tensors)
    const checkpoint = await openCheckpoint(path)
    expect(renderUserError(await userError(checkpoint.readF32('v')))).toMatch(/no tensor 'v'[\s\S]*w/)
    expect((await userError(checkpoint.readF32('ids'))).what).toContain('holds I32')
    await truncate(path, checkpoint.tensors.get('brain')!.begin + 1)
    expect((await userError(checkpoint.readF32('brain'))).what).toContain('ends too early')
    await checkpoint.close()
  })

  it('is refused if the path is missing, or a directory without a model', async () => {
    const folder = await temporaryDirectory()
    expect((await userError(openCheckpoint(join(folder, 'nowhere')))).why).toContain('no such file')
    expect((await userError(openCheckpoint(folder))).what).toContain('no checkpoint in this directory')
  })
})

describe('a header', () => {
  it('is refused if its length lies', async () => {
    expect(await refusal({}, 0, 3n)).toContain('longer than the file')
    expect(await refusal({}, 0, 2n ** 63n)).toContain('longer than the file')
    expect(await refusal({ a: entry('U8', [4], 0, 4) }, 4, 10n)).toContain('not JSON')
    const short = await temporaryFile('x', Buffer.from([1, 2, 3]))
    expect((await userError(openCheckpoint(short))).what).toContain('no safetensors file')
  })

  it('is refused if it is no JSON object', async () => {
    expect(await refusal('{"a": ', 0)).toContain('not JSON')
    expect(await refusal('[1]', 0)).toContain('not a JSON object')
    expect(await refusal({ a: 3 }, 0)).toContain("'a' is not described by an object")
  })

  it('is refused if two tensors overlap, leave a gap, or pass the end', async () => {
    const two = (begin: number, end: number) => ({
      a: entry('U8', [4], 0, 4),
      b: entry('U8', [4], begin, end),
    })
    expect(await refusal(two(2, 6), 6)).toContain("'a' and 'b' overlap")
    expect(await refusal(two(6, 10), 10)).toContain("gap before the tensor 'b'")
    expect(await refusal(two(4, 8), 7)).toContain("'b' reaches past the end")
    expect(await refusal(two(4, 8), 9)).toContain('bytes after the last tensor')
  })

  it('is refused if a dtype, shape or range does not fit', async () => {
    expect(await refusal({ a: entry('F33', [1], 0, 4) }, 4)).toMatch(/unknown dtype "F33"[\s\S]*BF16/)
    expect(await refusal({ a: entry('F32', [3], 0, 8) }, 8)).toMatch(
      /wrong number of bytes[\s\S]*12 bytes[\s\S]*hold 8/,
    )
    expect(await refusal({ a: entry('F32', [-1], 0, 4) }, 4)).toContain('no proper shape')
    expect(await refusal({ a: entry('F32', [1], 4, 0) }, 4)).toContain('wrong number of bytes')
    expect(await refusal({ a: { dtype: 'F32', shape: [1] } }, 4)).toContain('no proper data_offsets')
    expect(await refusal({ __metadata__: { n: 3 } }, 0)).toContain("'n' is not text")
  })

  it('is refused if a name occurs twice, however it is spelled', async () => {
    const one = JSON.stringify(entry('U8', [1], 0, 1))
    expect(await refusal(`{"a": ${one}, "\\u0061": ${one}}`, 1)).toContain("'a' occurs twice")
  })

  it('that is damaged is refused or read, never a crash', async () => {
    const path = join(await temporaryDirectory(), 'x.safetensors')
    await writeSafetensors(path, tensors)
    const whole = await readFile(path)
    const headerEnd = 8 + Number(whole.readBigUInt64LE(0))
    await fc.assert(
      fc.asyncProperty(fc.nat(headerEnd - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const broken = Buffer.from(whole)
        broken[at] = broken[at]! ^ flip
        await writeFile(path, broken)
        const outcome = await openCheckpoint(path).then(
          async checkpoint => {
            const read = [...checkpoint.tensors.keys()].map(name => checkpoint.readRaw(name))
            await Promise.all(read).finally(() => checkpoint.close())
            return undefined
          },
          (error: unknown) => error,
        )
        if (outcome !== undefined) expect(outcome).toHaveProperty('name', 'UserError')
      }),
      { numRuns: 200 },
    )
  })
})

describe('a sharded checkpoint', () => {
  const write = async (map: Record<string, string>, again: Record<string, TensorData> = {}) => {
    const folder = await temporaryDirectory()
    const tensor = (value: number): TensorData => ({ dtype: 'F32', shape: [1], data: Float32Array.of(value) })
    await writeSafetensors(join(folder, 'one.safetensors'), new Map([['a', tensor(1)]]))
    await writeSafetensors(
      join(folder, 'two.safetensors'),
      new Map([['b', tensor(2)], ['c', tensor(3)], ...Object.entries(again)]),
    )
    await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }))
    return folder
  }

  it('reads each tensor from the shard that the index names', async () => {
    const checkpoint = await openCheckpoint(await write({ a: 'one.safetensors', b: 'two.safetensors' }))
    // The index does not name c: it is there all the same.
    expect([...checkpoint.tensors.keys()].sort()).toEqual(['a', 'b', 'c'])
    expect([...(await checkpoint.readF32('a')), ...(await checkpoint.readF32('b'))]).toEqual([1, 2])
    await checkpoint.close()
  })

  it('is refused where two shards hold one tensor', async () => {
    const nine: TensorData = { dtype: 'F32', shape: [1], data: Float32Array.of(9) }
    const twice = await write({ a: 'one.safetensors', b: 'two.safetensors' }, { a: nine })
    const error = await userError(openCheckpoint(twice))
    expect(error.what).toBe("the tensor 'a' is in two shards")
    expect(error.where).toContain('two.safetensors')
  })

  it('is refused beside a file of the whole, unless the index names that', async () => {
    const one: TensorData = { dtype: 'F32', shape: [1], data: Float32Array.of(1) }
    const folder = await write({ a: 'one.safetensors', b: 'two.safetensors' })
    await writeSafetensors(join(folder, 'model.safetensors'), new Map([['a', one]]))
    expect((await userError(openCheckpoint(folder))).what).toBe('the directory holds two checkpoints')
    const named = await write({ a: 'model.safetensors' })
    await writeSafetensors(join(named, 'model.safetensors'), new Map([['a', one]]))
    const checkpoint = await openCheckpoint(named)
    expect([...checkpoint.tensors.keys()]).toEqual(['a'])
    await checkpoint.close()
  })

  it('is refused if a shard or a tensor is missing, or a shard lies elsewhere', async () => {
    const missing = await write({ a: 'one.safetensors', b: 'three.safetensors' })
    expect((await userError(openCheckpoint(missing))).what).toContain('a shard of the checkpoint is missing')
    const moved = await write({ b: 'one.safetensors' })
    expect((await userError(openCheckpoint(moved))).what).toContain("'b' is not in the shard")
    const outside = await write({ a: '../one.safetensors' })
    expect((await userError(openCheckpoint(outside))).why).toContain('beside the index')
  })
})

describe('writing', () => {
  it('leaves the old file and no other when the disk is full in the middle', async () => {
    const path = await temporaryFile('x.bin', 'old')
    const full = function* () {
      yield 'new'
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    }
    const error = await userError(writeAtomic(path, full()))
    expect(error.why).toBe('the disk is full')
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(join(path, '..'))).toEqual(['x.bin'])
  })

  it('refuses a directory at the path, and numbers that do not fill the shape', async () => {
    const folder = await temporaryDirectory()
    await mkdir(join(folder, 'taken'))
    expect((await userError(writeSafetensors(join(folder, 'taken'), tensors))).why).toContain('directory')
    expect(await readdir(folder)).toEqual(['taken'])
    const wrong = new Map<string, TensorData>([
      ['a', { dtype: 'F32', shape: [2], data: new Float32Array(3) }],
    ])
    expect((await userError(writeSafetensors(join(folder, 'b'), wrong))).why).toContain('2 elements')
  })
})
