import type { Command } from 'commander'
import type { Diagnostic } from '../../compiler/diagnostic.js'
import { diagnosticToJson } from '../../compiler/render.js'
import { loadProgram, ProgramError } from '../program.js'
import {
  byPlace,
  count,
  examples,
  print,
  printJson,
  Reported,
  renderDiagnostics,
  wantsColour,
} from './shared.js'

/** Every diagnostic of the files and what they import, sorted by place. Throws a `UserError` if a file can't be read. */
export const diagnosticsOf = (files: readonly string[]): readonly Diagnostic[] => {
  try {
    loadProgram(files)
    return []
  } catch (error) {
    if (error instanceof ProgramError) return byPlace(error.diagnostics)
    throw error
  }
}

/** Adds `jola check`. */
export const register = (program: Command): void => {
  program
    .command('check')
    .description('check programs and all they import: every error at once')
    .argument('<file...>', '.jola files')
    .option('--json', 'print the diagnostics as a JSON array')
    .addHelpText('after', examples(['check my.jola', 'check --json a.jola b.jola']))
    .action((files: readonly string[], options: { readonly json?: true }) => {
      const diagnostics = diagnosticsOf(files)
      if (options.json) printJson(diagnostics.map(diagnosticToJson))
      else if (diagnostics.length > 0) print(renderDiagnostics(diagnostics, wantsColour(process.stdout)))
      else print(`${count(files.length, 'file')} checked: no errors`)
      if (diagnostics.length > 0) throw new Reported(1)
    })
}
