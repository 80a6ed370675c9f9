import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { elementsOf, shapeOf } from '../../compiler/ir/graph.js'
import { simplified } from '../../compiler/pipeline.js'
import { specialisePredictor } from '../../compiler/specialise/predictor.js'
import { UserError } from '../../src/errors/user-error.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { openBase, openRun } from '../../src/runs/open-run.js'
import { RunFolder } from '../../src/runs/run-folder.js'
import { train } from '../../src/runs/train-run.js'
import { withDevice } from '../support/device.js'
import { onStories, withStories } from './support.js'

const work = mkdtempSync(join(tmpdir(), 'jola-predictor-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))
const at = (...parts: readonly string[]): string => join(work, ...parts)

/** Files that this process has open; 0 where the system does not tell. */
const openFiles = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0)

const refusal = (work: Promise<unknown>): Promise<UserError> =>
  work.then(
    () => expect.unreachable(),
    (error: unknown) => {
      expect(error).toBeInstanceOf(UserError)
      return error as UserError
    },
  )

const program = (field: string, setting: string): string => `import std.models.llama
recipe Scaled(model: llama.Model) {
  setting ${setting} = 1.0
  setting batch = 2
  state { ${field}: f32 }
  init(key) = { ${field}: 1.0 }
  step(s, batch, key, at) = ({ ${field}: s.${field} }, { loss: 1.0 })
  validate(s, batch) = 1.0
  predict(s, tokens) =
    llama.logits(model with { norm: for i -> model.norm[i] * s.${field} * ${setting} }, tokens)
}
`

withStories('a predictor', stories => {
  it('computes the logits that are asked for alone', async () => {
    const { program } = loadProgram(['std.models.llama'])
    const [rows, T, A] = [2, 24, 3]
    const { fn, bindings } = await onStories(program, 'std.models.llama.logits', { T })
    const V = bindings.sizes.get('V')!
    const sizes = new Map([...bindings.sizes, ['A', A] as const])
    const most = (output: 'next' | 'loss'): number => {
      const graph = specialisePredictor(
        { program, predictor: { kind: 'fn', fn }, bindings: { ...bindings, sizes }, rows },
        output,
      )
      const wide = simplified(graph).nodes.filter(n => n.kind === 'compute' && shapeOf(n).includes(V))
      return Math.max(...wide.map(elementsOf))
    }
    expect(most('next')).toBe(rows * V)
    expect(most('loss')).toBe(rows * A * V)
  })

  withDevice('on the device', device => {
    it('keeps the end of a row that is longer than the context', async () => {
      const { sequence, model, close } = await openBase(device, stories, 'std.models.llama')
      const tokens = Array.from({ length: model.context + 40 }, (_, i) => 3 + ((i * 7) % 400))
      const cut = tokens.slice(-model.context - 1)
      const [long, short] = await sequence.losses([
        { tokens, from: tokens.length - 3 },
        { tokens: cut, from: cut.length - 3 },
      ])
      expect(long).toBeGreaterThan(1)
      expect(long).toBe(short)
      await close()
    })

    it('wants at least one token', async () => {
      const { sequence, close } = await openBase(device, stories, 'std.models.llama')
      expect((await refusal(sequence.next([[1], []]))).what).toBe('the prompt is empty')
      await close()
    })

    it('of a run says what it lacks where the program has changed, and which file is broken', async () => {
      mkdirSync(at('data'))
      for (const split of ['train', 'valid'])
        writeFileSync(at('data', `${split}.jsonl`), '{"prompt": "Who? ", "answer": "A"}\n')
      writeFileSync(at('scaled.jola'), program('x', 'by'))
      const silent = {
        preparing: () => undefined,
        compiled: () => undefined,
        started: () => undefined,
        step: () => undefined,
        epoch: () => undefined,
      }
      const request = {
        file: at('scaled.jola'),
        model: stories,
        data: at('data'),
        out: at('run'),
        set: [],
        seed: 0,
        mode: 'new',
        dropLong: false,
        saveEvery: 60,
        bf16: false,
      } as const
      await train(device, request, silent, new AbortController().signal)

      for (const [field, setting, lacks] of [
        ['y', 'by', '`y`'],
        ['x', 'times', 'the setting times'],
      ] as const) {
        writeFileSync(at('scaled.jola'), program(field, setting))
        const changed = await refusal(openRun(device, at('run')))
        expect(changed.what).toBe('the adapter was trained on another program')
        expect(changed.why).toMatch(
          /has changed since it was trained: it was [0-9a-f]{12}, and is [0-9a-f]{12}$/,
        )
        const { sequence, forced, close } = await openRun(device, at('run'), { force: true })
        expect(forced).toEqual([changed.why])
        const error = await refusal(sequence.next([[1, 2]]))
        expect(error.what).toBe(`the adapter lacks ${lacks}, which the program asks for`)
        expect(error.why).toContain('scaled.jola has changed since')
        await close()
      }

      const open = openFiles()
      const config = JSON.parse(readFileSync(at('run', 'adapter_config.json'), 'utf8'))
      const written = (changes: object) =>
        writeFileSync(at('run', 'adapter_config.json'), JSON.stringify({ ...config, ...changes }))
      written({ sizes: { ...config.sizes, E: 3 } })
      expect((await refusal(openRun(device, at('run')))).what).toContain('was trained on another model')
      written({ tensors: { z: [2] } })
      expect((await refusal(openRun(device, at('run')))).why).toBe('`z` is missing')
      written({ base_model: at('nowhere') })
      await refusal(openRun(device, at('run')))
      written({})
      const tensors = at('run', 'adapter_model.safetensors')
      const kept = readFileSync(tensors)
      const broken = Buffer.from(kept)
      broken.writeFloatLE(Number.NaN, broken.length - 4)
      writeFileSync(tensors, broken)
      const nan = await refusal(openRun(device, at('run')))
      expect(nan.what).toBe('the tensor x holds numbers that are infinite or not a number')
      writeFileSync(tensors, kept)
      expect(openFiles()).toBeLessThanOrEqual(open)

      writeFileSync(at('run', 'adapter_config.json'), '{"program": "std.recipes.jola"}')
      expect((await refusal(openRun(device, at('run')))).why).toBe('"recipe" is missing')
      writeFileSync(at('run', 'run.json'), '{"program": 3}')
      expect((await refusal(new RunFolder(at('run')).description())).why).toBe('"program" is 3')
    })
  })
})
