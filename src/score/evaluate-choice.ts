import { rowsByLength } from '../data/batch-order.js'
import type { Example } from '../data/examples.js'
import { UserError } from '../errors/user-error.js'
import { argmax } from '../predict/logits.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { encodeOptions } from './encode-options.js'
import type { Evaluation, Prediction, Scored } from './evaluation.js'
import { fitPrompts, type LongWay } from './fit-prompts.js'
import { likeliest, shareOf } from './scores.js'
import { comparable, referencesOf } from './written-answers.js'

interface Choice {
  readonly example: Example
  readonly options: readonly string[]
  readonly prompt: readonly number[]
  /** The tokens that all options begin with. */
  readonly beginning: readonly number[]
  readonly continuations: readonly (readonly number[])[]
  readonly answer: number
}

const choiceOf = (tokenizer: Tokenizer, example: Example, fallback: readonly string[]): Choice => {
  const options = example.options ?? fallback
  const { shared, beginning, continuations } = encodeOptions(tokenizer, example.prompt, options, example.chat)
  const same = continuations.findIndex((c, i) => continuations.findIndex(d => d.join() === c.join()) < i)
  if (same >= 0)
    throw new UserError({
      what: 'two options are the same tokens',
      where: `${example.file}:${example.line}`,
      why: `the tokenizer writes ${JSON.stringify(options[same])} as it does another of them`,
      hint: 'give options that differ, or score by --score text',
    })
  return {
    example,
    options,
    prompt: shared,
    beginning,
    continuations,
    answer: beginning.length + Math.max(...continuations.map(c => c.length)),
  }
}

/** The first token of a row that its options do not share. */
const beginOf = ({ prompt, beginning }: Choice): number => prompt.length + beginning.length

const isRight = ({ example }: Choice, option: string | undefined): boolean =>
  option !== undefined && referencesOf(example).some(r => comparable(r) === comparable(option))

/** Options for choosing an answer. */
export interface ChoiceOptions {
  /** The options of examples that name none. */
  readonly options: readonly string[]
  readonly long: LongWay
  readonly progress: (done: number) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * The likeliest option of each example: by one token where every option is one, else by the mean over its
 * tokens. Throws a `UserError` where prompts are too long.
 */
export const chooseOptions = async (
  model: Scored,
  tokenizer: Tokenizer,
  examples: readonly Example[],
  { options, long, progress, signal }: ChoiceOptions,
): Promise<Omit<Evaluation, 'scoring' | 'majority'>> => {
  const all = examples.map(example => choiceOf(tokenizer, example, options))
  const { asked, cut, skipped } = fitPrompts(all, {
    // An option's last token is only predicted.
    context: model.context + 1,
    bos: tokenizer.bos,
    way: long,
  })
  const settled = new Map<Choice, Prediction>()
  const free: boolean[] = []
  const settle = (choice: Choice, option: string | undefined): void => {
    settled.set(choice, { example: choice.example, predicted: option, right: isRight(choice, option) })
  }
  const lengths = asked.map(a => a.prompt.length)
  for (const places of rowsByLength(lengths, 8)) {
    const some = places.map(i => asked[i]!)
    if (some.every(s => s.continuations.every(c => c.length === 1))) {
      const logits = await model.next(
        some.map(s => [...s.prompt, ...s.beginning]),
        { signal },
      )
      some.forEach((s, k) => {
        const tokens = s.continuations.map(c => c[0]!)
        settle(s, s.options[argmax(tokens.map(t => logits[k]![t]!))])
        if (s.beginning.length === 0) free.push(isRight(s, s.options[tokens.indexOf(argmax(logits[k]!))]))
      })
    } else
      for (const s of some) {
        const losses = await model.losses(
          s.continuations.map(c => ({ tokens: [...s.prompt, ...s.beginning, ...c], from: beginOf(s) })),
          { signal },
        )
        const each = losses.map((loss, k) => s.continuations[k]!.map((_, __, c) => loss / c.length))
        settle(s, likeliest(s.options, each))
      }
    progress(settled.size)
  }
  const predictions = asked.map(choice => settled.get(choice)!)
  return {
    accuracy: shareOf(predictions.map(p => p.right)),
    ...(free.length === predictions.length ? { unconstrained: shareOf(free) } : {}),
    ...(cut === 0 ? {} : { cut }),
    ...(skipped === 0 ? {} : { skipped }),
    predictions,
  }
}
