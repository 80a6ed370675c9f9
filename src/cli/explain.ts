import type { Command } from 'commander'
import * as Either from 'fp-ts/lib/Either.js'
import { type CodeEntry, codes } from '../../compiler/codes.js'
import { parse } from '../../compiler/syntax/parse.js'
import { printDeclarations } from '../../compiler/syntax/print-module.js'
import { showBytes } from '../../runtime/errors.js'
import { ProgramError } from '../errors/program-error.js'
import { UserError } from '../errors/user-error.js'
import { sourceNamed } from '../folders/load-program.js'
import type { WeightFormat } from '../model/weight-format.js'
import { type DeviceChoice, deviceChoiceOption } from './explain-device.js'
import { explainFunction, showExplanation } from './explain-kernels.js'
import { cutLines, listStage, type StageOptions, stageNames, stageOf } from './explain-stages.js'
import {
  allowOption,
  examples,
  memoryOption,
  modelOption,
  paint,
  positiveInteger,
  print,
  printJson,
  programOption,
  Reported,
  remark,
  seedOption,
  sizeOption,
  weightsOption,
} from './shared.js'

const indented = (text: string): string => text.replaceAll(/^/gm, '  ')

/** Breaks lines at blanks before they pass the width. */
const wrapped = (text: string, width: number): string =>
  text.replaceAll(new RegExp(`(?=.{${width + 1}})(.{1,${width}}) `, 'g'), '$1\n')

/** The catalogue's entry for a code, in any case of letters. Throws a `UserError` if there is none. */
const explainCode = (code: string): CodeEntry => {
  const entry = codes[code.toUpperCase()]
  if (entry !== undefined) return entry
  const known = Object.keys(codes).sort()
  throw new UserError({
    what: `there is no diagnostic ${code.toUpperCase()}`,
    why: `there are ${known.length}, from ${known[0]} to ${known.at(-1)}`,
    hint: 'write the code as it stands in brackets after `error`; `jola explain --codes` lists them',
    exitCode: 2,
  })
}

/** Every code with its title, in their order. */
const showCodes = (): string =>
  Object.values(codes)
    .toSorted((a, b) => (a.code < b.code ? -1 : 1))
    .map(e => `${paint('bold', e.code)}  ${e.title}`)
    .join('\n')

const showEntry = (e: CodeEntry): string =>
  [
    paint('bold', `${e.code}: ${e.title}`),
    '',
    wrapped(e.explanation, 100),
    '',
    paint('red', 'wrong'),
    indented(e.wrong),
    '',
    paint('green', 'right'),
    indented(e.right),
  ].join('\n')

interface ExplainOptions {
  readonly codes?: true
  readonly fn?: string
  readonly wrt?: string
  readonly model?: string
  readonly program?: string
  readonly allow?: readonly string[]
  readonly weights?: WeightFormat
  readonly size?: ReadonlyMap<string, number>
  readonly memory?: number
  readonly stage?: string
  readonly lines?: number
  readonly in?: string
  readonly seed: number
  readonly device: DeviceChoice
  readonly wgsl?: true
  readonly json?: true
}

/** Prints one stage of a function's way. */
const explainStage = async (
  name: string,
  options: StageOptions & { readonly lines?: number; readonly json?: true },
): Promise<void> => {
  const stage = stageOf(name, options.wrt)
  const { text, data, remarks = [] } = await listStage(stage, options)
  if (options.json)
    return printJson({ stage, function: options.fn, ...(data === undefined ? { text } : { data }) })
  for (const r of remarks) remark(r)
  print(cutLines(text, options.lines))
}

/** Prints what a module declares. */
const explainModule = (name: string, asJson: boolean): void => {
  const parsed = parse(sourceNamed(name))
  if (Either.isLeft(parsed)) throw new ProgramError(parsed.left)
  const text = printDeclarations(parsed.right)
  if (asJson) printJson({ module: name, text })
  else print(text)
}

/** Whether nothing is asked about a function. */
const isIdle = ({ stage, wgsl, wrt, model, size, memory }: ExplainOptions): boolean =>
  [stage, wgsl, wrt, model, size, memory].every(option => option === undefined)

