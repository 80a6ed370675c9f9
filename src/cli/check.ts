import { relative, resolve } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import type { Command } from 'commander'
import { type Diagnostic, severityOf } from '../../compiler/diagnostics/diagnostic.js'
import { diagnosticToJson } from '../../compiler/diagnostics/render.js'
import { positionOf } from '../../compiler/diagnostics/source.js'
import { writeAtomic } from '../files/atomic.js'
import { checkFiles, type Fixed, fixFiles, programFiles, type Texts } from '../folders/check-files.js'
import {
  byPlace,
  count,
  examples,
  print,
  printJson,
  Reported,
  remark,
  renderDiagnostics,
  renderingFor,
} from './shared.js'

interface CheckOptions {
  readonly json?: true
  readonly fix?: true
  readonly strict?: true
}

/** The form of `check --json`; it grows when a reader of the old form would go wrong. */
const JSON_VERSION = 1

/** Standard input, as a file of the current folder. */
const STDIN = '-'

/** One line for each fix that was made. */
const showFixes = ({ made, texts }: Fixed): string =>
  [
    ...made.map(({ fix, diagnostic }) => {
      const { span } = fix.edits[0]!
      const { line, column } = positionOf(span.source, span.start)
      return `${span.source.name}:${line}:${column}: ${fix.title} (${diagnostic.code})`
    }),
    made.length === 0
      ? 'nothing to fix: no diagnostic has exactly one sure fix'
      : `${count(made.length, 'fix', 'fixes')} in ${count(texts.size, 'file')}`,
  ].join('\n')

/** Writes the files that fixing changed; standard input's new text goes to standard output. */
const writeFixed = async (texts: Texts): Promise<void> => {
  for (const [path, text] of texts) {
    if (path === resolve(STDIN)) print(text)
    else await writeAtomic(relative(process.cwd(), path), [new TextEncoder().encode(text)])
  }
}

const report = (
  diagnostics: readonly Diagnostic[],
  files: readonly string[],
  { json, fixed, stream }: { json: boolean; fixed: Fixed | undefined; stream: NodeJS.WriteStream },
): void => {
  const say = stream === process.stdout ? print : remark
  if (json) {
    const fixes = fixed?.made.map(({ fix, diagnostic }) => ({ code: diagnostic.code, title: fix.title }))
    printJson({
      version: JSON_VERSION,
      diagnostics: diagnostics.map(diagnosticToJson),
      ...(fixes !== undefined && { fixed: fixes }),
    })
    return
  }
  if (fixed !== undefined) say(showFixes(fixed))
  if (diagnostics.length > 0) say(renderDiagnostics(diagnostics, renderingFor(stream)))
  else say(`${count(files.length, 'file')} checked: no errors`)
}

/** Adds `jola check`. */
export const registerCheckCommand = (program: Command): void => {
  program
    .command('check')
    .argument('<file...>', '.jola files, folders of them, or - for standard input')
    .option('--fix', 'make the edits that must have been meant, and say which')
    .option('--strict', 'warnings are errors: the exit code is 1 where there is one')
    .option('--json', 'print the diagnostics as JSON, each with its severity and its fixes')
    .addHelpText('after', examples(['check my.jola', 'check --fix programs', 'check --json a.jola b.jola']))
    .action(async (paths: readonly string[], options: CheckOptions) => {
      const files = programFiles(paths)
      const piped = files.includes(STDIN)
      const given: Texts = piped ? new Map([[resolve(STDIN), await readText(process.stdin)]]) : new Map()
      const fixed = options.fix ? fixFiles(files, given) : undefined
      if (fixed !== undefined && !(piped && options.json)) await writeFixed(fixed.texts)
      const diagnostics = byPlace(fixed?.left ?? checkFiles(files, given))
      const stream = piped && options.fix ? process.stderr : process.stdout
      report(diagnostics, files, { json: options.json === true, fixed, stream })
      const bad = options.strict ? diagnostics : diagnostics.filter(d => severityOf(d) === 'error')
      if (bad.length > 0) throw new Reported(1)
    })
}
