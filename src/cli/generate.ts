import type { Command } from 'commander'
import { UserError } from '../errors/user-error.js'
import { forTerminal } from '../host/terminal.js'
import { defaultProgram, openSubject, type Subject } from './eval.js'
import {
  allowOption,
  examples,
  modelOption,
  positiveInteger,
  precisionOption,
  print,
  printJson,
  remark,
  weightsOption,
} from './shared.js'

interface Options extends Subject {
  readonly prompt: string
  readonly tokens: number
  readonly json?: true
}

const run = async (path: string | undefined, o: Options): Promise<void> => {
  if (o.prompt === undefined)
    throw new UserError({
      what: '--prompt is missing',
      hint: 'write --prompt "Once upon a time"',
      exitCode: 2,
    })
  const { sequence, tokenizer, model, close } = await openSubject(path, o)
  try {
    const prompt = tokenizer.encode(o.prompt)
    if (prompt.length === 0 || prompt.length > model.context)
      throw new UserError({
        what: prompt.length === 0 ? 'the prompt is empty' : 'the prompt is longer than the context',
        why: `it has ${prompt.length} tokens; the model reads 1 to ${model.context}`,
      })
    const written: number[] = []
    let shown = ''
    const show = (_: number, token: number): void => {
      written.push(token)
      if (o.json) return
      const text = tokenizer.decode([...prompt, ...written])
      if (!text.endsWith('\uFFFD')) {
        process.stdout.write(forTerminal(text.slice(shown.length)))
        shown = text
      }
    }
    const [tokens] = await sequence.greedy([prompt], o.tokens, tokenizer, { onToken: show })
    if (o.json) printJson({ prompt: o.prompt, text: tokenizer.decode([...prompt, ...tokens!]), tokens })
    else print('')
    if (tokens!.length < o.tokens && prompt.length + tokens!.length >= model.context)
      remark(`ended where the model's context does: it reads ${model.context} tokens`)
  } finally {
    await close()
  }
}

/** Adds `jola generate`. */
export const registerGenerateCommand = (program: Command): void => {
  program
    .command('generate')
    .description('continue a text, greedily, by a run, its base model, or any model')
    .argument('[run]', "a run's folder")
    .addOption(modelOption())
    .addOption(allowOption())
    .addOption(weightsOption())
    .option('--base', 'the base model, without the edits')
    .option('--force', 'go on though model or program are not what the run was trained on')
    .option('--program <file>', 'the module whose `logits` describes the model', defaultProgram)
    .option('--prompt <text>', 'what to continue')
    .option('--tokens <n>', 'new tokens at most', positiveInteger, 64)
    .addOption(precisionOption())
    .option('--json', 'print text and tokens as JSON')
    .addHelpText(
      'after',
      examples([
        'generate --model MODEL --prompt "Once upon a time"',
        'generate runs/first --prompt "…" --tokens 16',
      ]),
    )
    .action(run)
}
