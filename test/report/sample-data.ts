import { random32 } from '../../src/data/random.js'
import type { CurvePoint, ReportData } from '../../src/report/report-data.js'

const noise = (i: number, stream: number): number => random32(7, stream, i) / 2 ** 32

const grid = (layers: number, heads: number, stream: number): readonly (readonly number[])[] =>
  Array.from({ length: layers }, (_, l) =>
    Array.from({ length: heads }, (_, h) =>
      Math.min(1, Math.max(0, noise(l * heads + h, stream) * 1.5 - 0.35)),
    ),
  )

const curve = (steps: number, every: number, value: (step: number) => number): readonly CurvePoint[] =>
  Array.from({ length: Math.floor(steps / every) }, (_, i) => ({
    step: (i + 1) * every,
    value: value((i + 1) * every),
  }))

/** A made-up run for the page's tests, with every part of it. */
export const sampleReport = (layers: number, heads: number): ReportData => ({
  title: 'JoLA on stories260K: six kinds of question',
  summary: 'A made-up run: every figure on this page was drawn at random.',
  model: [
    { name: 'name', value: 'stories260K' },
    { name: 'layers × heads', value: `${layers} × ${heads}` },
    { name: 'trained', value: '720 of 260,000 numbers' },
  ],
  data: [
    { name: 'training', value: '200 examples' },
    { name: 'test', value: '500 examples' },
  ],
  settings: [
    { name: 'learning_rate', value: '0.005', note: 'of offsets and scalings' },
    { name: 'gate_rate', value: '0.05', note: 'of the gates’ log-odds' },
  ],
  scores: [
    {
      name: 'accuracy on the test questions',
      kind: 'share',
      better: 'higher',
      before: [{ value: 0.304, correct: 152, total: 500 }],
      after: [
        { value: 0.53, correct: 265, total: 500 },
        { value: 0.552, correct: 276, total: 500 },
        { value: 0.518, correct: 259, total: 500 },
      ],
    },
    {
      name: 'validation loss',
      kind: 'number',
      better: 'lower',
      before: [{ value: 8.31 }],
      after: [{ value: 1.27 }],
    },
  ],
  curves: {
    train: curve(500, 1, s => 1.1 + 3 * Math.exp(-s / 60) + 0.5 * (noise(s, 1) - 0.5)),
    valid: curve(500, 25, s => 1.25 + 3 * Math.exp(-s / 70) + 0.05 * noise(s, 2)),
    openScale: curve(500, 5, s => 1 - 0.4 / (1 + Math.exp((300 - s) / 40))),
    openOffset: curve(500, 5, s => 1 - 0.25 / (1 + Math.exp((350 - s) / 40))),
    bestStep: 425,
  },
  gates: { scale: grid(layers, heads, 3), offset: grid(layers, heads, 4) },
  samples: [
    { prompt: 'What is the capital of <Yugoslavia> ? ', before: 'and he was', after: 'E', expected: 'E' },
    { prompt: 'Who discovered "radium" & polonium ? ', before: 'ed the ball.', after: 'D', expected: 'D' },
  ],
  reproduce: {
    command:
      'jola train stdlib/recipes/jola.jola --model models/stories260K --data data/trec ' +
      '--out runs/trec --seed 1',
    facts: [{ name: 'seed', value: '1' }],
  },
})
