import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommanderError, InvalidArgumentError, Option } from 'commander'
import { type Diagnostic, severityOf } from '../../compiler/diagnostics/diagnostic.js'
import { ProgramLimit } from '../../compiler/diagnostics/limit.js'
import { type RenderOptions, renderDiagnostic } from '../../compiler/diagnostics/render.js'
import { DeviceError } from '../../runtime/errors.js'
import { ProgramError } from '../errors/program-error.js'
import { renderUserError, UserError } from '../errors/user-error.js'
import { stdlibFolder } from '../files/stdlib-folder.js'
import type { EngineKind } from '../host/open-engine.js'
import { forTerminal, ownStyles, styled } from '../host/terminal.js'
import { weightFormats } from '../model/weight-format.js'

/**
 * The exit code of a command that a signal ended in good order: 128 plus the number of SIGHUP, SIGINT or
 * SIGTERM.
 */
export type SignalExitCode = 129 | 130 | 143

/** Ends a command with an exit code; everything has been printed. */
export class Reported extends Error {
  constructor(readonly exitCode: 1 | 2 | 3 | SignalExitCode) {
    super(`exit code ${exitCode}`)
  }
}

/**
 * Writes to standard output as {@link forTerminal} shows it, with a line break at the end if there is none.
 */
export const print = (text: string): void => {
  process.stdout.write(forTerminal(text.endsWith('\n') ? text : `${text}\n`))
}

/** Writes a remark to standard error, so that it does not enter pipes. */
export const remark = (text: string): void => {
  process.stderr.write(forTerminal(text.endsWith('\n') ? text : `${text}\n`))
}

/** Numbers that JSON cannot express become the strings `NaN`, `Infinity` and `-Infinity`. */
export const printJson = (value: unknown): void =>
  print(
    JSON.stringify(
      value,
      (_, v: unknown) => (typeof v === 'number' && !Number.isFinite(v) ? String(v) : v),
      2,
    ),
  )

