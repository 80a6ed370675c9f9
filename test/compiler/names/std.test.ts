import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { importHint, stdHint, stdModules } from '../../../compiler/names/std-modules.js'

test('the modules suggested are those of the standard library', () => {
  const files = readdirSync(new URL('../../../stdlib', import.meta.url), {
    recursive: true,
    encoding: 'utf8',
  })
  const modules = files
    .filter(file => file.endsWith('.jola'))
    .map(file => `std.${file.slice(0, -'.jola'.length).replaceAll(/[\\/]/g, '.')}`)
  expect(stdModules).toEqual(modules.sort())
})

test('a qualifier that is not imported names its module', () => {
  expect(importHint('nn')).toBe('add `import std.nn`')
  expect(importHint('jola')).toBe('add `import std.edits.jola` or `import std.recipes.jola`')
  expect(importHint('x')).toBeUndefined()
})

test('a misspelt module has a nearest one', () => {
  expect(stdHint('std.n')).toBe('did you mean `std.nn`?')
  expect(stdHint('std.llama')).toBe('did you mean `std.models.llama`?')
  expect(stdHint('std.models.lama')).toBe('did you mean `std.models.llama`?')
  expect(stdHint('std.plot')).toContain('`std.nn`')
})
