import type { Device } from '../../runtime/index.js'
import { random32 } from '../data/random.js'
import { UserError } from '../errors/user-error.js'
import type { MergeRequest, MergeSubject } from './merge-subject.js'
import { openAdapters } from './open-adapters.js'
import { openBase } from './open-run.js'

/** How far the written folder is from the edited model. */
export interface MergeCheck {
  /** The largest difference of a logit on random texts. */
  readonly difference: number
  /** The largest logit. */
  readonly largest: number
}

/** Random texts of several lengths. */
const texts = (vocabulary: number, context: number): readonly (readonly number[])[] =>
  [1, 5, 12, 24].map((length, row) =>
    Array.from({ length: Math.min(length, context) }, (_, i) => random32(9, row, i) % vocabulary),
  )

/** How far the logits of the written folder are from those of the edited model. */
export const compareMerged = async (
  device: Device,
  subject: MergeSubject,
  folder: string,
  request: MergeRequest,
): Promise<MergeCheck> => {
  const { set, model } = subject
  const edited = await openAdapters(device, [request.adapters], {
    model: model.directory,
    allow: request.allow,
    force: true,
  })
  const merged = await openBase(device, folder, set.modelModule, { allow: request.allow }).catch(
    async (error: unknown) => {
      await edited.close()
      throw error
    },
  )
  try {
    const { vocab_size: vocabulary } = model.config
    const rows = texts(Number(vocabulary ?? model.tokenizer!.size), model.context)
    const [a, b] = [await edited.sequence.next(rows), await merged.sequence.next(rows)]
    const numbers = a.flatMap((row, r) => Array.from(row, (x, i) => [x, b[r]![i]!] as const))
    return {
      difference: numbers.reduce((most, [x, y]) => Math.max(most, Math.abs(x - y)), 0),
      largest: numbers.reduce((most, [x]) => Math.max(most, Math.abs(x)), 0),
    }
  } finally {
    await edited.close()
    await merged.close()
  }
}

/** The largest difference of a logit, of the largest logit, that rounding explains. */
const tolerance = 1e-4

/** Throws a `UserError` if the logits differ by more than rounding explains. */
export const requireEqual = ({ difference, largest }: MergeCheck, where: string): void => {
  if (difference <= tolerance * Math.max(1, largest)) return
  throw new UserError({
    what: 'the merged model does not compute what the edited model does',
    where,
    why: `on random texts a logit differs by ${difference}, and the largest is ${largest}`,
    hint:
      'nothing was written; the family has no tensor for something that the edits add, such as a bias, or ' +
      'the `merge` of its module does not fit its `logits`',
  })
}