/** Refuses options that the command would ignore. */
const refuseIdleOptions = ({ stage, lines, in: inputs, wgsl }: ExplainOptions): void => {
  const refuse = (option: string, hint: string): never => {
    throw new UserError({ what: `${option} means nothing here`, hint, exitCode: 2 })
  }
  if (lines !== undefined && stage === undefined)
    refuse('--lines', 'it cuts the listing of a --stage; name one, or leave it out')
  if (inputs !== undefined && stage !== 'numbers')
    refuse('--in', 'only --stage numbers computes with inputs; name it, or leave --in out')
  if (wgsl && stage !== undefined) refuse('--wgsl', 'write --stage wgsl for the text of the kernels')
}

/** Adds `jola explain`. */
export const registerExplainCommand = (program: Command): void => {
  program
    .command('explain')
    .argument('[code or file]', 'a code such as E0312, a .jola file, or a module such as std.optim')
    .option('--codes', 'list the codes of all diagnostics')
    .option('--fn <name>', 'the function, for a file')
    .option('--wrt <parameter>', 'explain its value and its gradient with respect to this parameter')
    .addOption(modelOption())
    .addOption(programOption())
    .addOption(allowOption())
    .addOption(weightsOption())
    .addOption(sizeOption())
    .addOption(memoryOption())
    .option('--stage <stage>', `print one stage of its compilation: ${stageNames.join(', ')}`)
    .option('--lines <n>', 'for --stage: print the first lines only', positiveInteger)
    .option('--in <file>', 'for --stage numbers: inputs as safetensors; others are random')
    .addOption(seedOption())
    .addOption(deviceChoiceOption())
    .option('--wgsl', "print the kernels' text")
    .option('--json', 'print all of it as JSON')
    .addHelpText(
      'after',
      examples([
        'explain E0312',
        'explain std.optim',
        'explain stdlib/models/llama.jola --fn logits --model DIR --size T=128',
        'explain stdlib/edits/jola.jola --fn loss --wrt edits --model DIR --size B=8 --size T=64 --wgsl',
        'explain stdlib/nn.jola --fn softmax --stage core',
        'explain stdlib/nn.jola --fn softmax --size N=8 --stage wgsl --device any',
      ]),
    )
    .action(async (what: string | undefined, options: ExplainOptions) => {
      if (options.codes) return options.json ? printJson(Object.values(codes)) : print(showCodes())
      if (what === undefined)
        throw new UserError({
          what: 'what is to be explained?',
          hint: 'name a code such as E0312, a file or a module; `--codes` lists the codes',
          exitCode: 2,
        })
      if (/^[ew]\d+$/i.test(what)) {
        const entry = explainCode(what)
        return options.json ? printJson(entry) : print(showEntry(entry))
      }
      if (options.fn === undefined && isIdle(options)) return explainModule(what, options.json === true)
      if (options.fn === undefined)
        throw new UserError({
          what: 'which function is to be explained?',
          where: what,
          hint: 'name it by --fn; codes of diagnostics look like E0312',
          exitCode: 2,
        })
      if (options.weights !== undefined && options.model === undefined)
        throw new UserError({
          what: '--weights is for a model',
          why: 'without one there are no weights to store',
          hint: 'name one by --model, or leave --weights out',
          exitCode: 2,
        })
      const { stage } = options
      refuseIdleOptions(options)
      if (stage !== undefined) return explainStage(stage, { ...options, fn: options.fn, file: what })
      const explanation = await explainFunction({ ...options, fn: options.fn, file: what })
      if (options.json) printJson(explanation)
      else print(showExplanation(explanation, options.wgsl === true))
      if (explanation.refusal !== undefined) {
        remark(`error: ${explanation.refusal}`)
        throw new Reported(3)
      }
      const { memory } = options
      if (memory === undefined || explanation.peakBytes <= memory) return
      remark(
        `it passes --memory, ${showBytes(memory)}, by ` +
          `${showBytes(explanation.peakBytes - memory)}: there is nothing left to trade for ` +
          'memory',
      )
      throw new Reported(1)
    })
}
