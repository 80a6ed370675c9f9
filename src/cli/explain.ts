import type { Command } from 'commander'
import { type CodeEntry, codes } from '../../compiler/codes.js'
import { showBytes } from '../../runtime/errors.js'
import { UserError } from '../errors/user-error.js'
import type { WeightFormat } from '../model/weight-format.js'
import { explainFunction, showExplanation } from './explain-kernels.js'
import {
  allowOption,
  examples,
  memoryOption,
  modelOption,
  paint,
  print,
  printJson,
  Reported,
  remark,
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
    hint: 'write the code as it stands in brackets after `error`',
    exitCode: 2,
  })
}

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
  readonly fn?: string
  readonly wrt?: string
  readonly model?: string
  readonly allow?: readonly string[]
  readonly weights?: WeightFormat
  readonly size?: ReadonlyMap<string, number>
  readonly memory?: number
  readonly wgsl?: true
  readonly json?: true
}

/** Adds `jola explain`. */
export const registerExplainCommand = (program: Command): void => {
  program
    .command('explain')
    .description("a diagnostic's code, or the kernels that a function becomes")
    .argument('<code or file>', 'a code such as E0312, or a .jola file')
    .option('--fn <name>', 'the function, for a file')
    .option('--wrt <parameter>', 'its value and its gradient by this parameter')
    .addOption(modelOption())
    .addOption(allowOption())
    .addOption(weightsOption())
    .addOption(sizeOption())
    .addOption(memoryOption())
    .option('--wgsl', "print the kernels' text")
    .option('--json', 'print all of it as JSON')
    .addHelpText(
      'after',
      examples([
        'explain E0312',
        'explain stdlib/models/llama.jola --fn logits --model DIR --size T=128',
        'explain stdlib/edits/jola.jola --fn loss --wrt edits --model DIR --size B=8 --size T=64 --wgsl',
      ]),
    )
    .action(async (what: string, options: ExplainOptions) => {
      if (/^e\d+$/i.test(what)) {
        const entry = explainCode(what)
        return options.json ? printJson(entry) : print(showEntry(entry))
      }
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
        `it passes --memory, ${showBytes(memory)}, by ${showBytes(explanation.peakBytes - memory)}: there is nothing left to trade for memory`,
      )
      throw new Reported(1)
    })
}
