import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Either from 'fp-ts/lib/Either.js'
import { checkProgram } from '../../compiler/check/check.js'
import { CheckedModules } from '../../compiler/check/checked-modules.js'
import type { Program } from '../../compiler/core/core.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import type { Source } from '../../compiler/diagnostics/source.js'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'

/** The standard library is checked once for a file of tests. */
const before = new CheckedModules()

/**
 * A program from its text, which may import the standard library. Its errors fail the test. `model` is what
 * `std.model` stands for, if not the Llama family.
 */
export const programOf = (text: string, model?: string): Program => {
  const load = (name: string): Source | undefined => {
    if (name === 'main') return { name: 'main.jola', text }
    const path = name.split('.')
    if (path[0] !== 'std') return undefined
    return { name, text: readFileSync(join(stdlibFolder, `${path.slice(1).join('/')}.jola`), 'utf8') }
  }
  const checked = checkProgram(['main'], load, model === undefined ? { before } : { model })
  if (Either.isRight(checked)) return checked.right
  throw new Error(checked.left.map(d => renderDiagnostic(d, { colour: false })).join('\n'))
}
