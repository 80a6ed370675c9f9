import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CellResult } from '../../src/compare/cell-result.js'
import { type ComparePlan, cellNamed, cellsOf } from '../../src/compare/plan.js'
import type { CellContext } from '../../src/experiments/cell-context.js'
import { CompareFolder } from '../../src/experiments/compare-folder.js'
import { gather } from '../../src/experiments/gather.js'
import { type CompareRequest, makePlan, stepsPerExample } from '../../src/experiments/make-plan.js'
import { knownMethods } from '../../src/experiments/methods.js'
import { runCell } from '../../src/experiments/run-cell.js'
import { requireSameModel } from '../../src/experiments/same-model.js'
import { knownTasks } from '../../src/folders/open-task.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory } from '../support/temporary.js'
import { writeTinyLlama } from '../support/tiny-model.js'
import { userError } from '../support/user-error.js'

const declaration = {
  name: 'letters',
  title: 'which letter comes next',
  source: 'made up',
  folders: ['letters'],
  score: 'choice',
  metric: 'accuracy',
}

const setUp = async (): Promise<{ readonly root: string; readonly request: CompareRequest }> => {
  const root = await temporaryDirectory()
  await writeTinyLlama(join(root, 'model'))
  await mkdir(join(root, 'data', 'letters'), { recursive: true })
  const letters = [...'abcdefgh']
  const lines = letters.flatMap((a, i) =>
    letters.map(b => JSON.stringify({ prompt: `${b}${a}?`, answer: letters[(i + 1) % 2] })),
  )
  await writeFile(join(root, 'data', 'letters', 'train.jsonl'), lines.slice(0, 48).join('\n'))
  await writeFile(join(root, 'data', 'letters', 'test.jsonl'), lines.slice(48).join('\n'))
  await writeFile(join(root, 'letters.json'), JSON.stringify(declaration))
  return {
    root,
    request: {
      model: join(root, 'model'),
      data: join(root, 'data'),
      tasks: [join(root, 'letters.json')],
      methods: ['zero-shot', 'jola'],
      seeds: 2,
      trainSizes: [8],
      validSize: 8,
      testSize: 8,
      tries: 2,
      set: ['epochs=2', 'batch=4'],
    },
  }
}

/** A result without its times. */
const timeless = ({ trained, scored, ...rest }: CellResult): object => ({
  ...rest,
  trained: trained && { ...trained, seconds: 0, cpuSeconds: 0 },
  scored: scored && { ...scored, seconds: 0 },
})

describe('what comes with Jola', () => {
  it('methods are tried by equal numbers of settings that their recipes have', async () => {
    const { request } = await setUp()
    const plan = await makePlan({ ...request, methods: ['all'], tries: 4 }, undefined)
    expect(plan.methods.length).toBe((await knownMethods()).length)
    expect((await stepsPerExample(plan)).get('jola')).toBe(2 / 4)
  })

  it('tasks have names of their own', async () => {
    const names = (await knownTasks()).map(t => t.name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter(n => n.startsWith('mmlu-pro/')).length).toBe(14)
    const commonsense = (await knownTasks()).filter(t => t.family === 'commonsense')
    expect(commonsense.length).toBe(8)
  })
})

describe('a plan', () => {
  it('goes on with the model that it began with, and with no other', async () => {
    const { root, request } = await setUp()
    const folder = new CompareFolder(root)
    await requireSameModel(folder, request.model!)
    await requireSameModel(folder, request.model!)
    const config = join(root, 'model', 'config.json')
    const before = await readFile(config, 'utf8')
    await writeFile(config, JSON.stringify({ ...JSON.parse(before), rope_theta: 77 }))
    const theta = await userError(requireSameModel(folder, request.model!))
    expect(theta.why).toMatch(/rope_theta was .*, and is 77/)
    await writeFile(config, before)
    const file = join(root, 'model', 'model.safetensors')
    const bytes = await readFile(file)
    bytes[bytes.length - 2]! ^= 1
    await writeFile(file, bytes)
    const weights = await userError(requireSameModel(folder, request.model!))
    expect(weights.what).toBe('the model is not the one that the comparison began with')
    expect(weights.why).toMatch(/weights were sha256:\w+, and are sha256:/)
  })

  it('grows, and is not changed', async () => {
    const { request } = await setUp()
    const begun = await makePlan(request, undefined)
    const nothing = { tasks: [], methods: [], set: [] }
    expect(await makePlan(nothing, begun)).toEqual(begun)
    const grown = await makePlan({ ...nothing, methods: ['lora'], seeds: 3, trainSizes: [4] }, begun)
    expect(grown.methods.map(m => m.name)).toEqual(['zero-shot', 'jola', 'lora'])
    expect([grown.seeds, grown.trainSizes]).toEqual([
      [1, 2, 3],
      [4, 8],
    ])
    const changed = await userError(makePlan({ ...nothing, validSize: 9 }, begun))
    expect(changed.what).toBe('the comparison was begun with --valid-size 8, not 9')
  })

  it.each([
    [{ methods: ['jolla'] }, 'there is no method jolla'],
    [{ tasks: ['trek'] }, 'there is no task trek'],
    [{ set: ['epoch=3'] }, 'there is no setting epoch'],
    [{ set: ['lora.R=3'] }, '--set names the method lora, which is not compared'],
    [{ against: 'red' }, 'the method red is not compared, and the others are to be compared with it'],
    [{ tries: 9 }, 'the methods cannot be tuned alike'],
  ])('refuses %j before anything runs', async (more, what) => {
    const { request } = await setUp()
    const planned = makePlan({ ...request, ...more }, undefined).then(stepsPerExample)
    expect((await userError(planned)).what).toBe(what)
  })
})

