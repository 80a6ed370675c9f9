import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Either from 'fp-ts/lib/Either.js'
import { checkProgram } from '../../compiler/check/check.js'
import { CheckedModules } from '../../compiler/check/checked-modules.js'
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js'
import { editedText, type Fix } from '../../compiler/diagnostics/fix.js'
import { positionOf } from '../../compiler/diagnostics/source.js'
import { stdlibFolder } from '../../src/files/stdlib-folder.js'

/** A wrong program, and what its author says about it in its first comments. */
export interface WrongProgram {
  readonly name: string
  readonly text: string
  /** The line that must change, from 1, and what becomes of it. */
  readonly line: number
  readonly becomes: string
  /** A line that the correction adds before the first declaration. */
  readonly added: string | undefined
  /** Lines that the message must show besides. */
  readonly shows: readonly number[]
}

const field = (text: string, pattern: RegExp): readonly string[] => pattern.exec(text)?.slice(1) ?? []

export const wrongProgram = (name: string, text: string): WrongProgram => {
  const [line = '', becomes = ''] = field(text, /^\/\/ Line (\d+) becomes: (.*)$/m)
  const [added] = field(text, /^\/\/ Added: (.*)$/m)
  const [shows = ''] = field(text, /^\/\/ Shows: (.*)$/m)
  return {
    name,
    text,
    line: Number(line),
    becomes,
    added,
    shows: [...shows.matchAll(/\d+/g)].map(m => Number(m[0])),
  }
}

/** The program as its author would correct it. */
export const corrected = ({ text, line, becomes, added }: WrongProgram): string => {
  const lines = text.split('\n')
  lines[line - 1] = becomes
  if (added !== undefined)
    lines.splice(
      lines.findIndex(l => !l.startsWith('//')),
      0,
      added,
    )
  return lines.join('\n')
}

const before = new CheckedModules()

/** The errors of a text that may import the standard library. */
export const errorsOf = (name: string, text: string): readonly Diagnostic[] => {
  const checked = checkProgram(
    [name],
    module => {
      if (module === name) return { name: `${name}.jola`, text }
      const path = module.split('.')
      if (path[0] !== 'std') return undefined
      try {
        const file = join(stdlibFolder, `${path.slice(1).join('/')}.jola`)
        return { name: module, text: readFileSync(file, 'utf8') }
      } catch {
        return undefined
      }
    },
    { before },
  )
  return Either.isLeft(checked) ? checked.left : []
}

/** How good the messages about a program are. */
export interface Grade {
  /** The first place of the first message is on the line that must change. */
  readonly line: boolean
  /** All other lines that matter are shown. */
  readonly origins: boolean
  /** A fix is the author's correction, or the hint spells it. */
  readonly edit: boolean
  /** A fix, that is, not only a hint. */
  readonly fixed: boolean
  /** There is one message only. */
  readonly single: boolean
  /** Fixes that were called sure and leave errors. */
  readonly misleading: readonly string[]
}

/** A program without comments, and without regard to spaces and the names of bound indices. */
const plain = (text: string): string => {
  const code = text
    .split('\n')
    .filter(l => !l.startsWith('//'))
    .join(' ')
  const names = new Map<string, string>()
  for (const binders of code.matchAll(/\b(?:for|sum|mean|max|min|all|argmax) ([a-z, ]+?)(?::| ->)/g))
    for (const name of binders[1]!.split(/,\s*/)) names.set(name, names.get(name) ?? `index${names.size}`)
  return code.replace(/\b[a-z]\b/g, name => names.get(name) ?? name).replace(/\s+/g, '')
}

const applied = (program: WrongProgram, fix: Fix): string =>
  editedText({ name: `${program.name}.jola`, text: program.text }, fix.edits)

/** Grades the messages about a program. */
export const grade = (program: WrongProgram): Grade => {
  const found = errorsOf(program.name, program.text)
  const lineOf = (d: Diagnostic, label: number): number | undefined => {
    const span = d.labels[label]?.span
    return span && positionOf(span.source, span.start).line
  }
  const first = found[0]
  const shown = found.flatMap(d => d.labels.map((_, i) => lineOf(d, i)))
  const fixes = found.flatMap(d => d.fixes ?? [])
  const right = plain(corrected(program))
  const fixed = fixes.some(fix => plain(applied(program, fix)) === right)
  const hint = (first?.hint ?? '').replace(/\s+/g, '')
  const spelt = [program.added ?? program.becomes, program.becomes.replace(/^.*?\) -> \S+ = /, '')]
  return {
    line: first !== undefined && lineOf(first, 0) === program.line,
    origins: program.shows.every(line => shown.includes(line)),
    edit: fixed || spelt.some(text => hint.includes(`\`${text.replace(/\s+/g, '')}\``)),
    fixed,
    single: found.length === 1,
    misleading: fixes
      .filter(fix => fix.sure && errorsOf(program.name, applied(program, fix)).length > 0)
      .map(fix => fix.title),
  }
}
