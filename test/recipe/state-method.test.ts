import { expect, it } from 'vitest'
import { loadProgram } from '../../src/folders/load-program.js'
import { findRecipe } from '../../src/recipe/find-recipe.js'
import { settingsOf } from '../../src/recipe/settings.js'
import { evaluateOnState } from '../../src/recipe/state-method.js'
import { gatesOf } from '../../src/report/gates.js'

const sizes = new Map(Object.entries({ L: 2, H: 3, D: 4, E: 8, V: 9, F: 5, K: 3, G: 1, R: 2, Pairs: 4 }))

const sourceOf = (set: readonly string[], held: readonly string[]) => {
  const { program, modules } = loadProgram(['std.recipes.ablations'])
  const recipe = findRecipe(program, modules[0]!, undefined)
  return {
    program,
    recipe,
    sizes,
    settings: settingsOf(program, recipe, set),
    read: async (name: string): Promise<Float32Array> => {
      if (!held.includes(name)) throw new Error(`${name} is not there`)
      return Float32Array.from({ length: 2 * 3 }, (_, i) => (i < 3 ? 9 : -9))
    },
    holds: (name: string) => held.includes(name),
  }
}

const opened = [
  [1, 1, 1],
  [0, 0, 0],
]

it('the gates of a run that keeps one kind of edit are those of that kind', async () => {
  const offsets = sourceOf(['kinds=offset'], ['edits.offset', 'edits.offset_gate'])
  expect(await gatesOf(offsets)).toEqual({ scale: [], offset: opened })
  const scalings = sourceOf(['kinds=scale'], ['edits.scale', 'edits.scale_gate'])
  expect(await gatesOf(scalings)).toEqual({ scale: opened, offset: [] })
  const both = sourceOf([], ['edits.scale_gate', 'edits.offset_gate'])
  expect(await gatesOf(both)).toEqual({ scale: opened, offset: opened })
})

it('a run that keeps no gates has none', async () => {
  const none = sourceOf(['place=feed_forward'], ['edits.ff_scale', 'edits.ff_scale_gate'])
  expect(await gatesOf(none)).toBeUndefined()
  expect(await evaluateOnState(none, 'active')).toBeUndefined()
})
