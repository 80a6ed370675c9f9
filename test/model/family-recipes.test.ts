import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'
import { loadProgram } from '../../src/folders/load-program.js'
import { familyModules } from '../../src/folders/model-program.js'
import { familyFixture, writeFamily } from '../support/families.js'
import { interpretedRecipe } from '../support/recipe-on-interpreter.js'
import { temporaryDirectory } from '../support/temporary.js'

/** A fixture of each module of `std.models`, with much of what the module can be told. */
const fixtures = [
  'qwen3-biases',
  'gpt2-by-layer',
  'gpt-neox',
  'phi3-partial',
  'olmo2-biases',
  'gemma2-capped',
]

const recipes = readdirSync(join(stdlibFolder, 'recipes')).map(
  f => `std.recipes.${f.slice(0, -'.jola'.length)}`,
)

describe('every recipe', () => {
  it.each([...new Set(familyModules().values())])('is a program with %s', module => {
    expect(loadProgram(recipes, { model: module }).modules).toEqual(recipes)
  })
})

describe.each(fixtures)('on %s', name => {
  it.each([
    ['std.recipes.jola', ['learning_rate=0.05', 'warmup=1']],
    ['std.recipes.lora', ['learning_rate=0.05', 'warmup=1', 'gate=true', 'up=true', 'down=true', 'o=true']],
    ['std.recipes.bitfit', ['learning_rate=0.05', 'warmup=1']],
    ['std.recipes.finetune', ['learning_rate=0.01', 'warmup=1']],
  ] as const)('%s trains', async (file, set) => {
    const directory = join(await temporaryDirectory(), name)
    await writeFamily(familyFixture(name), directory)
    const recipe = await interpretedRecipe(file, directory, set)
    let state = recipe.init()
    const losses: number[] = []
    for (let n = 0; n < 3; n++) {
      const { state: next, shown } = recipe.step(state, n)
      losses.push(shown.get('loss')![0]!)
      for (const [key, numbers] of next)
        expect(Array.from(numbers).every(Number.isFinite) || key === 'last_loss', key).toBe(true)
      state = next
    }
    expect(losses.every(Number.isFinite), `${losses}`).toBe(true)
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
  })
})
