import type { DataSet, TokenisedPart } from '../train/data-set.js'
import { count } from './shared.js'

/** Sentences about a part: the examples that were left out, and unusual ones. */
export const partRemarks = (name: string, { remarks }: TokenisedPart): readonly string[] => [
  ...(remarks.dropped > 0
    ? [`${name}: ${count(remarks.dropped, 'example')} left out: longer than the context`]
    : []),
  ...(remarks.empty > 0 ? [`${name}: ${count(remarks.empty, 'text')} left out: empty`] : []),
  ...(remarks.doubledBos > 0
    ? [
        `${name}: ${count(remarks.doubledBos, 'row')} ` +
          `${remarks.doubledBos === 1 ? 'begins' : 'begin'} with begin-of-text twice: the data ` +
          '(or the chat template) has one, and the tokenizer puts another before it; take it ' +
          'out of the data',
      ]
    : []),
]

/** Sentences about training and validation data, if there are any. */
export const dataRemarks = (data: Pick<DataSet, 'parts' | 'shared'>): readonly string[] => [
  ...partRemarks('train', data.parts.train),
  ...partRemarks('valid', data.parts.valid),
  ...(data.shared > 0
    ? [
        `valid: ${count(data.shared, 'example')} ${data.shared === 1 ? 'is' : 'are'} in the ` +
          'training data too: the validation loss tells less',
      ]
    : []),
]
