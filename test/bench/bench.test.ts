import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { elementsOf } from '../../runtime/index.js'
import {
  type Case,
  elementwiseCase,
  productCase,
  softmaxCase,
  storedCase,
  type Values,
} from '../../src/bench/cases.js'
import { Ceilings } from '../../src/bench/ceilings.js'
import { measureCase } from '../../src/bench/kernels.js'
import { llamaConfig, stories15M, uniform } from '../../src/bench/random-model.js'
import { type BenchReport, disagreements, showReport } from '../../src/bench/show.js'
import { commandOf } from '../../src/cli/bench-options.js'
import { version } from '../../src/cli/shared.js'
import { environmentOf } from '../../src/host/environment.js'
import { alternately, repeated } from '../../src/measure/measure.js'
import { disagreement, positions, toleranceOf } from '../../src/measure/verify.js'
import { jola } from '../cli/support.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory } from '../support/temporary.js'

describe('the order of timings', () => {
  it('times everything once a round, every other round backwards', async () => {
    const order: string[] = []
    let clock = 0
    const probe = (name: string) => ({
      time: async () => {
        order.push(name)
        clock += 1
        return clock
      },
    })
    const times = await alternately([probe('a'), probe('b')], 3)
    expect(order.join('')).toBe('abbaab')
    expect(times).toEqual([
      [1, 4, 5],
      [2, 3, 6],
    ])
  })

  it('an artifact whose kernels read the index of a loop is not put into another', () => {
    const kernel = { loops: 1 }
    expect(() => repeated({ name: 'fold', kernels: [kernel] } as never, 2)).toThrow(/loops of its own/)
  })
})

describe('verification', () => {
  it('looks at both ends, and everywhere in what is small', () => {
    expect(positions(5)).toEqual([0, 1, 2, 3, 4])
    expect(positions(1000, 10)).toEqual(expect.arrayContaining([0, 999]))
    expect(positions(1000, 10).every(i => i >= 0 && i < 1000)).toBe(true)
  })

  it('tells where a result is off, and takes NaN for wrong', () => {
    const expected = (at: number): number => at
    expect(disagreement([0, 1, 2], expected, [0, 1, 2], 1e-6)).toBeUndefined()
    expect(disagreement([0, 1.5, 2], expected, [0, 1, 2], 1e-6)).toEqual({ at: 1, actual: 1.5, expected: 1 })
    expect(disagreement([0, Number.NaN], expected, [1], 1)?.at).toBe(1)
    expect(disagreement([], expected, [0], 1)?.at).toBe(0)
    const masked = [Number.NEGATIVE_INFINITY, 1]
    expect(disagreement(masked, at => masked[at]!, [0, 1], 1e-6)).toBeUndefined()
    expect(disagreement([-1e30, 1], at => masked[at]!, [0, 1], 1e-6)?.at).toBe(0)
  })
})

describe('the tolerance', () => {
  const valuesOf = (c: Case): Values =>
    Object.fromEntries(c.inputs.map(({ name, shape }, i) => [name, uniform(elementsOf(shape), i)]))
  /** Where a case's results, changed, are off, at the precision that allows the most. */
  const off = (c: Case, change: (want: number) => number) => {
    const values = valuesOf(c)
    const where = positions(elementsOf(c.inputs[0]!.shape), 24)
    const want = (at: number): number => c.expected(values, at)
    const actual: number[] = []
    for (const at of where) actual[at] = change(want(at))
    return disagreement(actual, want, where, 5e-3)
  }

  it('is exceeded by a dot product of 4096 without its last term', () => {
    const [m, n, k] = [8, 8, 4096]
    const c = productCase('long', { batch: 1, m, n, k, left: 'mk', right: 'kn' }, 0)
    const values = valuesOf(c)
    const want = (at: number): number => c.expected(values, at)
    const last = (at: number): number =>
      values.left![Math.floor(at / n) * k + k - 1]! * values.right![(k - 1) * n + (at % n)]!
    const where = positions(m * n, 24)
    const without = Array.from({ length: m * n }, (_, at) => want(at) - last(at))
    for (const precision of ['f32', 'f16'] as const)
      expect(disagreement(without, want, where, toleranceOf({ precision }))).toBeDefined()
  })

  it('is exceeded by a softmax of nothing but zeros, and by one that is 15 % off', () => {
    const c = softmaxCase(512, 2048, 0)
    expect(off(c, () => 0)).toBeDefined()
    expect(off(c, want => 0.85 * want)).toBeDefined()
    expect(off(c, want => Math.fround(want))).toBeUndefined()
  })
})