interface Stream {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/**
 * Whether to colour a stream. `FORCE_COLOR` decides where it is set (`0` and `false` are no), then
 * `NO_COLOR`; without them a terminal is coloured.
 */
export const wantsColour = (stream: Stream): boolean => {
  const forced = process.env.FORCE_COLOR ?? ''
  if (forced !== '') return forced !== '0' && forced !== 'false'
  return stream.isTTY === true && (process.env.NO_COLOR ?? '') === ''
}

/** How diagnostics are shown on a stream: in colour or not, and how wide its screen is. */
export const renderingFor = (stream: Stream): RenderOptions => ({
  colour: wantsColour(stream),
  width: stream.isTTY === true ? stream.columns : undefined,
})

const colours = { red: '31', green: '32', yellow: '33', dim: '2', bold: '1' } as const

/** Text in a colour, if standard output is to be coloured. */
export const paint = (colour: keyof typeof colours, text: string): string =>
  wantsColour(process.stdout) ? styled(colours[colour], text) : text

/** `--precision`, for commands that compute on a device. */
export const precisionOption = (): Option =>
  new Option(
    '--precision <type>',
    'what products may be computed in (f32, unless a run says otherwise); sums are f32 always',
  ).choices(['f32', 'f16'])

/** `2GiB`, `300 MiB`, or a number of bytes. */
const byteCount = (text: string): number => {
  const found = /^(\d+(?:\.\d+)?) ?(?:([KMGT])(?:i?B)?|B)?$/i.exec(text.trim())
  if (found === null) throw new InvalidArgumentError('a size such as 2GiB or 300MiB is wanted')
  const power = found[2] === undefined ? 0 : 'KMGT'.indexOf(found[2].toUpperCase()) + 1
  const bytes = Math.floor(Number(found[1]) * 1024 ** power)
  if (bytes === 0) throw new InvalidArgumentError('It must be above 0.')
  return bytes
}

/** `--memory`, for commands that plan it. */
export const memoryOption = (): Option =>
  new Option('--memory <size>', 'the memory limit, such as 2GiB; less memory takes more time').argParser(
    byteCount,
  )

/** A number and its noun: `1 test`, `2 tests`. */
export const count = (n: number, noun: string, nouns = `${noun}s`): string => `${n} ${n === 1 ? noun : nouns}`

/** Collects an option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
]

const wholeNumber = (text: string, least: number, most: number): number => {
  const value = /^[0-9][0-9_]*$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN
  if (value >= least && value <= most) return value
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
}

/** A whole number of at least 1. */
export const positiveInteger = (text: string): number => wholeNumber(text, 1, 2 ** 31 - 1)

/** A u32. */
export const seedNumber = (text: string): number => wholeNumber(text, 0, 2 ** 32 - 1)

/** A number above 0. */
export const positiveNumber = (text: string): number => {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new InvalidArgumentError('It must be a number above 0.')
}

/** Collects `NAME=N` into a map. */
const collectSize = (
  text: string,
  before: ReadonlyMap<string, number> = new Map(),
): ReadonlyMap<string, number> => {
  const [, name, value] = /^([A-Z][A-Za-z0-9_]*)=([0-9_]+)$/.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('Write NAME=N, as in T=128; sizes are capitalised.')
  return new Map([...before, [name, wholeNumber(value, 0, 2 ** 31 - 1)]])
}

/** `--device gpu|interpreter`. */
export const deviceOption = (otherwise: EngineKind): Option =>
  new Option('--device <kind>', 'where to compute: the GPU, or the float64 interpreter')
    .choices(['gpu', 'interpreter'])
    .default(otherwise)

/** `--size NAME=N`, many times. */
export const sizeOption = (): Option =>
  new Option('--size <NAME=N>', 'a size that no tensor determines; may be repeated').argParser(collectSize)

/** `--seed N`. */
export const seedOption = (): Option =>
  new Option('--seed <n>', 'the seed of all random numbers').argParser(seedNumber).default(0)

/** `--model DIR`. */
export const modelOption = (): Option =>
  new Option(
    '--model <dir>',
    'a model in the Hugging Face layout, or a GGUF file: sizes from its configuration, weights by name',
  )

/** `--program FILE`. */
export const programOption = (): Option =>
  new Option(
    '--program <file>',
    "the program that computes the model, std.model of a recipe; by default that of the model's family",
  )

/** `--weights FORMAT`. */
export const weightsOption = (): Option =>
  new Option(
    '--weights <format>',
    "what the model's weights are on the device: as the checkpoint stores them (auto, " +
      'unless a run says otherwise), or matrices as f32, f16, bf16 or q8',
  ).choices([...weightFormats])

/** `--allow NAME`, many times. */
export const allowOption = (): Option =>
  new Option(
    '--allow <name>',
    'an entry of config.json or a tensor that was refused, to go on without; may be repeated',
  ).argParser(collect)

/** The paragraph of examples at the end of a command's help. */
export const examples = (lines: readonly string[]): string =>
  ['', 'Examples:', ...lines.map(l => `  $ jola ${l}`)].join('\n')

/** `2 errors and 1 warning`. */
export const countDiagnostics = (diagnostics: readonly Diagnostic[]): string => {
  const warnings = diagnostics.filter(d => severityOf(d) === 'warning').length
  const errors = diagnostics.length - warnings
  const parts = [
    ...(errors > 0 || warnings === 0 ? [count(errors, 'error')] : []),
    ...(warnings > 0 ? [count(warnings, 'warning')] : []),
  ]
  return parts.join(' and ')
}

/** Diagnostics as text, in the order of their places; the last line counts them and says where to read on. */
export const renderDiagnostics = (diagnostics: readonly Diagnostic[], options: RenderOptions): string => {
  const sorted = byPlace(diagnostics)
  const first = sorted.find(d => severityOf(d) === 'error') ?? sorted[0]
  const more = first === undefined ? '' : `; \`jola explain ${first.code}\` tells more`
  return [
    ...sorted.map(d => `${ownStyles(renderDiagnostic(d, options))}\n`),
    `${countDiagnostics(sorted)}${more}`,
  ].join('\n')
}

/** By file, in the order in which files first occur, then by place. */
export const byPlace = (diagnostics: readonly Diagnostic[]): readonly Diagnostic[] => {
  const files = [...new Set(diagnostics.map(d => d.labels[0]?.span.source.name))]
  const file = (d: Diagnostic): number => files.indexOf(d.labels[0]?.span.source.name)
  const at = (d: Diagnostic): number => d.labels[0]?.span.start ?? 0
  return [...diagnostics].sort((a, b) => file(a) - file(b) || at(a) - at(b))
}

/** The package's version. */
export const version = (): string => {
  const parsed: unknown = JSON.parse(readFileSync(join(stdlibFolder, '..', 'package.json'), 'utf8'))
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : ''
}

/**
 * The message about the error that ended a command, and the exit code. The text is empty if everything has
 * been printed.
 */
export const failureOf = (
  error: unknown,
  options: RenderOptions,
): { readonly text: string; readonly exitCode: number } => {
  if (error instanceof Reported) return { text: '', exitCode: error.exitCode }
  if (error instanceof CommanderError) return { text: '', exitCode: error.exitCode === 0 ? 0 : 2 }
  if (error instanceof ProgramError)
    return { text: renderDiagnostics(error.diagnostics, options), exitCode: 1 }
  if (error instanceof ProgramLimit) {
    const { what, why, hint } = error
    return { text: renderUserError(new UserError({ what, why, hint })), exitCode: 1 }
  }
  if (error instanceof UserError) return { text: renderUserError(error), exitCode: error.exitCode }
  if (error instanceof DeviceError) {
    const { what, why, hint } = error
    const parts = { what, ...(why === undefined ? {} : { why }), ...(hint === undefined ? {} : { hint }) }
    // The input is wrong, not the device.
    const exitCode = error.kind === 'input' || error.kind === 'artifact' ? 1 : 3
    return { text: renderUserError(new UserError(parts)), exitCode }
  }
  return { text: internalError(error), exitCode: INTERNAL_ERROR }
}

/** The exit code of a defect of Jola: EX_SOFTWARE of BSD's sysexits.h. */
export const INTERNAL_ERROR = 70

const internalError = (error: unknown): string => {
  const [what = ''] = (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).split('\n')
  const debug = process.env.JOLA_DEBUG === '1'
  return [
    `internal error: ${what}`,
    '  This is a defect of Jola, not of your program. Please report it with the command, the program,',
    `  the version (${version()}) and what \`JOLA_DEBUG=1 jola …\` prints.`,
    ...(debug && error instanceof Error ? [error.stack ?? ''] : []),
  ].join('\n')
}
