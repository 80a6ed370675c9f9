import { readFileSync } from 'node:fs'
import type * as Either from 'fp-ts/lib/Either.js'
import { checkProgram } from '../../compiler/check/check.js'
import type { Program } from '../../compiler/core/core.js'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js'
import { specialiseTest } from '../../compiler/specialise/specialise.js'
import { judge, placeOfSpan } from '../../src/cli/expectation.js'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'
import { interpreterEngine } from '../../src/host/open-engine.js'

/** A fenced block of a page of documentation. */
export interface Example {
  /** The words after the three backticks. */
  readonly info: readonly string[]
  readonly line: number
  readonly heading: string
  readonly text: string
}

export const pageText = (page: string): string =>
  readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')

/** Every fenced block of a page in `docs/`. */
export const examplesIn = (page: string): readonly Example[] => {
  const lines = pageText(page).split('\n')
  const out: Example[] = []
  let heading = ''
  let open: { readonly info: readonly string[]; readonly line: number } | undefined
  lines.forEach((line, i) => {
    if (open === undefined && line.startsWith('#')) heading = line.replace(/^#+ /, '')
    if (!line.startsWith('```')) return
    if (open === undefined) open = { info: line.slice(3).trim().split(/\s+/), line: i + 1 }
    else {
      out.push({ ...open, heading, text: `${lines.slice(open.line, i).join('\n')}\n` })
      open = undefined
    }
  })
  return out
}

/** A block whose first line names its file, `jola shapes.jola`, can be imported by the others of its page. */
const fileOf = (e: Example): string | undefined => e.info.find(word => word.endsWith('.jola'))

const standard = (name: string): string =>
  readFileSync(`${stdlibFolder}/${name.split('.').slice(1).join('/')}.jola`, 'utf8')

/** Checks a block as a module of its own. */
export const checkExample = (
  example: Example,
  page: readonly Example[],
): Either.Either<readonly Diagnostic[], Program> =>
  checkProgram(['example'], name => {
    if (name === 'example') return { name, text: example.text }
    if (name.startsWith('std.')) return { name, text: standard(name) }
    const text = page.find(e => fileOf(e) === `${name}.jola`)?.text
    return text === undefined ? undefined : { name, text }
  })

/** Runs the `test` blocks of a checked module in float64; gives what failed, in words. */
export const failuresOf = async (program: Program): Promise<readonly string[]> => {
  const out: string[] = []
  for (const test of program.tests) {
    const outputs = await interpreterEngine.run(specialiseTest(program, test), new Map())
    test.expectations.forEach((x, i) => {
      const wrong = judge(i, x, outputs)
      if (wrong !== undefined) out.push(`${placeOfSpan(x.span)} ${test.title}: ${wrong}`)
    })
  }
  return out
}
