import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { UserError } from '../errors/user-error.js'
import { openChat } from '../folders/open-chat.js'
import { forTerminal } from '../host/terminal.js'
import type { RowEdit } from '../predict/edit-slots.js'
import type { OpenPredictor } from '../predict/open-predictor.js'
import type { Message } from '../text/chat.js'
import { untilStop } from '../text/stop-text.js'
import { adapterOption, adapterSum, openMixed, openSubject, type Subject } from './eval.js'
import { addGenerationOptions, beamsOf, type GenerationOptions, samplingOf } from './generate-options.js'
import { editsOf, readFilePrompts } from './prompts.js'
import {
  allowOption,
  examples,
  modelOption,
  precisionOption,
  print,
  printJson,
  programOption,
  remark,
  weightsOption,
} from './shared.js'

interface Options extends Subject, GenerationOptions {
  readonly prompt?: string
  readonly prompts?: string
  readonly chat?: true
  readonly system?: string
  readonly json?: true
}

/** A prompt and its continuation. */
interface Continuation {
  readonly tokens: readonly number[]
  /** The new text, before the first stop text. */
  readonly text: string
}

/** Continues prompts together. A single one is shown by `show` while it is written. */
const continueTexts = async (
  { sequence, tokenizer, model }: OpenPredictor,
  prompts: readonly (readonly number[])[],
  o: GenerationOptions & { readonly adapters?: readonly RowEdit[] | undefined },
  show: (text: string) => void,
): Promise<readonly Continuation[]> => {
  const { adapters } = o
  for (const prompt of prompts)
    if (prompt.length === 0 || prompt.length > model.context)
      throw new UserError({
        what: prompt.length === 0 ? 'the prompt is empty' : 'the prompt is longer than the context',
        why: `it has ${prompt.length} tokens; the model reads 1 to ${model.context}`,
      })
  const written = prompts.map((): number[] => [])
  const begun = prompts.map(prompt => tokenizer.decode(prompt))
  const textOf = (row: number): string =>
    tokenizer.decode([...prompts[row]!, ...written[row]!]).slice(begun[row]!.length)
  let shown = 0
  const onToken = (row: number, token: number): boolean => {
    written[row]!.push(token)
    if (o.stop.length === 0 && prompts.length > 1) return true
    const text = textOf(row)
    // The last character may be incomplete: the next token has its other bytes.
    const { sure, ended } = untilStop(text.replace(/\uFFFD+$/, ''), o.stop)
    if (prompts.length === 1 && sure.length > shown) {
      show(sure.slice(shown))
      shown = sure.length
    }
    return !ended
  }
  const sampling = samplingOf(o)
  const beams = beamsOf(o)
  const rows = await (beams !== undefined
    ? sequence.beams(prompts, o.tokens, tokenizer, { onToken, adapters, ...beams })
    : sampling === undefined
      ? sequence.greedy(prompts, o.tokens, tokenizer, { onToken, adapters })
      : sequence.sample(prompts, o.tokens, tokenizer, { onToken, adapters, sampling }))
  const made = rows.map((tokens, row): Continuation => {
    const text = textOf(row)
    const { sure, ended } = untilStop(text, o.stop)
    return { tokens, text: ended ? sure : text }
  })
  if (prompts.length === 1) show(made[0]!.text.slice(shown))
  const full = prompts.filter(
    (p, i) => rows[i]!.length < o.tokens && p.length + rows[i]!.length >= model.context,
  )
  if (full.length > 0) remark(`ended where the model's context does: it reads ${model.context} tokens`)
  return made
}

const toTerminal = (text: string): void => {
  process.stdout.write(forTerminal(text))
}

const continueOne = async (subject: OpenPredictor, prompt: string, o: Options): Promise<void> => {
  const tokens = subject.tokenizer.encode(prompt)
  // The prompt is shown with the first token, since a model that gives none writes nothing.
  let before = prompt
  const show = (text: string): void => {
    if (!o.json) toTerminal(before + text)
    before = ''
  }
  const [made] = await continueTexts(subject, [tokens], o, show)
  if (o.json) printJson({ prompt, text: prompt + made!.text, tokens: made!.tokens })
  else print('')
}

