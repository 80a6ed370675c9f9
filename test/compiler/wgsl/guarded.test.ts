import { expect, it } from 'vitest'
import { compileGraph } from '../../../compiler/backend/compile.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import { simplified, specialiseFn } from '../../../compiler/pipeline.js'
import { programOf } from '../../acceptance/support.js'
import { withDevice } from '../../support/device.js'
import { runArtifact, worst } from '../backend/agree.js'

/** A fold over rows, and one inside another. */
const outer = (term: string): string =>
  `fold s = (for c: D -> 0.0) for t: T -> for c: D -> ${term} + 0.5 * s[c]`
const inner = (term: string): string =>
  `fold s = (for c: D -> 0.0) for t: T -> fold r = s for u: T -> for c: D -> ${term} + 0.5 * r[c]`

/** Guarded reads of rows before the first and after the last, in loops and in nested loops. */
const bodies = [
  outer('sin(y.at(t + 1, c, else: 0.5))'),
  outer('sin(y.at(t - 1, c, else: 0.5))'),
  outer('y.at(t - 3, c, else: 0.5) + y[t, c]'),
  outer('y.at(t - 3, c, else: 0.5)'),
  outer('y.at(t + 3, c, else: 0.5) + y.at(t - 2, c, else: 0.25)'),
  outer('y.at(2 * t, c, else: 0.5)'),
  outer('y.at(2 * t + 5, c, else: 0.5)'),
  outer('y.at(t, c - 1, else: 0.5)'),
  outer('y.at(t + 2, c + 1, else: 0.5)'),
  outer('y.at(t - 2, c - 1, else: 0.5)'),
  outer('y.at(T - 1 - t, c, else: 0.5)'),
  inner('y.at(t + u, c, else: 0.5)'),
  inner('y.at(t - u, c, else: 0.5)'),
  outer('(sum d: D -> y.at(t + 1, d, else: 0.5))'),
  outer('(sum u: 3 -> y.at(t + u, c, else: 0.5))'),
  outer('(sum u: 3 -> y.at(t - u, c, else: 0.5))'),
  outer('(sum u: 3 -> y.at(t + u + 2, c - u, else: 0.5))'),
  outer('y.at(t + i32(8.0 * y[t, c]), c, else: 0.5)'),
  outer('(sum d: D -> y.at(t - 2, d, else: 0.5))'),
]

const source = bodies.map((b, i) => `fn f${i}(y: f32[T, D]) -> f32[D] = ${b}`).join('\n')
const program = programOf(source)

withDevice('a guarded read in a loop', device => {
  it.each([16, 32, 256])(
    'is right where offsets are multiples of %i bytes',
    { timeout: 300_000 },
    async bindingAlignment => {
      const wrong: string[] = []
      for (const [i, body] of bodies.entries())
        for (const [T, D] of [
          [4, 64],
          [1, 64],
          [5, 8],
          [3, 7],
          [2, 128],
        ] as const) {
          const graph = simplified(
            specialiseFn(program, program.fns.get(`main.f${i}`)!, {
              sizes: new Map([
                ['T', T],
                ['D', D],
              ]),
            }),
          )
          const y = Float64Array.from({ length: T * D }, (_, j) => ((j * 37) % 101) / 64)
          const inputs = new Map([['y', y]])
          try {
            const artifact = compileGraph(graph, {
              ...device.traits,
              bindingAlignment: Math.max(bindingAlignment, device.traits.bindingAlignment),
            })
            const { error, where } = worst(
              await runArtifact(device, artifact, inputs),
              interpret(graph, inputs),
            )
            if (error > 1e-5) wrong.push(`${body} at T=${T}, D=${D}: ${where}`)
          } catch (e) {
            wrong.push(`${body} at T=${T}, D=${D}: ${String(e).slice(0, 200)}`)
          }
        }
      expect(wrong).toEqual([])
    },
  )
})
