import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CoreExpectation } from '../../compiler/core/core.js'
import { judge } from '../../src/cli/expectation.js'
import { testFile } from '../../src/cli/test.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { withDevice } from '../support/device.js'
import { folderWith, jola, jolaJson, sharedFolder } from './support.js'

const tests = `
test "right" {
  expect 1 + 1 == 2
  expect [0.1, 0.2] == [0.1, 0.2000001] within 1e-3
}

test "wrong" {
  expect (for i: 2, j: 2 -> f32(i) + f32(j)) == (for i: 2, j: 2 -> if i == 1 then 7.0 else f32(j)) within 0.5
  expect 2 < 1
}
`

const folder = await sharedFolder({ 'sums.jola': tests, 'fine.jola': 'test "one" { expect 1 < 2 }\n' })
const interpreted = ['--device', 'interpreter']

describe('jola test', () => {
  it('counts tests, and shows for a failure its place, element, values and tolerance', async () => {
    const { code, out } = await jola('test', join(folder, 'sums.jola'), ...interpreted)
    expect(code).toBe(1)
    expect(out.trimEnd().split('\n').at(-1)).toBe('1 passed, 1 failed')
    expect(out).toContain('sums.jola:8:3: expect (for i: 2, j: 2')
    expect(out).toContain(
      'value[1, 0] is 1, and 7 is expected within 0.5; they differ by 6 (2 of 4 elements differ)',
    )
    expect(out).toContain('sums.jola:9:3: expect 2 < 1')
    expect(out).toContain('value is false')
    expect(out).not.toContain('"right"')
  })

  it('finds the programs of a folder and prints one line a module', async () => {
    const { code, out } = await jola('test', folder, ...interpreted)
    expect(code).toBe(1)
    expect(out).toContain('ok fine: 1 test\n')
    expect(out).toContain('2 passed, 1 failed')
  })

  it('prints all results as JSON', async () => {
    const { code, json } = await jolaJson('test', join(folder, 'fine.jola'), '--json', ...interpreted)
    expect(code).toBe(0)
    expect(json).toMatchObject({ passed: 1, failed: 0, tests: [{ title: 'one', failures: [] }] })
  })

  it('counts a program that does not check as a failure, and goes on', async () => {
    const broken = await folderWith({
      'a.jola': 'fn f(x: f32) -> f32 = y\ntest "a" { expect 1 < 2 }\n',
      'b.jola': 'test "b" { expect 1 < 2 }\n',
    })
    const { code, out, err } = await jola('test', broken, ...interpreted)
    expect(code).toBe(1)
    expect(out).toContain('1 passed, 1 failed')
    expect(err).toMatch(/error\[E\d{4}\]/)
  })

  it('refuses a folder without programs', async () => {
    const { code, err } = await jola('test', await folderWith({}), ...interpreted)
    expect({ code, why: err.includes('ends in .jola') }).toEqual({ code: 1, why: true })
  })
})

const expectation = (parts: Partial<Record<'expected' | 'within', true>>): CoreExpectation => {
  const { tests } = loadProgram([join(folder, 'sums.jola')]).program
  const { lets, actual, span } = tests[0]!.expectations[0]!
  return {
    lets,
    actual,
    span,
    ...(parts.expected && { expected: actual }),
    ...(parts.within && { within: actual }),
  }
}

const outputs = (actual: readonly number[], expected: readonly number[], within?: number) =>
  new Map(
    Object.entries({ actual, expected, ...(within === undefined ? {} : { within: [within] }) }).map(
      ([n, d]) => [
        `0.${n}`,
        { dtype: 'f32' as const, shape: n === 'within' ? [] : [d.length], data: Float64Array.from(d) },
      ],
    ),
  )

describe('an expectation', () => {
  it('holds NaN equal to NaN and to nothing else', () => {
    const x = expectation({ expected: true, within: true })
    expect(judge(0, x, outputs([Number.NaN], [Number.NaN], 1))).toBeUndefined()
    expect(judge(0, x, outputs([Number.NaN], [0], 1))).toContain('value[0] is NaN, and 0 is expected')
    expect(judge(0, x, outputs([0], [Number.NaN], 1))).toContain('NaN is expected')
    expect(judge(0, x, outputs([Infinity], [Infinity], 0))).toBeUndefined()
    expect(judge(0, x, outputs([Infinity], [1], 1))).toContain('inf')
  })

  it('is exact without a tolerance', () => {
    const x = expectation({ expected: true })
    expect(judge(0, x, outputs([1], [1]))).toBeUndefined()
    expect(judge(0, x, outputs([1], [1 + 1e-15]))).toContain('differ')
  })
})

describe('the standard library', () => {
  it('passes its tests on the interpreter', async () => {
    const { code, out } = await jola('test', ...interpreted)
    expect({ code, end: out.trimEnd().split('\n').at(-1) }).toMatchObject({
      code: 0,
      end: expect.stringMatching(/^[1-9]\d* passed, 0 failed$/),
    })
  })
})

withDevice('jola test on a device', () => {
  it('runs every test on the GPU and on the interpreter', async () => {
    const { code, json } = await jolaJson('test', join(folder, 'sums.jola'), '--json', '--device', 'both')
    expect(code).toBe(1)
    const [, wrong] = (json as { tests: { failures: { device: string }[] }[] }).tests
    expect(new Set(wrong!.failures.map(f => f.device)).size).toBe(2)
  })
})

it('one file is tested on the engines it is given', async () => {
  const { module, results } = await testFile(join(folder, 'fine.jola'), [interpreterEngine])
  expect({ module, passed: results.every(r => r.failures.length === 0) }).toEqual({
    module: 'fine',
    passed: true,
  })
})
