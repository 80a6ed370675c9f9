import type { Command } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js'
import { format } from '../../compiler/format/format.js'
import { UserError } from '../errors/user-error.js'
import { writeAtomic } from '../files/atomic.js'
import { byteLimits, readTextFileNow } from '../files/text-file.js'
import { programFiles } from '../folders/check-files.js'
import { sourceNamed } from '../folders/load-program.js'
import { count, examples, print, Reported, remark, renderDiagnostics, renderingFor } from './shared.js'

interface FmtOptions {
  readonly check?: true
}

/** Standard input, laid out, on standard output. */
const formatInput = (check: boolean): void => {
  const text = readTextFileNow('/dev/stdin', byteLimits.program, 'read standard input')
  const result = format({ name: 'standard input', text })
  if (E.isLeft(result)) {
    remark(renderDiagnostics(result.left, renderingFor(process.stderr)))
    throw new Reported(1)
  }
  if (!check) process.stdout.write(result.right)
  else if (result.right !== text) {
    print('standard input would change')
    throw new Reported(1)
  }
}

const formatFiles = async (files: readonly string[], check: boolean): Promise<void> => {
  const wrong: Diagnostic[] = []
  let changed = 0
  for (const file of files) {
    const source = sourceNamed(file)
    const result = format(source)
    if (E.isLeft(result)) wrong.push(...result.left)
    else if (result.right !== source.text) {
      changed += 1
      if (!check) await writeAtomic(file, [result.right])
      print(source.name)
    }
  }
  if (wrong.length > 0) remark(renderDiagnostics(wrong, renderingFor(process.stderr)))
  const said = check ? 'would change' : 'changed'
  remark(`${count(files.length, 'file')}: ${changed === 0 ? `none ${said}` : `${changed} ${said}`}`)
  if (wrong.length > 0 || (check && changed > 0)) throw new Reported(1)
}

/** Adds `jola fmt`. */
export const registerFmtCommand = (program: Command): void => {
  program
    .command('fmt')
    .argument('[path...]', '.jola files, folders of them (by default this one), or - for standard input')
    .option('--check', 'change nothing; print the files that would change, and exit with 1 if there are some')
    .addHelpText('after', examples(['fmt', 'fmt --check stdlib my.jola', 'fmt - < my.jola']))
    .action(async (paths: readonly string[], options: FmtOptions) => {
      const check = options.check === true
      if (!paths.includes('-')) {
        return formatFiles(programFiles(paths.length > 0 ? paths : ['.']), check)
      }
      if (paths.length > 1)
        throw new UserError({ what: '- stands alone', why: 'it is standard input', exitCode: 2 })
      formatInput(check)
    })
}
