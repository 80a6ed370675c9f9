import { type Command, InvalidArgumentError, Option } from 'commander'
import { UserError } from '../errors/user-error.js'
import type { BeamOptions } from '../predict/beams.js'
import type { Sampling } from '../predict/sampling.js'
import { collect, positiveInteger, seedNumber } from './shared.js'

/** How the command line says that tokens are drawn, and where texts end. */
export interface GenerationOptions extends BeamChoice {
  readonly tokens: number
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly repetitionPenalty?: number
  readonly seed?: number
  readonly stop: readonly string[]
}

/** How the command line says that beams are searched. */
export interface BeamChoice {
  readonly beams?: number
  readonly lengthPenalty?: number
  readonly earlyStopping?: 'true' | 'false' | 'never'
}

const decimal = (text: string): number => {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('It is not a number.')
  return value
}

const stopText = (text: string, before: readonly string[]): readonly string[] => {
  if (text === '') throw new InvalidArgumentError('An empty text stands everywhere.')
  return collect(text, before)
}

/** Adds the options that say how beams are searched. */
export const addBeamOptions = (command: Command): Command =>
  command
    .option(
      '--beams <n>',
      'search the likeliest text with n beams, instead of token by token',
      positiveInteger,
    )
    .option(
      '--length-penalty <x>',
      "divide a text's score by its length to this power; 1 by default",
      decimal,
    )
    .addOption(
      new Option(
        '--early-stopping <when>',
        'true: end once n texts are finished; false: go on while a running text looks better; never: ' +
          'while one could become better',
      ).choices(['true', 'false', 'never']),
    )

/** How beams are searched; undefined where none are asked for. */
export const beamsOf = (o: BeamChoice): BeamOptions | undefined => {
  const { beams, lengthPenalty, earlyStopping } = o
  if (beams === undefined) {
    if (lengthPenalty === undefined && earlyStopping === undefined) return undefined
    throw new UserError({
      what: `--${lengthPenalty === undefined ? 'early-stopping' : 'length-penalty'} is for beams`,
      hint: 'add --beams 4',
      exitCode: 2,
    })
  }
  return {
    beams,
    lengthPenalty,
    earlyStopping: earlyStopping === 'never' ? 'never' : earlyStopping === 'true',
  }
}

/** Adds the options that say how a text is continued. */
export const addGenerationOptions = (command: Command): Command =>
  addBeamOptions(command)
    .option('--tokens <n>', 'new tokens at most', positiveInteger, 64)
    .option('--temperature <t>', 'sample tokens at this temperature; 1 keeps the probabilities', decimal)
    .option('--top-k <n>', 'draw one of the n likeliest tokens', positiveInteger)
    .option('--top-p <p>', 'draw one of the likeliest tokens that together have this probability', decimal)
    .option(
      '--repetition-penalty <x>',
      'make tokens that occurred before less likely; 1 changes nothing',
      decimal,
    )
    .option('--seed <n>', 'the seed of the sampling', seedNumber)
    .option('--stop <text>', 'end before this text; may be repeated', stopText, [])

/** How tokens are drawn; undefined where nothing asks for chance, and the likeliest token is taken. */
export const samplingOf = (o: GenerationOptions): Sampling | undefined => {
  const { temperature, topK, topP, repetitionPenalty, seed } = o
  const asked = [temperature, topK, topP, repetitionPenalty, seed].some(value => value !== undefined)
  if (!asked) return undefined
  if (o.beams !== undefined)
    throw new UserError({
      what: 'beams are searched, and tokens drawn by chance',
      hint: 'leave out --beams, or --temperature, --top-k, --top-p, --repetition-penalty and --seed',
      exitCode: 2,
    })
  return { temperature: temperature ?? 1, topK, topP, repetitionPenalty, seed: seed ?? 0 }
}
