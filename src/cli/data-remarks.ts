import type { DataSet, TokenisedPart } from '../train/data-set.js'
import { count } from './shared.js'

/** What is left out of a part, and what is odd about it, in sentences. */
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

/** What is to be said of training and validation data, if anything. */
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
