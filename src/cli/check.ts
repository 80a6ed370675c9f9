import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js'
import { diagnosticToJson } from '../../compiler/diagnostics/render.js'
import { loadProgram, ProgramError } from '../folders/load-program.js'
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

const diagnosticsIn = (files: readonly string[]): readonly Diagnostic[] => {
  try {
    loadProgram(files)
    return []
  } catch (error) {
    if (error instanceof ProgramError) return error.diagnostics
    throw error
  }
}

/**
 * Every diagnostic of the files and what they import, once, sorted by place. Files of one folder are one
 * program: modules are named from their folder. Throws a `UserError` if a file can't be read.
 */
const diagnosticsOf = (files: readonly string[]): readonly Diagnostic[] => {
  const folders = new Map<string, readonly string[]>()
  for (const file of files) {
    const folder = dirname(resolve(file))
    folders.set(folder, [...(folders.get(folder) ?? []), file])
  }
  const found = [...folders.values()].flatMap(diagnosticsIn)
  const different = new Map(found.map(d => [JSON.stringify(diagnosticToJson(d)), d]))
  return byPlace([...different.values()])
}

/** Adds `jola check`. */
export const registerCheckCommand = (program: Command): void => {
  program
    .command('check')
    .description('check programs and everything that they import; print all errors at once')
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
