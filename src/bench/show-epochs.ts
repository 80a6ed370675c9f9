import type { Spread } from '../measure/statistics.js'
import type { EpochResult, EpochsReport, EpochsResult } from './epochs/measure-epochs.js'
import { type Block, number, text, three } from './table.js'

const ratio = (s: Spread | undefined): string =>
  s === undefined ? '' : `${s.median.toFixed(2)} (${s.least.toFixed(2)}–${s.most.toFixed(2)})`

const ways: Readonly<Record<EpochResult['batches'], string>> = {
  alike: 'rows of like length share a batch',
  any: 'each padded to its longest row',
  one_length: 'all padded to the longest row',
  equal: 'as many tokens in rows of equal length',
}

const whole = (n: number): string => n.toLocaleString('en')

const about = (s: EpochsResult): string =>
  `${s.name} on ${s.model}: ${whole(s.examples)} rows of ${three(s.mean)} tokens in the mean and ` +
  `${s.longest} at most${s.left === 0 ? '' : ` (${whole(s.left)} longer ones left out)`}; equal rows have ` +
  `${s.equal}. Batches have ${s.lengths.length} lengths; steps of ${s.timed.join(', ')} positions were ` +
  'timed, and the time of any other length lies on a straight line between. Distinct kernels at all ' +
  `lengths ÷ at one: ${(s.kernels.all / s.kernels.one).toFixed(2)} (${s.kernels.all} ÷ ${s.kernels.one})`

/** Epochs as tables, one a data set. */
export const showEpochs = ({ sets, missing }: EpochsReport): readonly Block[] => [
  "JoLA's step, batches of 8 rows, answers of one token; weights and tokens are random, lengths are those " +
    'of the training data. No epoch was run: its time is worked out from those of single steps, on full ' +
    'rows.',
  ...sets.flatMap((s): readonly Block[] => [
    about(s),
    {
      columns: [
        text('by'),
        text('batches'),
        number('tokens in positions'),
        number('tokens of data a second'),
        number('time ÷ equal rows'),
        number('time ÷ PyTorch, each padded to its longest row'),
      ],
      rows: s.epochs.map(e => [
        e.by,
        ways[e.batches],
        `${(100 * e.share).toFixed(1)} %`,
        `${three(e.rate.median)} (${three(e.rate.least)}–${three(e.rate.most)})`,
        ratio(e.toEqual),
        ratio(e.toPeer),
      ]),
    },
  ]),
  ...missing.map(({ name, why }) => `${name} was not measured: ${why}`),
]
