import { afterAll, describe, expect, it } from 'vitest'
import { deviceEngine, type HostTensor } from '../../src/engine/engine.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { withDevice } from '../support/device.js'
import { noteErrors, printErrors, worst } from './method-errors.js'
import { type MethodProblem, methodNames, methodProblem, peft } from './methods-fixture.js'
import { worstDifference, worstRelative } from './support.js'

/** Relative errors of the loss and of every gradient, by their names. */
const errorsOf = (
  { expected }: MethodProblem,
  outputs: ReadonlyMap<string, HostTensor>,
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...expected].map(([name, numbers]) => [name, worstRelative(outputs.get(name)!.data, numbers)]),
  )

afterAll(printErrors)

describe('each method against PyTorch', () => {
  it.each(methodNames)('%s has its loss and every gradient to 1e-6', async method => {
    const problem = methodProblem(method)
    const errors = errorsOf(problem, await interpreterEngine.run(problem.graph, problem.inputs))
    noteErrors(method, errors)
    expect(worst(errors), JSON.stringify(errors)).toBeLessThan(1e-6)
    const trained = [...problem.expected].reduce((n, [name, x]) => n + (name === 'value' ? 0 : x.length), 0)
    expect(trained).toBe(problem.trained)
  })

  it('ablations that leave nothing out have the numbers of jola', async () => {
    const problem = methodProblem('jola', 'ablations')
    const errors = errorsOf(problem, await interpreterEngine.run(problem.graph, problem.inputs))
    expect(worst(errors), JSON.stringify(errors)).toBeLessThan(1e-6)
  })

  it('lora has the loss and the gradients that PEFT has, and as many numbers to train', async () => {
    const { graph, inputs, trained } = methodProblem('lora')
    const outputs = await interpreterEngine.run(graph, inputs)
    expect(trained).toBe(peft.trained)
    expect(worstRelative(outputs.get('value')!.data, [peft.loss])).toBeLessThan(1e-6)
    for (const [name, numbers] of peft.gradients) {
      const largest = Math.max(...numbers.map(Math.abs))
      expect(worstDifference(outputs.get(name)!.data, numbers) / largest, name).toBeLessThan(1e-6)
    }
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
