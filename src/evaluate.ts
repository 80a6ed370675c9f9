import { distinctAnswers, type Example } from './data/examples.js'
import { encodeOptions } from './data/options.js'
import {
  type Accuracy,
  accuracyOf,
  firstLetter,
  firstOption,
  likeliest,
  optionsInInstruction,
} from './data/scores.js'
import { corpusBleu, rougeL } from './data/text-scores.js'
import type { Tokenizer } from './hub/tokenizer.js'
import { argmax, type SequenceModel } from './predict.js'

/** How predictions are scored. `choice` picks the likeliest option; the others read the generated text. */
export type Scoring = 'choice' | 'word' | 'letter' | 'text'

export interface Prediction {
  readonly example: Example
  /** The option chosen or the text generated. */
  readonly predicted: string | undefined
  readonly right: boolean
}

/** What is scored, and how: found from all of a split, so that scoring a part of it is scoring the same thing. */
export interface Task {
  readonly scoring: Scoring
  /** The answers to choose among where an example names none. */
  readonly options: readonly string[]
  /** The accuracy of always giving the most frequent answer. */
  readonly majority: number
}

export interface Evaluation {
  readonly scoring: Scoring
  readonly accuracy: Accuracy
  /** How many answers there were to choose among; absent where texts are read, or the examples name their own. */
  readonly answers?: number
  /** Of the most frequent answer. */
  readonly majority: number
  /** `choice` with one token an option: how often the token that the model finds likeliest of all is the right one. */
  readonly unconstrained?: Accuracy
  readonly bleu?: number
  readonly rougeL?: number
  readonly predictions: readonly Prediction[]
}

/** Choice where there are few distinct answers, the first option word where the instruction lists them, text otherwise. */
export const scoringFor = (examples: readonly Example[]): Scoring => {
  if (examples.every(e => e.options !== undefined)) return 'choice'
  if (optionsInInstruction(examples[0]!.prompt) !== undefined) return 'word'
  return distinctAnswers(examples).length <= Math.min(64, examples.length / 2) ? 'choice' : 'text'
}

const majorityOf = (examples: readonly Example[]): number => {
  const counts = new Map<string, number>()
  for (const e of examples) counts.set(e.answer, (counts.get(e.answer) ?? 0) + 1)
  return Math.max(...counts.values()) / examples.length
}

/** The task of a split. `train` says what answers there are; the scoring is found from the split unless given. */
export const taskOf = (
  split: readonly Example[],
  train: readonly Example[],
  scoring: Scoring = scoringFor(split),
): Task => ({ scoring, options: distinctAnswers(train), majority: majorityOf(split) })

/** Scores a model on examples, which may be a part of the task's split. `progress` is told how many are done. */
export const evaluate = async (
  sequence: SequenceModel,
  tokenizer: Tokenizer,
  examples: readonly Example[],
  { scoring, options, majority }: Task,
  progress: (done: number) => void = () => undefined,
): Promise<Evaluation> => {
  if (scoring === 'choice') {
    const answers = examples.some(e => e.options === undefined) ? { answers: options.length } : {}
    return { ...(await choose(sequence, tokenizer, examples, options, progress)), ...answers, majority }
  }
  const texts = await continueAll(sequence, tokenizer, examples, scoring === 'text' ? 64 : 16, progress)
  const predicted = texts.map((text, i) => {
    const { prompt } = examples[i]!
    if (scoring === 'letter') return firstLetter(text)
    return scoring === 'word' ? firstOption(text, optionsInInstruction(prompt) ?? options) : text.trim()
  })
  const answers = examples.map(e => (scoring === 'text' ? e.answer.trim() : e.answer))
  const references = examples.map(e => [e.answer])
  return {
    scoring,
    majority,
    accuracy: accuracyOf(predicted, answers),
    ...(scoring === 'text' ? { bleu: corpusBleu(texts, references), rougeL: rougeL(texts, references) } : {}),
    predictions: examples.map((example, i) => ({
      example,
      predicted: predicted[i],
      right: predicted[i] === answers[i],
    })),
  }
}

const continueAll = async (
  sequence: SequenceModel,
  tokenizer: Tokenizer,
  examples: readonly Example[],
  most: number,
  progress: (done: number) => void,
): Promise<readonly string[]> => {
  const out: string[] = []
  for (let i = 0; i < examples.length; i += 8) {
    const some = examples.slice(i, i + 8)
    const rows = await sequence.greedy(
      some.map(e => tokenizer.encode(e.prompt)),
      most,
      tokenizer,
    )
    out.push(...rows.map(r => tokenizer.decode(r).split('\n')[0]!))
    progress(out.length)
  }
  return out
}

const choose = async (
  sequence: SequenceModel,
  tokenizer: Tokenizer,
  examples: readonly Example[],
  fallback: readonly string[],
  progress: (done: number) => void,
): Promise<Omit<Evaluation, 'majority'>> => {
  const predictions: Prediction[] = []
  const free: boolean[] = []
  const settle = (example: Example, predicted: string | undefined): void => {
    predictions.push({ example, predicted, right: predicted === example.answer })
  }
  for (let i = 0; i < examples.length; i += 8) {
    const some = examples.slice(i, i + 8).map(example => {
      const options = example.options ?? fallback
      return { example, options, encoded: encodeOptions(tokenizer, example.prompt, options) }
    })
    if (some.every(s => s.encoded.continuations.every(c => c.length === 1))) {
      const logits = await sequence.next(some.map(s => s.encoded.shared))
      some.forEach((s, k) => {
        const tokens = s.encoded.continuations.map(c => c[0]!)
        settle(s.example, s.options[argmax(tokens.map(t => logits[k]![t]!))])
        free.push(argmax(logits[k]!) === tokens[s.options.indexOf(s.example.answer)])
      })
    } else
      for (const s of some) {
        const { shared, continuations } = s.encoded
        const losses = await sequence.losses(
          continuations.map(c => ({ tokens: [...shared, ...c], from: shared.length })),
        )
        const means = losses.map((loss, k) => [loss / continuations[k]!.length])
        settle(s.example, likeliest(s.options, means))
      }
    progress(predictions.length)
  }
  return {
    scoring: 'choice',
    accuracy: accuracyOf(
      predictions.map(p => p.predicted),
      examples.map(e => e.answer),
    ),
    ...(free.length === examples.length
      ? {
          unconstrained: {
            correct: free.filter(Boolean).length,
            total: free.length,
            accuracy: free.filter(Boolean).length / free.length,
          },
        }
      : {}),
    predictions,
  }
}
