import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { withDevice } from '../support/device.js'
import { sharedPath } from '../support/shared.js'
import { temporaryDirectory } from '../support/temporary.js'
import { f32, i32, jola, jolaJson, programText, sharedFolder, tensorsFile } from './support.js'

const folder = await sharedFolder({ 'small.jola': programText })
const small = join(folder, 'small.jola')
const run = (fn: string, ...args: readonly string[]) =>
  jola('run', small, '--fn', fn, '--device', 'interpreter', ...args)

describe('jola run', () => {
  it('infers sizes from the tensors and prints what comes out', async () => {
    const input = await tensorsFile({ x: f32([3], 1, 2, -3) })
    const { code, out, err } = await run('outer', '--in', input)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out.split('\n').map(l => l.trim().split(/ {2,}/))).toEqual([
      ['result : f32[3, 3]'],
      ['[0]', '1', '2', '-3'],
      ['[1]', '2', '4', '-6'],
      ['[2]', '-3', '-6', '9'],
      [''],
    ])
  })

  it('writes f32 as F32, i32 as I32 and bool as U32, by the places of a tuple', async () => {
    const input = await tensorsFile({ x: f32([3], -1, 2, 0.5) })
    const path = join(await temporaryDirectory(), 'y.safetensors')
    const { code, out, err } = await run('signs', '--in', input, '--out', path)
    expect({ code, out }).toEqual({ code: 0, out: '' })
    expect(err).toContain('3 tensors written')
    const written = await openCheckpoint(path)
    const read = async (n: string) => [written.tensors.get(n)!.dtype, [...(await written.readInts(n))]]
    expect(await read('0')).toEqual(['U32', [0, 1, 1]])
    expect(await read('1')).toEqual(['I32', [1]])
    expect([...(await written.readF32('2'))]).toEqual([1.5])
    await written.close()
  })

  it(
    'draws the same numbers from the same seed, and others from another; parameters take ' + 'their defaults',
    async () => {
      const draw = async (...args: readonly string[]) => (await run('noise', ...args)).out
      const first = await draw('--seed', '4')
      expect(await draw('--seed', '4')).toBe(first)
      expect(await draw('--seed', '5')).not.toBe(first)
      const scaled = await tensorsFile({ scale: f32([], 4) })
      const numbers = (text: string) => text.split('\n')[1]!.trim().split(/ +/).map(Number)
      const half = numbers(first)
      numbers(await draw('--seed', '4', '--in', scaled)).forEach((x, i) => {
        expect(x / half[i]!).toBeCloseTo(2, 5)
      })
    },
  )

  it('lists at once what is missing, unexpected, and of another type or rank', async () => {
    const input = await tensorsFile({
      'p.w': f32([6], 1, 2, 3, 4, 5, 6),
      'p.bb': f32([3], 1, 2, 3),
      x: i32([2], 1, 2),
      y: f32([3], 1, 2, 3),
    })
    const { code, err } = await run('loss', '--in', input)
    expect(code).toBe(1)
    for (const part of [
      '`p.b` is missing: p.b : f32[M]',
      '`k` is missing: k : idx[M]',
      '`p.bb` is not an input; did you mean `p.b`?',
      '`x` holds I32, and f32 is read from F32',
      '`p.w` has shape [6], and it is p.w : f32[N, M]',
    ])
      expect(err).toContain(part)
  })

  it('says which axes disagree about a size', async () => {
    const input = await tensorsFile({
      'p.w': f32([2, 3], 1, 2, 3, 4, 5, 6),
      'p.b': f32([3], 1, 2, 3),
      x: f32([4], 1, 2, 3, 4),
      y: f32([3], 1, 2, 3),
      k: i32([], 1),
    })
    const { code, err } = await run('loss', '--in', input)
    expect(code).toBe(1)
    expect(err).toContain('axis 1 of `x` is 4, but it must be N, and N is 2 (axis 1 of `p.w`)')
  })

  it('refuses an index out of range with the element, its value and the bound', async () => {
    const given = async (...at: readonly number[]) =>
      run('pick', '--in', await tensorsFile({ x: f32([3], 5, 6, 7), at: i32([3], ...at) }))
    expect((await given(2, 0, 1)).out).toContain('7  5  6')
    const above = await given(0, 3, 1)
    expect(above.code).toBe(1)
    expect(above.err).toContain('at[1] is 3, and it must be at least 0 and below 3 (N)')
    expect((await given(0, 1, -1)).err).toContain('at[2] is -1')
  })

  it('asks for sizes that nothing tells, and for functions that nobody gives', async () => {
    const unknown = await jola('explain', small, '--fn', 'outer')
    expect(unknown.code).toBe(1)
    expect(unknown.err).toContain('give --size N=…')
    const higher = await run('apply')
    expect(higher.code).toBe(2)
    expect(higher.err).toContain('its parameter `f` is or holds a function and has no default')
    const typo = await run('outre')
    expect({ code: typo.code, hint: typo.err.includes('did you mean outer?') }).toEqual({
      code: 2,
      hint: true,
    })
  })

  it('refuses files that are missing, directories, cut off or lying', async () => {
    const input = await tensorsFile({ x: f32([3], 1, 2, -3) })
    const directory = await temporaryDirectory()
    const cases: readonly (readonly [string, string])[] = [
      [join(directory, 'none.safetensors'), 'no such file'],
      [directory, 'the inputs are no file'],
    ]
    for (const [path, why] of cases) {
      const { code, err } = await run('outer', '--in', path)
      expect({ code, says: err.includes(why), err }).toMatchObject({ code: 1, says: true })
    }
    const bytes = await readFile(input)
    const cut = join(directory, 'cut.safetensors')
    await writeFile(cut, bytes)
    await truncate(cut, bytes.length - 4)
    const lying = Buffer.from(bytes)
    lying.writeBigUInt64LE(2n ** 40n, 0)
    const liar = join(directory, 'lying.safetensors')
    await writeFile(liar, lying)
    for (const path of [cut, liar]) {
      const { code, err } = await run('outer', '--in', path)
      expect(code).toBe(1)
      expect(err).toContain(path)
      expect(err).not.toContain('internal error')
    }
  })

  it('refuses a place it cannot write to before it computes', async () => {
    const directory = await temporaryDirectory()
    const asFile = await run('noise', '--out', directory)
    expect({ code: asFile.code, why: asFile.err.includes('it is a directory') }).toEqual({
      code: 1,
      why: true,
    })
    const nowhere = await run('noise', '--out', join(directory, 'no', 'y.safetensors'))
    expect({ code: nowhere.code, why: nowhere.err.includes('does not exist') }).toEqual({
      code: 1,
      why: true,
    })
  })

  it('answers a wrong size or seed as usage', async () => {
    for (const args of [
      ['--size', 'N'],
      ['--seed', '-1'],
      ['--device', 'abacus'],
      ['--size', 'Q=3'],
    ])
      expect(await jola('run', small, '--fn', 'noise', ...args)).toMatchObject({ code: 2, out: '' })
  })
})

