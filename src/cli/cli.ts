import { Command } from 'commander'
import { DeviceError } from '../../runtime/errors.js'
import { parseLimits } from '../../runtime/limits.js'
import { UserError } from '../errors/user-error.js'
import { commands } from './commands.js'
import { examples, failureOf, print, remark, renderingFor, version } from './shared.js'

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

/** The command that a command line runs, or asks help about. */
const commandIn = (args: readonly string[]): string | undefined => {
  const [first, second] = args.filter(a => !a.startsWith('-'))
  return first === 'help' ? second : first
}

/**
 * The command line, with the options and actions of the wanted commands; of the others it has names and
 * descriptions. Actions reject with the error that ended them, which {@link runCli} prints.
 */
export const cli = async (wanted: (name: string) => boolean): Promise<Command> => {
  const program = new Command('jola')
    .description(
      'A typed functional tensor language for editing what a Transformer thinks, compiled to WebGPU.',
    )
    .version(version())
    .configureHelp({ subcommandTerm: command => command.name() })
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
  for (const [name, { description, load }] of Object.entries(commands)) {
    if (wanted(name)) (await load(() => cli(() => true)))(program)
    else program.command(name)
    program.commands.at(-1)!.description(description)
  }
  return program
}

/**
 * Runs a command line (without the names of Node and the script) and returns its exit code. It never throws.
 */
export const runCli = async (args: readonly string[]): Promise<number> => {
  try {
    const asked = commandIn(args)
    const program = await cli(name => name === asked)
    await program.parseAsync([...args], { from: 'user' })
    return 0
  } catch (error) {
    const { text, exitCode } = failureOf(error, renderingFor(process.stderr))
    if (text !== '') remark(text)
    return exitCode
  }
}
