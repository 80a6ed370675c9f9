import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { withDevice } from '../support/device.js'
import { temporaryDirectory } from '../support/temporary.js'
import { f32, folderWith, i32, jola, jolaJson, programText, sharedFolder, tensorsFile } from './support.js'

const model = 'examples/quickstart/model'
const data = 'examples/quickstart/task'
const folder = await sharedFolder({ 'small.jola': programText, 'text.safetensors': 'Once upon a time\n' })
const small = join(folder, 'small.jola')

it('jola run calls its inputs inputs, and tells text from a damaged file', async () => {
  const run = (...args: readonly string[]) =>
    jola('run', small, '--fn', 'outer', '--device', 'interpreter', '--in', ...args)
  expect((await run(join(folder, 'nope.safetensors'))).err).toContain('cannot open the inputs file')
  expect((await run(folder)).err).toContain('the inputs are no file')
  expect((await run(join(folder, 'text.safetensors'))).err).toMatch(
    /it is no safetensors file\n.*\n.*"Once upo"/,
  )
})

it('jola grad gives the source as JSON, and what has no gradient is 1: the program is wrong', async () => {
  const { code, json } = await jolaJson('grad', small, '--fn', 'bent', '--wrt', 'x', '--json')
  expect({ code, json }).toEqual({ code: 0, json: { source: expect.stringContaining('fn ') as string } })
  const whole = 'fn whole(x: f32[N]) -> i32[N] = for i -> i32(x[i])'
  const file = join(await folderWith({ 'whole.jola': whole }), 'whole.jola')
  expect(await jola('grad', file, '--fn', 'whole', '--wrt', 'x')).toMatchObject({ code: 1, out: '' })
  expect(await jola('grad', small, '--fn', 'bent', '--wrt', 'y')).toMatchObject({ code: 2, out: '' })
})

it('jola test says where it ran', async () => {
  const { err } = await jola('test', '--device', 'interpreter', 'stdlib/gates.jola')
  expect(err).toContain('on interpreter (float64)')
})

it('jola run counts the tensors that do not fit a model', async () => {
  const wrong = dirname(await tensorsFile({ 'lm_head.weight': f32([2], 1, 2) }))
  await copyFile(join(wrong, 'x.safetensors'), join(wrong, 'model.safetensors'))
  await copyFile(join(model, 'config.json'), join(wrong, 'config.json'))
  const tokens = await tensorsFile({ tokens: i32([2], 1, 2) })
  const llama = ['run', 'stdlib/models/llama.jola', '--fn', 'logits', '--model', wrong, '--in', tokens]
  const { code, err } = await jola(...llama)
  expect(code).toBe(1)
  expect(err).toMatch(/why: {3}\d+ tensors have other shapes or are missing:\n +- /)
})

it('jola knows the formats of weights', async () => {
  for (const command of [
    ['train', 'x.jola'],
    ['eval'],
    ['generate'],
    ['run', small, '--fn', 'outer'],
    ['bench'],
  ]) {
    const { code, err } = await jola(...command, '--weights', 'int4')
    expect(code, command.join(' ')).toBe(2)
    expect(err).toContain('Allowed choices are auto, f32, f16, bf16, q8')
  }
})

it('jola train refuses one seed twice, before it trains', async () => {
  const { code, err } = await jola('train', 'x.jola', '--seeds', '0,1,0')
  expect(code).toBe(2)
  expect(err).toContain('It names the seed 0 twice.')
})

it('jola report refuses a page that can not be written, before it scores', async () => {
  const { code, err } = await jola('report', folder, '--out', join(folder, 'nowhere', 'x.html'))
  expect(code).toBe(1)
  expect(err).toContain(`the folder ${join(folder, 'nowhere')} does not exist`)
})

it('jola says of a file where a run is named that a run is a folder', async () => {
  for (const command of [
    ['eval', small, '--data', data],
    ['generate', small, '--prompt', 'x'],
    ['report', small],
  ]) {
    const { code, err } = await jola(...command)
    expect(code, command.join(' ')).toBe(1)
    expect(err).toContain('a run is a folder, and this is a file')
  }
})

withDevice('jola train refuses', () => {
  const train = async (more: Readonly<Record<string, string>>, ...flags: readonly string[]) => {
    const options = { model, data, out: join(await temporaryDirectory(), 'run'), ...more }
    const args = Object.entries(options).flatMap(([k, v]) => [`--${k}`, v])
    const { code, err } = await jola('train', 'stdlib/recipes/jola.jola', ...args, ...flags)
    expect(code).toBe(1)
    return err
  }

  it('to go on with a run that is not there', async () => {
    expect(await train({}, '--resume')).toContain('there is no run to go on with')
    expect(await train({}, '--resume', '--seeds', '0,1')).toContain('there is no run to go on with')
  })

  it('files in the place of folders, naming the folders', async () => {
    expect(await train({ out: small })).toContain('it is a file, not a directory')
    expect(await train({ data: join(data, 'train.jsonl') })).toContain(`the folder that holds it: ${data}`)
    expect(await train({ model: join(model, 'model.safetensors') })).toContain(
      `the folder that holds it: ${model}`,
    )
  })

  it('a configuration that lacks what the sizes come from, naming it', async () => {
    const { hidden_size: _, ...rest } = JSON.parse(
      await readFile(join(model, 'config.json'), 'utf8'),
    ) as Record<string, unknown>
    const own = await folderWith({ 'config.json': JSON.stringify(rest) })
    for (const name of ['model.safetensors', 'tokenizer.json', 'tokenizer_config.json'])
      await copyFile(join(model, name), join(own, name))
    expect(await train({ model: own })).toContain(`${join(own, 'config.json')} has no "hidden_size"`)
  })

  it('a setting that there is not, and asks which was meant', async () => {
    const options = ['--model', model, '--data', data, '--out', join(folder, 'run')]
    const { code, err } = await jola(
      'train',
      'stdlib/recipes/jola.jola',
      ...options,
      '--set',
      'lerning_rate=1',
    )
    expect(code).toBe(2)
    expect(err).toContain('did you mean learning_rate?')
  })

  it('a model that is not there', async () => {
    expect(await train({ model: join(folder, 'nowhere') })).toContain(
      'there is no folder or file of this name',
    )
  })

  it('a model without a tokenizer', async () => {
    const bare = await folderWith({})
    await mkdir(join(bare, 'm'))
    for (const name of ['config.json', 'model.safetensors'])
      await copyFile(join(model, name), join(bare, 'm', name))
    expect(await train({ model: join(bare, 'm') })).toContain('the model has no tokenizer.json')
  })

  it('examples longer than the setting context, by its name', async () => {
    const err = await train({ set: 'context=5' })
    expect(err).toContain('the setting context is 5')
    expect(err).toContain('--drop-long')
  })

  it('a size that nothing tells, without an option that it does not have', async () => {
    const recipe = `import std.models.llama
size Z
recipe Unknown(model: llama.Model) {
  setting epochs = 1
  setting batch = 2
  state { x: f32[Z] }
  init(key) = { x: for z -> 1.0 }
  step(s, batch, key, at) = ({ x: s.x }, { loss: 1.0 })
  validate(s, batch) = 1.0
  predict(s, tokens) = llama.logits(model, tokens)
}
`
    const own = await folderWith({ 'unknown.jola': recipe })
    const args = ['--model', model, '--data', data, '--out', join(own, 'run')]
    const { err } = await jola('train', join(own, 'unknown.jola'), ...args)
    expect(err).toContain('a size is unknown')
    expect(err).toContain('config.json')
    expect(err).not.toContain('--size')
  })
})
