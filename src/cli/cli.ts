import { Command } from 'commander'
import { DeviceError } from '../../runtime/errors.js'
import { parseLimits } from '../../runtime/limits.js'
import { UserError } from '../errors/user-error.js'
import { registerBenchCommand } from './bench.js'
import { registerCheckCommand } from './check.js'
import { registerCompareCommand } from './compare.js'
import { registerDataCommand } from './data.js'
import { registerDevicesCommand } from './devices.js'
import { registerEvalCommand } from './eval.js'
import { registerExportCommand, registerImportCommand } from './exchange.js'
import { registerExplainCommand } from './explain.js'
import { registerFmtCommand } from './fmt.js'
import { registerGenerateCommand } from './generate.js'
import { registerGradCommand } from './grad.js'
import { registerMergeCommand } from './merge.js'
import { registerNewCommand } from './new.js'
import { registerReportCommand } from './report.js'
import { registerRunCommand } from './run.js'
import { examples, failureOf, print, remark, renderingFor, version } from './shared.js'
import { registerTaskCommand } from './task.js'
import { registerTestCommand } from './test.js'
import { registerTrainCommand } from './train.js'

/** The commands in the order in which the help lists them. */
const registerCommands = [
  registerCheckCommand,
  registerFmtCommand,
  registerTestCommand,
  registerRunCommand,
  registerGradCommand,
  registerExplainCommand,
  registerDataCommand,
  registerTrainCommand,
  registerEvalCommand,
  registerGenerateCommand,
  registerReportCommand,
  registerNewCommand,
  registerTaskCommand,
  registerCompareCommand,
  registerMergeCommand,
  registerExportCommand,
  registerImportCommand,
  registerDevicesCommand,
  registerBenchCommand,
]

/** Refuses wrong limits before the command begins, as for an option. */
const checkEnvironment = (): void => {
  try {
    parseLimits(process.env.JOLA_LIMITS ?? '')
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error
    const { what, why, hint } = error
    const parts = { what, ...(why === undefined ? {} : { why }), ...(hint === undefined ? {} : { hint }) }
    throw new UserError({ ...parts, where: 'JOLA_LIMITS', exitCode: 2 })
  }
}

/** The whole command line. Its actions reject with the error that ended them, which {@link runCli} prints. */
export const cli = (): Command => {
  const program = new Command('jola')
    .description(
      'A typed functional tensor language for editing what a Transformer thinks, compiled to WebGPU.',
    )
    .version(version())
    .showHelpAfterError('(add --help for the options)')
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: remark })
    .hook('preAction', checkEnvironment)
    .addHelpText(
      'after',
      [
        examples([
          'check my.jola',
          'run stdlib/gates.jola --fn settled --in phi.safetensors',
          'train stdlib/recipes/jola.jola --model DIR --data DIR --out RUN',
        ]),
        '',
        'Exit codes: 0 fine, 1 the program or its data is wrong, 2 usage, 3 device, 130 ' +
          'stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP), 70 a defect of Jola itself.',
      ].join('\n'),
    )
  for (const register of registerCommands) register(program)
  return program
}

/**
 * Runs a command line (without the names of Node and the script) and returns its exit code. It never throws.
 */
export const runCli = async (args: readonly string[]): Promise<number> => {
  try {
    await cli().parseAsync([...args], { from: 'user' })
    return 0
  } catch (error) {
    const { text, exitCode } = failureOf(error, renderingFor(process.stderr))
    if (text !== '') remark(text)
    return exitCode
  }
}
