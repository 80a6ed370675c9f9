import { type Command, InvalidArgumentError } from 'commander'
import type { Sampling } from '../predict/sampling.js'
import { collect, positiveInteger, seedNumber } from './shared.js'

/** How the command line says that tokens are drawn, and where texts end. */
export interface GenerationOptions {
  readonly tokens: number
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly repetitionPenalty?: number
  readonly seed?: number
  readonly stop: readonly string[]
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

/** Adds the options that say how a text is continued. */
export const addGenerationOptions = (command: Command): Command =>
  command
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
  return { temperature: temperature ?? 1, topK, topP, repetitionPenalty, seed: seed ?? 0 }
}
