import { Argument, type Command } from 'commander'
import { examples, print } from './shared.js'

/** What a shell may complete behind a command: its options with their choices, and its own commands. */
interface Words {
  readonly options: readonly string[]
  readonly commands: readonly string[]
  readonly choices: ReadonlyMap<string, readonly string[]>
}

const wordsOf = (command: Command): Words => {
  const { options } = command
  const names = options.filter(o => !o.hidden).flatMap(o => [o.short, o.long].filter(n => n !== undefined))
  const pairs = options.flatMap(o => (o.long && o.argChoices ? [[o.long, o.argChoices] as const] : []))
  return {
    options: [...names, '--help'],
    commands: command.commands.map(c => c.name()),
    choices: new Map(pairs),
  }
}

/** The function of bash, which zsh runs too: options and commands by name, else files. */
const bashScript = (program: Command): string => {
  const cases = program.commands.map(command => {
    const { options, commands, choices } = wordsOf(command)
    const chosen = [...choices].map(([o, c]) => `        ${o}) words="${c.join(' ')}"; files=no;;`)
    const first = [...options, ...commands].join(' ')
    return [
      `    ${command.name()}) words="${first}"`,
      ...(chosen.length > 0 ? ['      case "$before" in', ...chosen, '      esac'] : []),
      '      ;;',
    ].join('\n')
  })
  return [
    '_jola() {',
    `  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" files=yes words=""`,
    `  if [ "$COMP_CWORD" -eq 1 ]; then words="${wordsOf(program).commands.join(' ')} --help"; files=no; fi`,
    `  case "\${COMP_WORDS[1]}" in`,
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '  if [ "$files" = yes ]; then COMPREPLY+=($(compgen -f -- "$word")); fi',
    '}',
    'complete -o filenames -F _jola jola',
  ].join('\n')
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

const fishScript = (program: Command): string =>
  program.commands
    .flatMap(command => {
      const name = command.name()
      const behind = `complete -c jola -n '__fish_seen_subcommand_from ${name}'`
      return [
        `complete -c jola -n __fish_use_subcommand -f -a ${name} -d ${quoted(command.description())}`,
        ...command.commands.map(c => `${behind} -a ${c.name()} -d ${quoted(c.description())}`),
        ...command.options.flatMap(o => {
          const choices = o.argChoices ? ` -x -a ${quoted(o.argChoices.join(' '))}` : o.required ? ' -r' : ''
          return o.long ? [`${behind} -l ${o.long.slice(2)}${choices} -d ${quoted(o.description)}`] : []
        }),
      ]
    })
    .join('\n')

/** The script that completes the words of a command line in a shell. */
const completionScript = (program: Command, shell: string): string => {
  if (shell === 'fish') return fishScript(program)
  const head = shell === 'zsh' ? 'autoload -Uz compinit bashcompinit && compinit && bashcompinit\n' : ''
  return head + bashScript(program)
}

/** Adds `jola completion`, which describes the commands that `describe` gives, with all their options. */
export const registerCompletionCommand =
  (describe: () => Promise<Command>) =>
  (program: Command): void => {
    program
      .command('completion')
      .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
      .addHelpText('after', examples(['completion bash >> ~/.bashrc', 'completion zsh >> ~/.zshrc']))
      .action(async (shell: string) => print(completionScript(await describe(), shell)))
  }