withDevice('cells', device => {
  const context = (
    folder: CompareFolder,
    plan: ComparePlan,
    more: Partial<CellContext> = {},
  ): CellContext => ({
    device,
    folder,
    plan,
    watch: () => undefined,
    listen: () => undefined,
    signal: new AbortController().signal,
    ...more,
  })

  it('take a training that diverges for a result, and go on without it', { timeout: 120_000 }, async () => {
    const { root, request } = await setUp()
    const growing = `import std.data (Batch)
import std.model as base
recipe Growing(model: base.Model) {
  setting learning_rate = 1.0
  setting epochs = 2
  setting batch = 4
  state { x: f32 }
  init(key) = { x: 1 }
  step(s, batch, key, at) = ({ x: s.x * learning_rate }, { loss: exp(s.x) })
  validate(s, batch) = s.x
  predict(s, tokens) =
    let x = base.logits(model, tokens)
    for t, v -> s.x * x[t, v]
}
`
    await writeFile(join(root, 'growing.jola'), growing)
    const wild = { learning_rate: 1e6 }
    const declared = { program: join(root, 'growing.jola'), tries: [wild, { learning_rate: 0.5 }] }
    const methods = { tamed: declared, wild: { ...declared, tries: [wild, wild] } }
    await writeFile(join(root, 'methods.json'), JSON.stringify(methods))
    const plan = await makePlan(
      { ...request, methods: [join(root, 'methods.json')], seeds: 1, against: 'tamed' },
      undefined,
    )
    const folder = new CompareFolder(join(root, 'out'))
    const result = await runCell(context(folder, plan), cellNamed(plan, 'letters/tamed/8/seed-1'))
    expect(result!.trained!.settings).toEqual({ learning_rate: 0.5 })
    const tried = await folder.result(cellNamed(plan, 'letters/tamed/8/try-0'))
    expect(tried!.diverged).toMatch(/^training stopped at step/)
    const [tamed] = (await gather(folder, plan)).tasks[0]!.methods
    expect(tamed!.tries.map(t => [t.loss === undefined, t.chosen])).toEqual([
      [true, false],
      [false, true],
    ])
    expect(await readFile(folder.file('compare.html'), 'utf8')).toContain('diverged')
    const none = runCell(context(folder, plan), cellNamed(plan, 'letters/wild/8/seed-1'))
    expect((await userError(none)).what).toBe('no candidate of wild can be trained on letters')
  })

  it('run alone, stopped or in order, end in the same numbers', { timeout: 120_000 }, async () => {
    const { root, request } = await setUp()
    const plan = await makePlan(request, undefined)
    const whole = new CompareFolder(join(root, 'whole'))
    await whole.writePlan(plan)
    const results = new Map<string, CellResult>()
    for (const cell of cellsOf(plan)) {
      const result = await runCell(context(whole, plan), cell)
      results.set(result!.cell, result!)
    }

    // One cell on its own tries the settings that it needs; stopped in its training, it goes on.
    const alone = new CompareFolder(join(root, 'alone'))
    await alone.writePlan(plan)
    const name = 'letters/jola/8/seed-2'
    const stop = new AbortController()
    let steps = 0
    const stopped = await runCell(
      context(alone, plan, {
        signal: stop.signal,
        watch: cell => {
          if (cell.kind === 'seed' && ++steps === 2) stop.abort()
        },
      }),
      cellNamed(plan, name),
    )
    expect(stopped).toBeUndefined()
    const result = await runCell(context(alone, plan), cellNamed(plan, name))
    expect(timeless(result!)).toEqual(timeless(results.get(name)!))
    // An interrupted training has no time of its own.
    expect(result!.trained!.seconds).toBeUndefined()

    const summary = await gather(whole, plan)
    expect([summary.done, summary.cells]).toEqual([5, 5])
    const [zero, jola] = summary.tasks[0]!.methods
    expect(zero!.trained).toBe(0)
    expect(jola!.tries.length).toBe(2)
    expect(jola!.scores.map(s => s.seed)).toEqual([1, 2])
    // The method gates moves them from where they began, and active counts the open ones.
    expect(jola!.gates.map(g => g.moved!.flat().some(x => x > 0))).toEqual([true, true])
    expect(jola!.active).toBeLessThanOrEqual(jola!.trained)
    expect(await readFile(whole.file('compare.html'), 'utf8')).toContain('JoLA')
    // Candidates leave nothing but their result.
    const tried = whole.cell(cellNamed(plan, 'letters/jola/8/try-0'))
    expect((await readdir(tried)).sort()).toEqual(['gates-before.json', 'result.json'])
    expect(existsSync(join(whole.cell(cellNamed(plan, name)), 'run', 'adapter_config.json'))).toBe(true)

    // A result of other settings is not taken for one of these.
    const other = { ...plan, set: ['epochs=3', 'batch=4'] }
    const refused = await userError(runCell(context(whole, other), cellNamed(other, name)))
    expect(refused.what).toBe('the cell was computed by another plan')
  })
})
