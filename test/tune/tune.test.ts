import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Schedule } from '../../compiler/artifact.js'
import { compileGraph, compileGroups, groupNodes } from '../../compiler/backend/compile.js'
import { fragmentOf } from '../../compiler/backend/fragment.js'
import { f32, i32, index, prim, rewrite } from '../../compiler/ir/expr.js'
import { interpret } from '../../compiler/ir/interpret.js'
import { interpretAt } from '../../compiler/ir/interpret-at.js'
import type { ComputeNode, Expr, Graph } from '../../compiler/ir/ir.js'
import { simplified } from '../../compiler/pipeline.js'
import { specialiseDecoder } from '../../compiler/specialise/predictor.js'
import { DeviceError, openNodeDevice } from '../../runtime/node.js'
import { graphOfText } from '../../src/bench/compile.js'
import { llamaConfig } from '../../src/bench/random-model.js'
import { fullShape, jola, openStep } from '../../src/bench/recipe-step.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { remember, tableFile, tuningOf } from '../../src/tune/table.js'
import { type Study, studiesOf, study, tune, usualBudget } from '../../src/tune/tune.js'
import * as programs from '../compiler/backend/programs.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory } from '../support/temporary.js'
import { llvmpipe } from '../support/traits.js'

const layer = () => {
  const p = new programs.Program()
  programs.layer(p, { B: 2, T: 12, H: 2, D: 8, F: 36 }, 3)
  return { graph: p.finish(), data: p.data }
}

/** A token of a llama's decoder. */
const decoder = (sizes: Readonly<Record<string, number>>): Graph => {
  const { program } = loadProgram(['std.models.llama'])
  const fn = program.fns.get('std.models.llama.logits')!
  const bindings = { sizes: new Map(Object.entries(sizes)) }
  const made = specialiseDecoder({ program, predictor: { kind: 'fn', fn }, bindings, rows: 1 }, 1, 'chosen')
  return simplified(E.getOrElse<string, Graph>(why => expect.unreachable(why))(made))
}

describe('what is tuned', () => {
  const sizes = { L: 6, E: 288, K: 6, G: 1, Pairs: 24, F: 768, V: 32000, T: 256, H: 6, D: 48 }
  /** The names of the kernels that are tuned, once they are what the program's are. */
  const tuned = (graph: Graph): readonly string[] => {
    const { kernels } = compileGraph(graph, llvmpipe)
    return studiesOf(graph, llvmpipe).flatMap(s => {
      const same = kernels.filter(k => k.chosen!.signature === s.chosen.signature)
      expect(same, s.chosen.signature).not.toEqual([])
      expect(same.map(k => k.chosen)).toEqual(same.map(() => s.chosen))
      return same.map(k => k.name)
    })
  }

  it('is by itself what it is in its program, not what is written in place', () => {
    const names = tuned(decoder({ ...sizes, V: 500, L: 2, E: 96, F: 192, D: 16, Pairs: 8 }))
    expect(names).toContain('dot_hidden')
    expect(names).not.toContain('k_v')
  })

  it('is not what reads its rows from memory, unless they alone are more than stays in the cache', () => {
    const names = tuned(decoder(sizes))
    expect(names).not.toContain('dot_hidden')
    expect(names).toContain('rms_norm_dot')
  })
})

it('single elements are those of the whole', () => {
  const graph = simplified(
    graphOfText({
      text: `import std.nn (softmax)
fn bench(x: f32[M, K], w: f32[K, N]) -> f32[M, N] =
  for m ->
    let p = softmax(x[m])
    for n -> sum k -> p[k] * w[k, n]
`,
      sizes: { M: 3, K: 5, N: 4 },
      name: 'bench',
    }),
  )
  const inputs = new Map([
    ['x', Float64Array.from({ length: 15 }, (_, i) => Math.sin(i))],
    ['w', Float64Array.from({ length: 20 }, (_, i) => Math.cos(i))],
  ])
  const [output] = graph.outputs
  const all = interpret(graph, inputs).get(output!.name)!
  const where = [0, 3, 7, 11]
  expect(interpretAt(graph, output!.node, inputs, where)).toEqual(where.map(i => all[i]))
})