const model = sharedPath('data', 'models', 'stories260K')
const golden = async () => {
  const parsed: unknown = JSON.parse(await readFile(join(model!, 'golden.json'), 'utf8'))
  return parsed as { readonly ids: readonly number[]; readonly last_logits: readonly number[] }
}

const logitsOn = async (device: string): Promise<readonly number[]> => {
  const { ids } = await golden()
  const { code, err, json } = await jolaJson(
    ...['run', 'stdlib/models/llama.jola', '--fn', 'logits', '--model', model!, '--json'],
    ...['--in', await tensorsFile({ tokens: i32([ids.length], ...ids) }), '--device', device],
  )
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const { data, shape } = (json as { outputs: { result: { data: number[]; shape: number[] } } }).outputs
    .result
  expect(shape).toEqual([ids.length, 512])
  return data.slice(-512)
}

const furthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))

describe.skipIf(model === undefined)('jola run --model', () => {
  it("gives the original's logits on the interpreter", async () => {
    expect(furthest(await logitsOn('interpreter'), (await golden()).last_logits)).toBeLessThan(1e-4)
  })

  it('refuses tokens outside the vocabulary and weights given twice', async () => {
    const llama = ['run', 'stdlib/models/llama.jola', '--fn', 'logits', '--model', model!]
    const tokens = await tensorsFile({ tokens: i32([3], 1, 512, 3) })
    const outside = await jola(...llama, '--in', tokens, '--device', 'interpreter')
    expect(outside.code).toBe(1)
    expect(outside.err).toContain('tokens[1] is 512, and it must be at least 0 and below 512 (V)')
    const twice = await tensorsFile({ tokens: i32([1], 1), 'w.norm': f32([1], 1) })
    expect((await jola(...llama, '--in', twice)).err).toContain('`w.norm` is given, but --model brings it')
  })
})

withDevice('jola run --device gpu', () => {
  it.skipIf(model === undefined)("gives the original's logits", async () => {
    expect(furthest(await logitsOn('gpu'), (await golden()).last_logits)).toBeLessThan(1e-4)
  })
})
