import { rowsByLength } from '../data/batch-order.js'
import { distinctAnswers, type Example } from '../data/examples.js'
import { UserError } from '../errors/user-error.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { chooseOptions } from './evaluate-choice.js'
import type { EvaluateOptions, Evaluation, Prediction, Scored, Scoring, Task } from './evaluation.js'
import { fitPrompts } from './fit-prompts.js'
import { answerReader } from './read-answers.js'
import { optionsInInstruction, shareOf } from './scores.js'
import { corpusBleu, rougeL, tokenise13a } from './text-scores.js'
import {
  answerTokens,
  answerWithin,
  comparable,
  promptTokens,
  referencesOf,
  textAfter,
} from './written-answers.js'

/** Whether examples have few distinct answers for their number, so that each may be asked of every prompt. */
export const isClassification = (examples: readonly Example[]): boolean =>
  distinctAnswers(examples).length <= Math.min(64, examples.length / 2)

/**
 * Choice where there are few distinct answers, the first option word where the instruction lists them, text
 * otherwise.
 */
export const scoringFor = (examples: readonly Example[]): Scoring => {
  if (examples.every(e => e.options !== undefined)) return 'choice'
  if (examples.some(e => e.references !== undefined)) return 'text'
  if (optionsInInstruction(examples[0]!.prompt) !== undefined) return 'word'
  return isClassification(examples) ? 'choice' : 'text'
}

const majorityOf = (examples: readonly Example[]): number => {
  const counts = new Map<string, number>()
  for (const e of examples) counts.set(e.answer.trim(), (counts.get(e.answer.trim()) ?? 0) + 1)
  return Math.max(...counts.values()) / examples.length
}

/** Every answer once, whatever the white space around it, spelled as where it comes first, in order. */
const answersIn = (examples: readonly Example[]): readonly string[] => {
  const spelled = new Map<string, string>()
  for (const { answer } of examples) if (!spelled.has(answer.trim())) spelled.set(answer.trim(), answer)
  return distinctAnswers(examples).map(answer => spelled.get(answer)!)
}

/**
 * The task of a split. Its answers are those of `train` and its own; the scoring is found from the split
 * unless given.
 */
export const taskOf = (
  split: readonly Example[],
  train: readonly Example[],
  scoring: Scoring = scoringFor(split),
): Task => ({ scoring, options: answersIn([...train, ...split]), majority: majorityOf(split) })

/** Examples with one prompt as one with several references, in the order in which prompts first come. */
export const withReferences = (examples: readonly Example[]): readonly Example[] => {
  const byPrompt = new Map<string, Example[]>()
  for (const e of examples) byPrompt.set(e.prompt, [...(byPrompt.get(e.prompt) ?? []), e])
  return [...byPrompt.values()].map(same => {
    const references = [...new Set(same.flatMap(referencesOf))]
    return references.length === 1 ? same[0]! : { ...same[0]!, references }
  })
}

/** Examples at a time, as many as a model takes rows. */
const rowsAtOnce = 8

/** New tokens at most, unless an answer has more. */
const mostTokens = { word: 16, letter: 16, text: 64 } as const

/**
 * Scores a model on examples, which may be a part of the task's split. Throws a `UserError` where prompts are
 * too long, or answers can't be told so.
 */
export const evaluate = async (
  model: Scored,
  tokenizer: Tokenizer,
  examples: readonly Example[],
  task: Task & EvaluateOptions,
): Promise<Evaluation> => {
  const { scoring, options, majority, long = 'refuse', progress = () => undefined, signal, beams } = task
  if (examples.length === 0)
    throw new UserError({ what: 'there is nothing to score', why: 'the data has no examples' })
  if (scoring === 'choice') {
    if (beams !== undefined)
      throw new UserError({
        what: 'beams search texts, and the examples are scored by the likelihood of their options',
        hint: 'leave out --beams, or score what is written: --score word, letter or text',
        exitCode: 2,
      })
    const chosen = await chooseOptions(model, tokenizer, examples, { options, long, progress, signal })
    const answers = examples.some(e => e.options === undefined) ? { answers: options.length } : {}
    return { scoring, ...chosen, ...answers, majority }
  }
  const some = scoring === 'text' ? withReferences(examples) : examples
  const read = answerReader(scoring, some, options)
  const all = some.map(example => ({
    example,
    prompt: promptTokens(tokenizer, example),
    answer: Math.max(...referencesOf(example).map(r => answerTokens(tokenizer, example, r).length)),
  }))
  const { asked, cut, skipped } = fitPrompts(all, { context: model.context, bos: tokenizer.bos, way: long })
  const most = Math.max(mostTokens[scoring], ...asked.map(a => a.answer))
  const texts: string[] = new Array(asked.length)
  let done = 0
  let atContextEnd = 0
  const lengths = asked.map(a => a.prompt.length)
  for (const places of rowsByLength(lengths, rowsAtOnce)) {
    const part = places.map(i => asked[i]!)
    const prompts = part.map(a => a.prompt)
    const rows = await (beams === undefined
      ? model.greedy(prompts, most, tokenizer, { signal })
      : searchWith(model)(prompts, most, tokenizer, { signal, ...beams }))
    rows.forEach((row, k) => {
      const { prompt, example } = part[k]!
      if (row.length < most && prompt.length + row.length >= model.context) atContextEnd += 1
      texts[places[k]!] = answerWithin(textAfter(tokenizer, prompt, row), referencesOf(example))
    })
    done += part.length
    progress(done)
  }
  const predictions = asked.map(({ example, prompt }, i): Prediction => {
    const text = texts[i]!
    const written = referencesOf(example).map(r =>
      textAfter(tokenizer, prompt, answerTokens(tokenizer, example, r)),
    )
    const right = [...referencesOf(example), ...written].some(r => {
      const wanted = read(r, example)
      return wanted !== undefined && wanted === read(text, example)
    })
    return { example, predicted: scoring === 'text' ? text : read(text, example), right }
  })
  return {
    scoring,
    majority,
    accuracy: shareOf(predictions.map(p => p.right)),
    ...(scoring === 'text'
      ? textScores(
          texts,
          asked.map(a => referencesOf(a.example)),
        )
      : {}),
    ...(cut === 0 ? {} : { cut }),
    ...(skipped === 0 ? {} : { skipped }),
    ...(atContextEnd === 0 ? {} : { atContextEnd }),
    predictions,
  }
}

/** The model's beam search. Throws a `UserError` if it has none. */
const searchWith = (model: Scored): NonNullable<Scored['beams']> => {
  if (model.beams !== undefined) return model.beams.bind(model)
  throw new UserError({ what: 'this model does not search with beams', hint: 'leave out the beams' })
}

const textScores = (texts: readonly string[], references: readonly (readonly string[])[]) => {
  const known = references.map(rs => rs.map(comparable))
  const written = texts.map(comparable)
  const hasBleu = known.some(rs => rs.some(r => tokenise13a(r).length >= 4))
  return { ...(hasBleu ? { bleu: corpusBleu(written, known) } : {}), rougeL: rougeL(written, known) }
}
