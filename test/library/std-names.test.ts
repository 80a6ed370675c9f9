import { expect, it } from 'vitest'
import { stdNames } from '../../compiler/names/std-modules.js'
import { programOf } from '../support/program.js'

it('the names that messages offer to import are there', () => {
  for (const [name, module] of stdNames)
    expect(() => programOf(`import ${module} (${name})`), `${module}.${name}`).not.toThrow()
})