describe('what a bench tells', () => {
  const report: BenchReport = {
    format: 'jola-bench-2',
    environment: environmentOf({ info: {}, traits: { name: 'a device' } } as never),
    jola: '1.2.3',
    precision: 'f16',
    tabled: 0,
    command: 'jola bench peers',
    runs: 3,
  }

  it('version, precision, and whether schedules are tuned', () => {
    expect(showReport(report, 'plain')).toMatch(
      /^Jola 1\.2\.3, products in f16; schedules as the cost model chooses$/m,
    )
    expect(showReport({ ...report, tabled: 12 }, 'plain')).toMatch(/; 12 schedules from the device's table,/)
    expect(commandOf('kernels', { runs: 3, set: [], seed: 0, count: 1, tune: 20 })).toBe(
      'jola bench kernels --runs 3 --tune 20',
    )
  })

  it('kernels and peers that compute something else', () => {
    const peers = [
      { name: 'odd', refused: 'it computes something else', differs: true },
      { name: 'weak', refused: 'out of memory', differs: false },
    ]
    const spread = { median: 1, least: 1, most: 1 }
    const work = {
      name: 'product',
      amount: { unit: 'tokens', value: 1 },
      milliseconds: spread,
      peers,
    } as const
    expect(disagreements({ ...report, peers: { comparisons: [work], missing: [] } })).toEqual([
      'odd at product',
    ])
  })
})

describe('jola bench', () => {
  it('tells of the variable that tunes every command', async () => {
    expect((await jola('bench', '--help')).out).toContain('JOLA_TUNE=SECONDS')
  })

  it('refuses what it can not do before it measures anything', async () => {
    expect(await jola('bench', 'everything')).toMatchObject({ code: 2 })
    expect(await jola('bench', '--runs', '0')).toMatchObject({ code: 2 })
    for (const [args, said] of [
      [['kernels', '--profile'], /--profile is for step/],
      [['kernels', '--plot', 'growth.svg'], /--plot is for growth/],
      [['step', '--install'], /--install is for peers/],
      [['--batch', '3'], /--batch is for step[\s\S]*no effect on kernels/],
      [['kernels', '--set', 'a=b'], /--set is for step/],
      [['growth', '--weights', 'q8'], /--weights is for step/],
      [['compile', '--tune', '5'], /--tune is for kernels, step, decode, growth, peers/],
      [['compile', '--filter', 'x'], /there is: compiling the step of stories15M/],
      [['peers', '--install', '--filter', 'convolution'], /there is: product 512³/],
      [['step', '--model', 'a', '--shape', 'stories15M'], /--model and --shape contradict/],
      [['step', '--context', '4', '--answers', '5'], /answers of 5 tokens do not fit/],
    ] as const) {
      const { code, err } = await jola('bench', ...args)
      expect(code, err).toBe(2)
      expect(err).toMatch(said)
      expect(err).not.toMatch(/measuring|npm/)
    }
    const file = await jola('bench', '--json', join(await temporaryDirectory(), 'missing', 'bench.json'))
    expect(file.code).toBe(1)
    expect(file.err).not.toMatch(/measuring/)
  })
})

withDevice('a bench', device => {
  const length = { milliseconds: 0, most: 1 }
  const measure = async (c: Case) => {
    const ceilings = new Ceilings(device, length)
    try {
      return await measureCase(device, ceilings, c, { runs: 2, length })
    } finally {
      await ceilings.close()
    }
  }
  const lanes = device.traits.subgroupSize
  const small = { batch: 2, m: 32, n: 32, k: 8 } as const

  it('measures every layout of a product against its hand-written kernel', async () => {
    for (const left of ['mk', 'km'] as const)
      for (const right of ['kn', 'nk'] as const) {
        const result = await measure(productCase(`${left} ${right}`, { ...small, left, right }, lanes))
        expect(result.wrong, `${left} ${right}`).toBeUndefined()
        expect(result.rate.least).toBeGreaterThan(0)
        if (lanes === 8) expect(result.toHand?.median).toBeGreaterThan(0)
      }
  })

  it('measures products of what is stored in fewer bits, against the values that it stands for', async () => {
    for (const packing of ['f16', 'bf16', 'q8'] as const) {
      const plain = productCase('product', { ...small, left: 'mk', right: 'nk' }, lanes)
      const stored = storedCase(plain, 'right', packing)
      expect(stored.bytes).toBeLessThan(plain.bytes)
      expect((await measure(stored)).wrong, packing).toBeUndefined()
    }
  })

  it('measures rows and elementwise functions', async () => {
    const double = elementwiseCase({
      name: 'twice',
      n: 2 ** 14,
      jola: '2 * x[i]',
      wgsl: '2.0 * x',
      js: x => 2 * x,
    })
    for (const c of [softmaxCase(8, 32, lanes), double]) {
      const result = await measure(c)
      expect(result.wrong).toBeUndefined()
      expect(result.toHand?.median).toBeGreaterThan(0)
      expect(result.toCeiling?.median).toBeGreaterThan(0)
    }
  })

  it('does not time a kernel that computes something else, ours or the hand-written', async () => {
    const wrongHand = elementwiseCase({
      name: 'twice',
      n: 2 ** 14,
      jola: '2 * x[i]',
      wgsl: '3.0 * x',
      js: x => 2 * x,
    })
    expect((await measure(wrongHand)).wrong).toMatchObject({ by: 'hand' })
    const wrongOurs = elementwiseCase({
      name: 'twice',
      n: 2 ** 14,
      jola: '3 * x[i]',
      wgsl: '2.0 * x',
      js: x => 2 * x,
    })
    const result = await measure(wrongOurs)
    expect(result.wrong).toMatchObject({ by: 'compiler', at: 0 })
    expect(result.toHand).toBeUndefined()
  })

  it('writes JSON with where and when, and prints a table', async () => {
    const file = join(await temporaryDirectory(), 'bench.json')
    const { code, out, err } = await jola(
      'bench',
      '--filter',
      'rms_norm 512×768',
      '--runs',
      '1',
      '--json',
      file,
    )
    expect(code, err).toBe(0)
    expect(out).toMatch(/^ceilings: .*GB\/s.*; a dispatch [\d.]+ µs/m)
    expect(out).toMatch(/^kernel +ms +rate +÷ by hand/m)
    expect(out).toMatch(/^rms_norm 512×768 +[\d.]+ +[\d.]+ GB\/s/m)
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      format: 'jola-bench-2',
      environment: { device: device.traits.name, node: process.version },
      jola: version(),
      precision: 'f32',
      command: "jola bench kernels --runs 1 --filter 'rms_norm 512×768'",
      runs: 1,
      kernels: [{ name: 'rms_norm 512×768', bound: 'memory' }],
    })
  })

  it('keeps what was measured when a later section fails', async () => {
    const folder = await temporaryDirectory()
    const shape = join(folder, 'rms_norm 512×768')
    await mkdir(shape)
    await writeFile(join(shape, 'config.json'), JSON.stringify(llamaConfig(stories15M)))
    const file = join(folder, 'bench.json')
    const fails = ['--shape', shape, '--set', 'nonsense=1']
    const filter = ['--filter', 'rms_norm 512×768', '--runs', '1', '--json', file]
    const { code, out, err } = await jola('bench', 'all', ...filter, ...fails)
    expect(code).toBe(2)
    expect(err).toMatch(/nonsense/)
    expect(out).toMatch(/^rms_norm 512×768 +[\d.]+/m)
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      kernels: [{ name: 'rms_norm 512×768' }],
    })
  })

  it('a filter that leaves nothing is a mistake of usage', async () => {
    const { code, err } = await jola('bench', '--filter', 'convolution')
    expect(code).toBe(2)
    expect(err).toMatch(/nothing to measure has `convolution` in its name[\s\S]*product 512³/)
  })
})
