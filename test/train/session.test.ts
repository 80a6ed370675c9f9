import { expect, it, onTestFinished, vi } from 'vitest'
import { openNodeDevice } from '../../runtime/node.js'
import { llamaConfig } from '../../src/bench/random-model.js'
import { fullShape, jola, openStep } from '../../src/bench/recipe-step.js'
import { withDevice } from '../support/device.js'

const model = llamaConfig({
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 16,
  max_position_embeddings: 32,
})

withDevice('a session', () => {
  it('compiles no kernel for a device that can not run its step', async () => {
    const device = await openNodeDevice()
    onTestFinished(() => device.close())
    Object.assign(device, { traits: { ...device.traits, bindingBytes: 16 } })
    const compiling = vi.spyOn(device.pipelines, 'pipeline')
    const plan = { name: 'tiny', recipe: jola, model, shape: fullShape(2, 4) }
    await expect(openStep(device, plan)).rejects.toMatchObject({ kind: 'too-small' })
    expect(compiling.mock.calls.length).toBe(0)
  })
})
