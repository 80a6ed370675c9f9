import { readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { warningsIn } from '../../compiler/check/warnings.js'
import { type Diagnostic, severityOf } from '../../compiler/diagnostics/diagnostic.js'
import { compatibleFixes, editedText, type Fix, sureFix } from '../../compiler/diagnostics/fix.js'
import { diagnosticToJson } from '../../compiler/diagnostics/render.js'
import { ProgramError } from '../errors/program-error.js'
import { UserError } from '../errors/user-error.js'
import { fileError } from '../files/file-error.js'
import { loadProgram, sourceNamed } from './load-program.js'

/** Texts by absolute path that stand for files: standard input, or edits that are not saved yet. */
export type Texts = ReadonlyMap<string, string>

const isFolder = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch {
    // What is missing is reported where it is read.
    return false
  }
}

const programsIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(entry => !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap(entry => {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) return programsIn(path)
        return entry.isFile() && entry.name.endsWith('.jola') ? [path] : []
      })
  } catch (error) {
    throw fileError('read the folder', folder, error)
  }
}

/**
 * Files as given, and for each folder the programs in it and in the folders below, hidden ones apart. Throws
 * a `UserError` where a folder holds none.
 */
export const programFiles = (paths: readonly string[]): readonly string[] => [
  ...new Set(
    paths.flatMap(path => {
      if (!isFolder(path)) return [path]
      const found = programsIn(path)
      if (found.length > 0) return found
      throw new UserError({
        what: 'the folder holds no program',
        where: path,
        why: 'neither it nor a folder below has a file that ends in .jola',
        hint: 'name a folder with programs, or a .jola file',
      })
    }),
  ),
]

const errorsIn = (files: readonly string[], texts: Texts): readonly Diagnostic[] => {
  try {
    loadProgram(files, { texts })
    return []
  } catch (error) {
    if (error instanceof ProgramError) return error.diagnostics
    throw error
  }
}

/**
 * The errors of files and of what they import, and the warnings of the files, each once. Files of one folder
 * are one program: modules are named from their folder. Throws a `UserError` if a file can't be read.
 */
export const checkFiles = (files: readonly string[], texts: Texts = new Map()): readonly Diagnostic[] => {
  const folders = new Map<string, readonly string[]>()
  for (const file of files) {
    const folder = dirname(resolve(file))
    folders.set(folder, [...(folders.get(folder) ?? []), file])
  }
  const errors = [...folders.values()].flatMap(inFolder => errorsIn(inFolder, texts))
  const wrong = new Set(errors.flatMap(d => d.labels.map(l => l.span.source.name)))
  const warnings = files
    .map(file => sourceNamed(file, texts))
    .filter(source => !wrong.has(source.name))
    .flatMap(warningsIn)
  const different = new Map([...errors, ...warnings].map(d => [JSON.stringify(diagnosticToJson(d)), d]))
  return [...different.values()]
}

/** What fixing came to. */
export interface Fixed {
  /** The new texts of the files that change, by absolute path. */
  readonly texts: Texts
  /** The fixes, in the order in which they were made, each with the diagnostic that it answers. */
  readonly made: readonly { readonly fix: Fix; readonly diagnostic: Diagnostic }[]
  /** What is left to say about the new texts. */
  readonly left: readonly Diagnostic[]
}

/** A fix may show another mistake behind the one that it corrects; more rounds than this are no fixing. */
const mostRounds = 10

const errorCount = (diagnostics: readonly Diagnostic[]): number =>
  diagnostics.filter(d => severityOf(d) === 'error').length

/**
 * Makes the sure fix of every diagnostic of the files that has exactly one, and again of what is found then,
 * as long as there are no more errors than before. Nothing is written, and files that were not given are
 * never changed.
 */
export const fixFiles = (files: readonly string[], given: Texts = new Map()): Fixed => {
  const own = new Map(files.map(file => [sourceNamed(file, given).name, resolve(file)]))
  let texts = given
  let left = checkFiles(files, texts)
  const made: { fix: Fix; diagnostic: Diagnostic }[] = []
  for (let round = 0; round < mostRounds; round++) {
    const candidates = left.flatMap(diagnostic => {
      const fix = sureFix(diagnostic)
      const inside = fix?.edits.every(edit => own.has(edit.span.source.name)) ?? false
      return fix !== undefined && inside ? [{ fix, diagnostic }] : []
    })
    const chosen = compatibleFixes(candidates.map(c => c.fix))
    if (chosen.length === 0) break
    const edits = chosen.flatMap(fix => fix.edits)
    const sources = new Map(edits.map(edit => [edit.span.source.name, edit.span.source]))
    const next = new Map(texts)
    for (const [name, source] of sources) next.set(own.get(name)!, editedText(source, edits))
    const after = checkFiles(files, next)
    if (errorCount(after) > errorCount(left)) break
    texts = next
    left = after
    made.push(...candidates.filter(c => chosen.includes(c.fix)))
  }
  return { texts: new Map([...texts].filter(([path, text]) => given.get(path) !== text)), made, left }
}
