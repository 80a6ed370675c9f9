import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { prepareCall } from '../../src/cli/call/prepare.js'
import { gradientOf } from '../../src/cli/grad.js'
import { checkGradient, sampleOf } from '../../src/cli/grad-check.js'
import { openCheckpoint } from '../../src/folders/open-checkpoint.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { sharedPath } from '../support/shared.js'
import { temporaryDirectory } from '../support/temporary.js'
import { f32, folderWith, i32, jola, jolaJson, programText, sharedFolder, tensorsFile } from './support.js'

const folder = await sharedFolder({ 'small.jola': programText })
const small = join(folder, 'small.jola')

const given = () =>
  tensorsFile({
    'p.w': f32([2, 2], 1, 2, 3, 4),
    'p.b': f32([2], 0, 1),
    x: f32([2], 1, -1),
    y: f32([2], 0, 0),
    k: i32([], 1),
  })

describe('jola grad', () => {
  it('evaluates value and gradient and writes them by name', async () => {
    const path = join(await temporaryDirectory(), 'g.safetensors')
    const { code } = await jola(
      ...['grad', small, '--fn', 'loss', '--wrt', 'p', '--device', 'interpreter'],
      ...['--in', await given(), '--out', path],
    )
    expect(code).toBe(0)
    const written = await openCheckpoint(path)
    // z = (−2, −1), so dz = 2z + e₁ = (−4, −1).
    expect([...(await written.readF32('value'))]).toEqual([4])
    expect([...(await written.readF32('grad.p.b'))]).toEqual([-4, -1])
    expect([...(await written.readF32('grad.p.w'))]).toEqual([-4, -1, 4, 1])
    await written.close()
  })

  it('prints the derivative as source for all sizes where nothing is given', async () => {
    const { code, out } = await jola('grad', small, '--fn', 'loss', '--wrt', 'p')
    expect(code).toBe(0)
    expect(out).toContain('import small (P)')
    expect(out).toContain('fn loss_d_p(p: P, x: f32[N], y: f32[M], k: idx[M]) -> P =')
    const folder = await folderWith({ 'small.jola': programText, 'derived.jola': out })
    expect(await jola('check', join(folder, 'derived.jola'))).toMatchObject({ code: 0 })
  })

  it('checks against differences, with random numbers for what is missing, and says so', async () => {
    const { code, err, json } = await jolaJson(
      ...['grad', small, '--fn', 'loss', '--wrt', 'p', '--check', '--json'],
    )
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(json).toMatchObject({ right: true, tensors: [{ name: 'p.w' }, { name: 'p.b' }] })
    expect((json as { worst: number }).worst).toBeLessThan(1e-8)
    expect(JSON.stringify(json)).toContain('random values for p.w, p.b, x, y, k')
  })

  it('finds a wrong derivative and names the worst element', async () => {
    const call = await prepareCall({ file: small, fn: 'loss', wrt: 'p', in: await given(), inputs: 'read' })
    const graph = gradientOf(call, 'p', small)
    const inputs = await call.values(graph)
    const right = (await interpreterEngine.run(graph, inputs)).get('grad.p.w')!
    const options = { tolerance: 1e-3, sample: 64 }
    const judged = (data: Float64Array) =>
      checkGradient(graph, inputs, new Map([['p.w', { ...right, data }]]), options)[0]!.worst!
    expect(judged(Float64Array.from(right.data)).error).toBeLessThan(1e-8)
    const off = Float64Array.from(right.data)
    off[2] = off[2]! * 1.01
    const worst = judged(off)
    expect(worst.flat).toBe(2)
    expect(worst.difference).toBeCloseTo(4, 6)
    expect(worst.error).toBeCloseTo(0.01, 3)
    expect(judged(Float64Array.of(-4, -1, 4, Number.NaN))).toMatchObject({ flat: 3, error: Infinity })
    await call.close()
  })

  it('is not misled by a kink close by', async () => {
    const input = await tensorsFile({ x: f32([3], 5e-5, -5e-5, 1) })
    const { code, out } = await jola('grad', small, '--fn', 'bent', '--wrt', 'x', '--check', '--in', input)
    expect({ code, all: out.includes('all 3 checked') }).toEqual({ code: 0, all: true })
  })

  it('fails with the exit code when the tolerance is passed', async () => {
    // `stop` has no derivative, and changes what it stands in all the same.
    const text = 'fn f(x: f32[N]) -> f32 = sum n -> stop(x[n]) * x[n]'
    const file = join(await folderWith({ 'stopped.jola': text }), 'stopped.jola')
    const { code, out } = await jola('grad', file, '--fn', 'f', '--wrt', 'x', '--check', '--size', 'N=3')
    expect(code).toBe(1)
    expect(out).toMatch(/wrong\s+x/)
  })

  it('does not call rounding an error, nor compare what is no number', async () => {
    const text =
      'fn far(x: f32[N]) -> f32 = 1e4 + 1e-13 * (sum n -> x[n])\n' +
      'fn none(x: f32[N]) -> f32 = sum n -> log(-1 - x[n] * x[n])'
    const file = join(await folderWith({ 'far.jola': text }), 'far.jola')
    const grad = (fn: string) => jola('grad', file, '--fn', fn, '--wrt', 'x', '--check', '--size', 'N=3')
    expect((await grad('far')).code).toBe(0)
    const { code, err } = await grad('none')
    expect([code, err]).toEqual([1, expect.stringContaining('`none` is not a number here')])
  })

  it('gives the vector-Jacobian product of a function that gives a tensor', async () => {
    const listing = await jola('grad', 'stdlib/nn.jola', '--fn', 'softmax', '--wrt', 'x')
    expect(listing.out).toContain('fn softmax_d_x(x: f32[N], d_softmax: f32[N]) -> f32[N] =')
    for (const [fn, wrt] of [
      ['softmax', 'x'],
      ['layer_norm', 'w'],
      ['rope', 'x'],
    ] as const) {
      const checked = await jola('grad', 'stdlib/nn.jola', '--fn', fn, '--wrt', wrt, '--check')
      expect(checked).toMatchObject({ code: 0, out: expect.stringMatching(/ok\s/) })
    }
  })

  it('refuses what has no derivative', async () => {
    const whole = 'fn whole(x: f32[N]) -> i32[N] = for i -> i32(x[i])'
    const file = join(await folderWith({ 'whole.jola': whole }), 'whole.jola')
    const cases: readonly (readonly [string, string, string, string, number])[] = [
      [small, 'loss', 'k', '`k` holds no f32', 2],
      [small, 'loss', 'q', 'its parameters are: p, x, y, k', 2],
      [file, 'whole', 'x', 'gives no number to differentiate', 1],
    ]
    for (const [path, fn, wrt, why, exit] of cases) {
      const { code, err } = await jola('grad', path, '--fn', fn, '--wrt', wrt, '--check')
      expect({ code, says: err.includes(why), err }).toMatchObject({ code: exit, says: true })
    }
  })

  it('samples large tensors without repetition, always alike', () => {
    const sample = sampleOf('w', 1000, 64)
    expect(new Set(sample).size).toBe(64)
    expect(Math.max(...sample)).toBeLessThan(1000)
    expect(sampleOf('w', 1000, 64)).toEqual(sample)
    expect(sampleOf('v', 1000, 64)).not.toEqual(sample)
    expect(sampleOf('w', 3, 64)).toEqual([0, 1, 2])
  })
})

const model = sharedPath('data', 'models', 'stories260K')

describe.skipIf(model === undefined)('jola grad --check on a model', () => {
  it("finds JoLA's gradients right", async () => {
    const { code, err, json } = await jolaJson(
      ...['grad', 'stdlib/edits/jola.jola', '--fn', 'loss', '--wrt', 'edits', '--check', '--json'],
      ...['--model', model!, '--size', 'T=6', '--size', 'B=1', '--sample', '8'],
    )
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect((json as { worst: number }).worst).toBeLessThan(1e-5)
  })
})
