import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openNodeDevice } from '../../runtime/node.js'
import { openStep } from '../../src/bench/recipe-step.js'
import { holdFolder } from '../../src/runs/lock.js'
import { RunFolder } from '../../src/runs/run-folder.js'
import { train } from '../../src/runs/train-run.js'
import { withDevice } from '../support/device.js'
import { stories } from './support.js'
import { at, atFirst, never, refusalOn, request, silent } from './training-run.js'

/** A recipe of one number whose state is NaN after the third step, while every step reports a loss of 1. */
writeFileSync(
  at('breaks.jola'),
  `import std.models.llama
recipe Breaks(model: llama.Model) {
  setting epochs = 3
  setting batch = 2
  state { x: f32 }
  init(key) = { x: 1.0 }
  step(s, batch, key, at) = ({ x: log(1.5 - at.step) }, { loss: 1.0 })
  validate(s, batch) = 1.0
  predict(s, tokens) = llama.logits(model with { norm: for i -> model.norm[i] * s.x }, tokens)
}
`,
)

const tests = (): void =>
  withDevice('a training run', device => {
    const refusal = refusalOn(device)

    it('holds no more at once than it may, or is refused', async () => {
      const shape = { B: 4, T: 64, A: 1, everywhere: false }
      const plan = { name: 'step', recipe: { file: 'std.recipes.jola', set: [] }, model: stories!, shape }
      const before = device.residentBytes
      const free = await openStep(device, plan)
      const wanted = device.residentBytes - before
      await free.close()
      const ends: string[] = []
      for (const memory of [wanted, wanted - 16, Math.round(0.8 * wanted), 1000]) {
        const limited = await openNodeDevice({ memory })
        try {
          const step = await openStep(limited, plan)
          expect(limited.residentBytes).toBeLessThanOrEqual(memory)
          ends.push('fits')
          await step.close()
        } catch (error) {
          expect(error).toMatchObject({ kind: 'out-of-memory' })
          expect(limited.residentBytes).toBe(0)
          ends.push('refused')
        } finally {
          limited.close()
        }
      }
      expect(ends).toEqual(['fits', 'fits', 'fits', 'refused'])
    })

    it('is alone in its folder from its first moment', async () => {
      const hold = await holdFolder(at('alone'))
      const error = await refusal({ out: at('alone'), model: at('nowhere') })
      expect(error.what).toBe('the folder is in use by another run')
      await hold.release()
    })

    it('is of a size that an index can count', async () => {
      const { what, why } = await refusal({ out: at('huge'), set: ['batch=1e12'] })
      expect(`${what} ${why}`).toMatch(/batch.*2147483647/s)
    })

    it('whose state is no longer a number stops and keeps the last state that was', async () => {
      const error = await refusal({ file: at('breaks.jola'), out: at('nan'), set: [], saveEvery: 1e-9 })
      expect(error.what).toContain('`x` is not a number')
      expect(error.hint).toContain('after step 2')
      const saved = await new RunFolder(at('nan')).load()
      expect(saved!.position.step).toBe(2)
      expect(saved!.state.get('x')!.data[0]).toBeCloseTo(Math.log(0.5))
    })

    it('has a state of f32 alone, as it is saved', async () => {
      const text = readFileSync(at('breaks.jola'), 'utf8')
      writeFileSync(
        at('counts.jola'),
        text
          .replace('x: f32 }', 'x: f32  n: i32 }')
          .replace('{ x: 1.0 }', '{ x: 1.0, n: 0 }')
          .replace('{ x: log(1.5 - at.step) }', '{ x: 1.0, n: s.n + 1 }'),
      )
      expect((await refusal({ file: at('counts.jola'), out: at('counts'), set: [] })).what).toBe(
        "the state's `n` is i32",
      )
    })

    it.each(['batch', 'epochs', 'context', 'patience'])('has at least one: %s', async name => {
      for (const value of ['0', '-1']) {
        const error = await refusal({ out: at('none'), set: [`${name}=${value}`] })
        expect(error.what).toBe(`the setting ${name} cannot be ${value}`)
        expect(error.exitCode).toBe(2)
      }
      expect(existsSync(at('none'))).toBe(false)
    })

    it('that replaces another leaves no adapter of the other while it is under way', async () => {
      await train(device, request({ out: at('again'), set: ['batch=4', 'epochs=1'] }), silent, never)
      expect(existsSync(at('again', 'adapter_config.json'))).toBe(true)
      const stop = new AbortController()
      await train(device, request({ out: at('again'), mode: 'replace' }), atFirst(stop), stop.signal)
      expect(existsSync(at('again', 'adapter_config.json'))).toBe(false)
    })

    it('is not put where a file is', async () => {
      writeFileSync(at('file'), '')
      expect((await refusal({ out: at('file'), mode: 'replace' })).why).toContain('not a directory')
    })
  })

if (stories === undefined) describe.skip('limits of runs (needs stories260K: set JOLA_SHARED)', tests)
else describe('limits of runs', tests)