/** One line a prompt: the text as JSON, since it may have line breaks of its own. */
const continueMany = async (path: string | undefined, file: string, o: Options): Promise<void> => {
  const given = await readFilePrompts(file)
  const usual = o.adapter ?? (path === undefined || o.base ? undefined : adapterSum(path))
  const edits = editsOf(given, usual)
  const sums = [...new Set(edits?.flatMap(e => e.adapter ?? []))]
  const subject = await (edits === undefined || sums.length === 0 ? openSubject(path, o) : openMixed(sums, o))
  try {
    const encoded = given.map(({ prompt }) => subject.tokenizer.encode(prompt))
    const adapters = sums.length === 0 ? undefined : edits
    const made = await continueTexts(subject, encoded, { ...o, adapters }, () => undefined)
    for (const [i, line] of given.entries()) {
      const { text, tokens } = made[i]!
      print(JSON.stringify({ ...line, text: line.prompt + text, tokens }))
    }
  } finally {
    await subject.close()
  }
}

/**
 * A conversation in the model's own form: each line of the standard input is a turn, or `--prompt` is the
 * only one.
 */
const converse = async (subject: OpenPredictor, o: Options): Promise<void> => {
  const chat = await openChat(subject.model.directory)
  const messages: Message[] = o.system === undefined ? [] : [{ role: 'system', content: o.system }]
  const answer = async (content: string): Promise<void> => {
    messages.push({ role: 'user', content })
    const prompt = subject.tokenizer.encodePlain(chat.render(messages, true))
    const [made] = await continueTexts(subject, [prompt], o, o.json ? () => undefined : toTerminal)
    messages.push({ role: 'assistant', content: made!.text })
    if (o.json) print(JSON.stringify({ role: 'assistant', content: made!.text, tokens: made!.tokens }))
    else print('')
  }
  if (o.prompt !== undefined) return answer(o.prompt)
  const lines = createInterface({
    input: process.stdin,
    ...(process.stdin.isTTY && { output: process.stderr, prompt: '> ' }),
  })
  lines.prompt()
  for await (const line of lines) {
    if (line.trim() !== '') await answer(line)
    lines.prompt()
  }
}

const run = async (path: string | undefined, o: Options): Promise<void> => {
  const ways = [o.prompt, o.prompts].filter(way => way !== undefined).length
  if (ways > 1 || (ways === 0 && o.chat === undefined) || (o.chat && o.prompts !== undefined))
    throw new UserError({
      what: ways === 0 ? '--prompt is missing' : 'the prompts are given twice',
      hint:
        'write --prompt "Once upon a time", --prompts FILE with one a line (- for the standard input), ' +
        'or --chat',
      exitCode: 2,
    })
  if (o.system !== undefined && !o.chat)
    throw new UserError({ what: '--system is for a conversation', hint: 'add --chat', exitCode: 2 })
  if (o.prompts !== undefined) return continueMany(path, o.prompts, o)
  const subject = await openSubject(path, o)
  try {
    if (o.chat) await converse(subject, o)
    else await continueOne(subject, o.prompt!, o)
  } finally {
    await subject.close()
  }
}

/** Adds `jola generate`. */
export const registerGenerateCommand = (program: Command): void => {
  const command = program
    .command('generate')
    .argument('[run]', "a run's folder")
    .addOption(modelOption())
    .addOption(allowOption())
    .addOption(weightsOption())
    .option('--base', 'the base model, without the edits')
    .addOption(adapterOption())
    .option('--force', 'continue even if the model or the program has changed since training')
    .addOption(programOption())
    .option('--prompt <text>', 'the text to continue')
    .option(
      '--prompts <file>',
      'a file, or - for the standard input: a text a line, or JSON with prompt, adapter, strength',
    )
    .option('--chat', "a conversation in the model's own form, one turn a line of the standard input")
    .option('--system <text>', 'the system message of a conversation')
  addGenerationOptions(command)
    .addOption(precisionOption())
    .option('--json', 'print text and tokens as JSON')
    .addHelpText(
      'after',
      examples([
        'generate --model MODEL --prompt "Once upon a time"',
        'generate runs/first --prompt "…" --temperature 0.8 --top-p 0.95 --seed 1 --stop "###"',
        'generate --model MODEL --prompts prompts.txt > texts.jsonl',
        'generate --model MODEL --chat --system "Answer in one sentence."',
      ]),
    )
    .action(run)
}
