import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import * as Either from 'fp-ts/lib/Either.js'
import { type CheckOptions, checkProgram } from '../../compiler/check/check.js'
import type { Program } from '../../compiler/core/core.js'
import type { Source } from '../../compiler/diagnostics/source.js'
import { DEFAULT_MODEL, MODEL_MODULE } from '../../compiler/names/modules.js'
import { lex } from '../../compiler/syntax/parse.js'
import { ProgramError } from '../errors/program-error.js'
import { UserError } from '../errors/user-error.js'
import { stdlibFolder } from '../files/stdlib-folder.js'
import { byteLimits, readTextFileNow } from '../files/text-file.js'

/**
 * A file as a module. Files of the standard library keep their module names; others are named relative to
 * their folder.
 */
const moduleOf = (file: string): { readonly name: string; readonly root: string } => {
  const full = resolve(file)
  const inside = relative(stdlibFolder, full)
  const stem = (path: string): string => path.replace(/\.jola$/, '')
  if (!inside.startsWith('..'))
    return { name: ['std', ...stem(inside).split(sep)].join('.'), root: stdlibFolder }
  return { name: stem(basename(full)), root: dirname(full) }
}

/** A module of the standard library may be named as it is imported: `std.recipes.jola`. */
const fileOf = (name: string): string =>
  /^std(\.\w+)+$/.test(name) ? join(stdlibFolder, `${name.split('.').slice(1).join('/')}.jola`) : name

/**
 * The name of a program that holds wherever it is opened: a module of the standard library by its name, else
 * its path.
 */
export const programName = (file: string): string => {
  const { name, root } = moduleOf(fileOf(file))
  return root === stdlibFolder ? name : resolve(file)
}

const readSource = (file: string, texts?: ReadonlyMap<string, string>): Source => ({
  name: relative(process.cwd(), file) || file,
  text: texts?.get(resolve(file)) ?? readTextFileNow(file, byteLimits.program, 'read the program'),
})

/** The program that `std.model` stands for: a file or a module, or the error where a program asks for it. */
export type ModelProgram = string | { readonly unknown: () => UserError }

/** Options of {@link loadProgram}. */
export interface LoadOptions extends Omit<CheckOptions, 'model'> {
  /** Without one, `std.model` stands for the Llama family. */
  readonly model?: ModelProgram | undefined
  /** Texts by absolute path, which are taken instead of what the files hold: edits that are not saved yet. */
  readonly texts?: ReadonlyMap<string, string> | undefined
}

/**
 * The source of a file, or of a module of the standard library by its name. Throws a `UserError` if it can't
 * be read.
 */
export const sourceNamed = (name: string, texts?: ReadonlyMap<string, string>): Source =>
  readSource(fileOf(name), texts)

/** A checked program and the names of the modules that were asked for. */
export interface LoadedProgram {
  readonly program: Program
  readonly modules: readonly string[]
  /**
   * SHA-256 of every source that was read, in the order of their names, without comments, blank lines and the
   * widths of spaces.
   */
  readonly hash: string
}

/** The tokens of a source, by lines, since a line break can change the meaning. */
const meant = (source: Source): string => {
  let line = 1
  let text = ''
  for (const { image, startLine = line, endLine = startLine } of lex(source).tokens) {
    text += (startLine > line ? '\n' : ' ') + image
    line = endLine
  }
  return text.trim()
}

/**
 * Reads and checks files of one folder, or of the standard library, with all that they import. Throws a
 * {@link ProgramError} with every diagnostic at once, or a `UserError` if a file can't be read. `before` is
 * what a caller who loads many programs keeps, so that what they share is checked once. `std.model` among the
 * files is the program that `model` says.
 */
export const loadProgram = (files: readonly string[], options: LoadOptions = {}): LoadedProgram => {
  const { model: chosen = DEFAULT_MODEL, texts } = options
  const modelFile = (): string => {
    if (typeof chosen === 'string') return chosen
    throw chosen.unknown()
  }
  const given = files.map(file => (file === MODEL_MODULE ? modelFile() : file))
  const all = typeof chosen === 'string' ? [...given, chosen] : given
  for (const file of all)
    if (existsSync(file) && statSync(file).isDirectory())
      throw new UserError({ what: 'a folder is not a program', where: file, hint: 'name a .jola file' })
  const known = all.map(fileOf).map(file => ({ file, ...moduleOf(file) }))
  const entries = known.slice(0, files.length)
  const model = known[files.length]?.name ?? MODEL_MODULE
  const roots = [...new Set(known.map(e => e.root))]
  const read = new Map<string, Source>()
  const load = (name: string): Source | undefined => {
    const source = find(name)
    if (source !== undefined) read.set(name, source)
    return source
  }
  const find = (name: string): Source | undefined => {
    if (name === MODEL_MODULE) modelFile()
    const asked = known.find(e => e.name === name)
    if (asked !== undefined) return readSource(asked.file, texts)
    const path = name.split('.')
    const file =
      path[0] === 'std'
        ? join(stdlibFolder, ...path.slice(1))
        : roots.map(root => join(root, ...path)).find(f => existsSync(`${f}.jola`))
    return file === undefined || !existsSync(`${file}.jola`) ? undefined : readSource(`${file}.jola`, texts)
  }
  const checked = checkProgram(
    entries.map(e => e.name),
    load,
    { ...options, model },
  )
  if (Either.isLeft(checked)) throw new ProgramError(checked.left)
  const hash = createHash('sha256')
  for (const [name, source] of [...read].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\n${meant(source)}\n`)
  return { program: checked.right, modules: entries.map(e => e.name), hash: hash.digest('hex') }
}
