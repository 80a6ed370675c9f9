import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Either from 'fp-ts/lib/Either.js'
import { checkProgram } from '../../compiler/check/check.js'
import type { Program } from '../../compiler/core/core.js'
import { renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { stdlibFolder } from '../../src/program.js'

/** A program from its text, which may import the standard library. Its errors fail the test. */
export const programOf = (text: string): Program => {
  const checked = checkProgram(['main'], name => {
    if (name === 'main') return { name: 'main.jola', text }
    const path = name.split('.')
    if (path[0] !== 'std') return undefined
    return { name, text: readFileSync(join(stdlibFolder, `${path.slice(1).join('/')}.jola`), 'utf8') }
  })
  if (Either.isRight(checked)) return checked.right
  throw new Error(checked.left.map(d => renderDiagnostic(d, { colour: false })).join('\n'))
}
