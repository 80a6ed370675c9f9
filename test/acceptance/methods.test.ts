import { afterAll, describe, expect, it } from 'vitest'
import { deviceEngine, type HostTensor } from '../../src/engine/engine.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { withDevice } from '../support/device.js'
import { type MethodProblem, methodNames, methodProblem } from './methods-fixture.js'
import { worstRelative } from './support.js'

/** Relative errors of the loss and of every gradient, by their names. */
const errorsOf = (
  { expected }: MethodProblem,
  outputs: ReadonlyMap<string, HostTensor>,
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...expected].map(([name, numbers]) => [name, worstRelative(outputs.get(name)!.data, numbers)]),
  )

const worst = (errors: Readonly<Record<string, number>>): number => Math.max(...Object.values(errors))

/** Rows of the table in docs/methods.md, which `ERRORS=1` asks to be printed. */
const rows = new Map<string, readonly string[]>()

const noteErrors = (method: string, errors: Readonly<Record<string, number>>): void => {
  const { value, ...gradients } = errors
  const shown = [value!, worst(gradients)].map(x => x.toExponential(1))
  rows.set(method, [...(rows.get(method) ?? []), ...shown])
}

afterAll(() => {
  if (process.env.ERRORS === undefined) return
  for (const [method, cells] of rows) process.stdout.write(`| ${method} | ${cells.join(' | ')} |\n`)
})

describe('each method against PyTorch', () => {
  it.each(methodNames)('%s has its loss and every gradient to 1e-6', async method => {
    const problem = methodProblem(method)
    const errors = errorsOf(problem, await interpreterEngine.run(problem.graph, problem.inputs))
    noteErrors(method, errors)
    expect(worst(errors), JSON.stringify(errors)).toBeLessThan(1e-6)
  })

  withDevice('on the device', device => {
    it.each(methodNames)('%s has them to 1e-3', async method => {
      const problem = methodProblem(method)
      const errors = errorsOf(problem, await deviceEngine(device).run(problem.graph, problem.inputs))
      noteErrors(method, errors)
      expect(worst(errors), JSON.stringify(errors)).toBeLessThan(1e-3)
    })
  })
})
