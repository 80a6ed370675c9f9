import type { SiteEdit } from '../../compiler/specialise/merge.js'
import { UserError } from '../errors/user-error.js'

/** How a place is called in messages. */
const called = (site: string): string => site.replaceAll('_', ' ')

const normed = 'what a norm gives'

/** Places whose homes are biases alone, and what stands there. */
const onStream: ReadonlyMap<string, string> = new Map([
  ['block', 'the residual stream'],
  ['attention_input', normed],
  ['feed_forward_input', normed],
  ['last', normed],
])

/** Why an edit of a place is no change of weights; undefined where it is one. */
const reasonOf = (edit: SiteEdit, homes: ReadonlySet<string>): string | undefined => {
  const { site, byPlace, affine, shift } = edit
  const at = `the edit of \`${called(site)}\``
  if (byPlace) return `${at} differs from token to token, by position or by where the prompt ends`
  if (!homes.has(site)) return `${at} has no weights in this model that could hold it`
  const stream = onStream.get(site)
  if (stream !== undefined)
    return shift
      ? undefined
      : `${at} multiplies ${stream}, which no weight of the model does; only a fixed vector can be added`
  if (site !== 'embedding' && !affine) return `${at} is not affine: it is no matrix and bias`
  return undefined
}

/**
 * Throws a `UserError` with every reason for which edits can't become weights. `homes` are the places that
 * the model's `merge` takes.
 */
export const requireMergeable = (
  edits: readonly SiteEdit[],
  homes: ReadonlySet<string>,
  where: string,
): void => {
  const reasons = edits.flatMap(e => reasonOf(e, homes) ?? [])
  if (reasons.length === 0) return
  throw new UserError({
    what: 'the edits cannot be merged into the weights',
    where,
    why: reasons.join('; '),
    hint: 'use the run as it is: `jola eval`, `jola generate` and openRun compute with the edits',
  })
}

/** The refusal of biases for which the model's family has no place. */
export const noHome = (fields: readonly string[], family: unknown, where: string): UserError =>
  new UserError({
    what: 'the model has no place for what the edits add',
    where,
    why:
      `${fields.map(f => `\`${f}\``).join(', ')} would not be 0, and the family ${String(family)} has no ` +
      'tensor for that, nor is there another family that computes the same and has one',
    hint:
      '--without-biases leaves them out and says by how much the logits then differ; scalings and low-rank ' +
      'updates alone need none',
  })