const tiny = llamaConfig({
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 16,
  max_position_embeddings: 32,
})

withDevice('tuning', device => {
  const before = { ...process.env }
  afterEach(() => {
    process.env = { ...before }
  })

  it('a kernel by itself takes the schedules that it takes in its program', () => {
    const { graph } = layer()
    const whole = groupNodes(graph, device.traits)
    const known = new Set(compileGroups(whole, device.traits).kernels.map(k => k.chosen!.signature))
    const alone = whole.groups.map(
      g => compileGroups(fragmentOf(whole, g, device.traits), device.traits).kernels[0]!.chosen!.signature,
    )
    expect(alone.filter(s => !known.has(s))).toEqual([])
  })

  it('measures every schedule of every kernel against the interpreter', { timeout: 240_000 }, async () => {
    const studies = studiesOf(layer().graph, device.traits)
    expect(studies.length).toBeGreaterThan(4)
    for (const s of studies.slice(-2)) {
      const measured = await study(device, s)
      expect(measured.map(m => m.schedule)).toEqual(s.chosen.candidates)
    }
  })

  it('goes on without a schedule that the device refuses', { timeout: 240_000 }, async () => {
    const [s] = studiesOf(layer().graph, device.traits)
    const { candidates } = s!.chosen
    const refusal = new DeviceError('internal', { what: 'the device refuses the kernel' })
    const compiling = vi.spyOn(device.pipelines, 'pipeline').mockRejectedValueOnce(refusal)
    const measured = await study(device, s!)
    compiling.mockRestore()
    expect(measured.map(m => m.schedule)).toEqual(candidates.slice(1))
  })

  describe('trusts no schedule', () => {
    /** A function whose kernel the interpreter takes for another: its body changed. */
    const misread = async (
      text: string,
      sizes: Readonly<Record<string, number>>,
      change: (body: Expr, node: ComputeNode) => Expr,
    ) => {
      const [s] = studiesOf(simplified(graphOfText({ text, sizes, name: 'bench' })), device.traits)
      const { graph } = s!.fragment
      const nodes = graph.nodes.map(n => (n.kind === 'compute' ? { ...n, body: change(n.body, n) } : n))
      expect((await study(device, s!)).length).toBeGreaterThan(1)
      return study(device, { ...s!, fragment: { ...s!.fragment, graph: { ...graph, nodes } } })
    }

    it('that leaves out one term of a sum', { timeout: 240_000 }, async () => {
      const text =
        `fn bench(x: f32[M, K], y: f32[K, N]) -> f32[M, N] = for m, n -> sum k -> x[m, k] * ` + `y[k, n]`
      const found = await misread(text, { M: 8, K: 1024, N: 8 }, (body, { reduce }) => {
        if (reduce === undefined) return body
        const k = reduce.axes[0]!
        return prim('select', prim('lt', index(k), i32(k.extent - 1)), body, f32(0))
      })
      expect(found).toEqual([])
    })

    it('that looks something up in the wrong place', { timeout: 240_000 }, async () => {
      const text =
        `fn bench(table: f32[V, D], at: idx[V][T], y: f32[D]) -> f32[T] = for t -> sum d -> ` +
        `table[at[t], d] * y[d]`
      const found = await misread(text, { V: 50, D: 256, T: 64 }, body =>
        rewrite(body, e => (e.op === 'read' && e.dtype === 'i32' ? i32(0) : e)),
      )
      expect(found).toEqual([])
    })

    it('whose probabilities are all nothing', { timeout: 240_000 }, async () => {
      const text = `import std.nn (softmax)
fn bench(x: f32[R, N]) -> f32[R, N] = for r -> softmax(x[r])`
      const found = await misread(text, { R: 4, N: 2048 }, (body, { reduce }) =>
        reduce === undefined ? prim('mul', body, f32(1e-9)) : body,
      )
      expect(found).toEqual([])
    })
  })

  it('draws positive numbers for what has no value for others', { timeout: 240_000 }, async () => {
    const text = `fn bench(x: f32[N, K], y: f32[K]) -> f32[N] = for n -> sum k -> log(x[n, k]) * y[k]`
    const [s] = studiesOf(
      simplified(graphOfText({ text, sizes: { N: 64, K: 256 }, name: 'bench' })),
      device.traits,
    )
    expect((await study(device, s!)).length).toBe(s!.chosen.candidates.length)
  })

  it('keeps what it found in the cache directory, and finds it there', { timeout: 240_000 }, async () => {
    process.env.XDG_CACHE_HOME = await temporaryDirectory()
    delete process.env.JOLA_TUNE
    const lines: string[] = []
    const stop = new AbortController()
    const progress = (line: string): void => {
      lines.push(line)
      if (line.startsWith('2/')) stop.abort()
    }
    const found = await tune(device, layer().graph, { budget: 1e9, progress, signal: stop.signal })
    expect(found.size).toBe(1)
    expect(lines.at(-1)).toBe(
      `${studiesOf(layer().graph, device.traits).length - 1} kernels are left as they are: ` +
        'tuning was stopped',
    )
    const again = await openNodeDevice()
    try {
      expect([...tuningOf(again)]).toEqual([...found])
    } finally {
      again.close()
    }
  })

  it('measures again where what it knows is no schedule of the kernel', { timeout: 240_000 }, async () => {
    process.env.JOLA_TUNE = '0'
    const fresh = await openNodeDevice()
    try {
      const text = `fn bench(x: f32[M, K], y: f32[K]) -> f32[M] = for m -> sum k -> x[m, k] * y[k]`
      const graph = simplified(graphOfText({ text, sizes: { M: 16, K: 256 }, name: 'bench' }))
      const [{ chosen }] = studiesOf(graph, fresh.traits) as [Study]
      const { steps: _, ...older } = { steps: 1, ...chosen.schedule }
      await remember(fresh, new Map([[chosen.signature, older as Schedule]]))
      const found = await tune(fresh, graph, { budget: 1e9, progress: () => undefined })
      expect(chosen.candidates).toContainEqual(found.get(chosen.signature))
    } finally {
      fresh.close()
    }
  })

  it('ends within a kernel when its time is over', async () => {
    process.env.JOLA_TUNE = '0'
    const fresh = await openNodeDevice()
    try {
      const lines: string[] = []
      const { graph } = layer()
      const found = await tune(fresh, graph, { budget: 0.001, progress: l => void lines.push(l) })
      expect(found.size).toBe(0)
      const all = studiesOf(graph, fresh.traits).length
      expect(lines.at(-1)).toBe(`${all} kernels are left as they are: the time for tuning is over`)
    } finally {
      fresh.close()
    }
  })

  it('is for the step, before the other methods of a recipe', { timeout: 240_000 }, async () => {
    process.env.JOLA_TUNE = '0.001'
    process.env.XDG_CACHE_HOME = await temporaryDirectory()
    delete process.env.CI
    const fresh = await openNodeDevice()
    const lines: string[] = []
    const terminal = vi
      .spyOn(process.stderr, 'write')
      .mockImplementation(line => lines.push(String(line)) > 0)
    try {
      const plan = { name: 'tiny', recipe: jola, model: tiny, shape: fullShape(2, 4) }
      const step = await openStep(fresh, plan)
      const { kernels } = step.session.compiledStep.executable.artifact
      await step.close()
      const [first] = lines.filter(l => l.includes('kernels tuned'))
      expect(kernels.map(k => k.chosen?.signature)).toContain(
        first!.trim().replace(/^1\/\d+ kernels tuned: /, ''),
      )
    } finally {
      terminal.mockRestore()
      fresh.close()
    }
  })

  it('a damaged table, or none that is wanted, changes nothing', async () => {
    process.env.XDG_CACHE_HOME = await temporaryDirectory()
    delete process.env.JOLA_TUNE
    const fresh = await openNodeDevice()
    const other = await openNodeDevice()
    try {
      await mkdir(dirname(tableFile(fresh)), { recursive: true })
      await writeFile(tableFile(fresh), '{"subject": "another device"')
      const lines: string[] = []
      expect(tuningOf(fresh, l => void lines.push(l)).size).toBe(0)
      expect(lines.join()).toMatch(/is not used/)
      const plain: Schedule = { family: 'scatter', threads: 8 }
      await remember(fresh, new Map([['scatter', plain]]))
      expect(JSON.parse(await readFile(tableFile(fresh), 'utf8')).schedules).toEqual({ scatter: plain })
      process.env.JOLA_TUNE = '0'
      expect(tuningOf(other).size).toBe(0)
      await remember(other, new Map([['other', plain]]))
      expect(tuningOf(other).get('other')).toEqual(plain)
      expect(JSON.parse(await readFile(tableFile(fresh), 'utf8')).schedules).toEqual({ scatter: plain })
    } finally {
      fresh.close()
      other.close()
    }
  })

  it("another device's table is not used", async () => {
    process.env.XDG_CACHE_HOME = await temporaryDirectory()
    delete process.env.JOLA_TUNE
    const fresh = await openNodeDevice()
    try {
      await mkdir(dirname(tableFile(fresh)), { recursive: true })
      const schedules = { scatter: { family: 'scatter', threads: 8 } }
      await writeFile(tableFile(fresh), JSON.stringify({ subject: 'another device', schedules }))
      const lines: string[] = []
      expect(tuningOf(fresh, l => void lines.push(l)).size).toBe(0)
      expect(lines.join()).toMatch(/is not used/)
    } finally {
      fresh.close()
    }
  })

  it('adds to what another process has written meanwhile', async () => {
    process.env.XDG_CACHE_HOME = await temporaryDirectory()
    delete process.env.JOLA_TUNE
    const [one, two] = [await openNodeDevice(), await openNodeDevice()]
    try {
      const schedule = (threads: number): Schedule => ({ family: 'scatter', threads })
      expect([tuningOf(one).size, tuningOf(two).size]).toEqual([0, 0])
      await remember(one, new Map([['a', schedule(8)]]))
      await remember(two, new Map([['b', schedule(16)]]))
      const { schedules } = JSON.parse(await readFile(tableFile(one), 'utf8'))
      expect(schedules).toEqual({ a: schedule(8), b: schedule(16) })
      // What is found last counts.
      await remember(one, new Map([['b', schedule(32)]]))
      const later = JSON.parse(await readFile(tableFile(one), 'utf8')).schedules
      expect(later).toEqual({ a: schedule(8), b: schedule(32) })
    } finally {
      one.close()
      two.close()
    }
  })

  it('goes on where the cache directory can not be written, and says so once', async () => {
    const file = join(await temporaryDirectory(), 'file')
    await writeFile(file, '')
    process.env.XDG_CACHE_HOME = file
    delete process.env.JOLA_TUNE
    const fresh = await openNodeDevice()
    try {
      const lines: string[] = []
      const names = ['a', 'b']
      for (const name of names)
        await remember(fresh, new Map([[name, { family: 'scatter', threads: 8 }]]), l => void lines.push(l))
      expect([...tuningOf(fresh).keys()]).toEqual(names)
      expect(lines.length).toBe(1)
      expect(lines[0]).toMatch(/file.* can't be written/)
    } finally {
      fresh.close()
    }
  })

  it('is not what tests are run with', () => {
    expect(before.JOLA_TUNE).toBe('0')
  })

  it('has no time unless it is given some, and none where CI is set', () => {
    delete process.env.CI
    delete process.env.JOLA_TUNE
    expect(usualBudget()).toBe(0)
    process.env.JOLA_TUNE = '60'
    expect(usualBudget()).toBe(60)
    process.env.CI = 'true'
    expect(usualBudget()).toBe(0)
    for (const wrong of ['abc', '-1', '']) {
      process.env.JOLA_TUNE = wrong
      expect(usualBudget, wrong).toThrow(`JOLA_TUNE is \`${wrong}\``)
    }
  })
})
