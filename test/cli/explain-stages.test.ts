import { describe, expect, it } from 'vitest'
import { printCoreFunction } from '../../compiler/core/print-core.js'
import { stageNames } from '../../src/cli/explain-stages.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { f32, jola, jolaJson, tensorsFile } from './support.js'

const softmax = ['explain', 'examples/journey/softmax.jola', '--fn', 'expected', '--device', 'any'] as const
const sized = [...softmax, '--size', 'N=4'] as const

describe('jola explain MODULE', () => {
  it('prints what the module declares, without bodies, imports and tests', async () => {
    const { code, out } = await jola('explain', 'std.optim')
    expect(code).toBe(0)
    expect(out).toContain('/// √Σ g² over every element of every tensor.\nfn norm(grads: P) -> f32\n')
    expect(out).not.toMatch(/\btest\b|\bimport\b|sqrt/)
    const recipe = await jola('explain', 'std.recipes.red')
    expect(recipe.out).toContain('  setting clip = 1')
    expect(recipe.out).toContain('  validate(s, batch)\n')
  })

  it('refuses what there is not', async () => {
    const { code, err } = await jola('explain', 'std.nothing')
    expect([code, err]).toEqual([1, expect.stringContaining('cannot read the program')])
  })
})

describe('the example of a method', () => {
  it('passes its own tests', async () => {
    const { code, out } = await jola('test', 'examples/methods/ia3.jola', '--device', 'interpreter')
    expect([code, out]).toEqual([0, expect.stringContaining('2 passed, 0 failed')])
  })
})

describe('jola explain --stage', () => {
  it('refuses a stage that there is not, with the list of stages', async () => {
    const { code, err } = await jola(...sized, '--stage', 'fused')
    expect(code).toBe(2)
    for (const stage of stageNames) expect(err).toContain(stage)
  })

  it('refuses a derivative by nothing', async () => {
    const { code, err } = await jola(...sized, '--stage', 'derivative')
    expect(code).toBe(2)
    expect(err).toContain('--wrt')
  })

  it.each([
    [['--lines', '3'], '--lines means nothing here'],
    [['--in', 'x.safetensors'], '--in means nothing here'],
    [['--stage', 'graph', '--in', 'x.safetensors'], '--in means nothing here'],
    [['--stage', 'wgsl', '--wgsl'], '--wgsl means nothing here'],
  ])('refuses options that it would not look at: %j', async (options, message) => {
    const { code, err } = await jola(...sized, ...options)
    expect(code).toBe(2)
    expect(err).toContain(message)
  })

  it('needs no sizes before the graph, and says which it needs from there on', async () => {
    expect((await jola(...softmax, '--stage', 'core')).code).toBe(0)
    const { code, err } = await jola(...softmax, '--stage', 'graph')
    expect(code).toBe(1)
    expect(err).toContain('--size N=')
  })

  it('cuts a listing, and says how much is missing', async () => {
    const { out: whole } = await jola(...sized, '--stage', 'wgsl')
    const { out } = await jola(...sized, '--stage', 'wgsl', '--lines', '5')
    const lines = whole.trimEnd().split('\n')
    expect(out).toBe(`${lines.slice(0, 5).join('\n')}\n… ${lines.length - 5} more lines\n`)
    expect((await jola(...sized, '--stage', 'wgsl', '--lines', '999')).out).toBe(whole)
  })

  it('computes numbers from inputs that are given', async () => {
    const file = await tensorsFile({ x: f32([2], 0, 0), value: f32([2], 1, 4) })
    const { json, code } = await jolaJson(...softmax, '--stage', 'numbers', '--in', file, '--json')
    expect(code).toBe(0)
    expect(json).toMatchObject({
      stage: 'numbers',
      data: { results: [{ outputs: { result: { data: [2.5] } } }] },
    })
  })

  it('gives stages as data, or as text where there is none', async () => {
    const { json: tokens } = await jolaJson(...softmax, '--stage', 'tokens', '--json')
    expect(tokens).toHaveProperty('data.0', { kind: 'Keyword_fn', text: 'fn', line: 12, column: 1 })
    const { json: core } = await jolaJson(...softmax, '--stage', 'core', '--json')
    expect(core).toMatchObject({ stage: 'core', function: 'expected' })
    expect(core).toHaveProperty('text')
    const { json: tree } = await jolaJson(...softmax, '--stage', 'tree', '--json')
    expect(tree).toMatchObject({ data: { kind: 'fn', name: { text: 'expected' } } })
  })
})

it('prints every function of the standard library as typed core', () => {
  const { program } = loadProgram(['std.recipes.jola', 'std.recipes.pretrain'])
  const texts = [...program.fns.values()].map(printCoreFunction)
  expect(texts.length).toBeGreaterThan(40)
  for (const text of texts) expect(text).not.toMatch(/undefined|\[object|#undefined/)
})
