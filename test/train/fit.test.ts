import { describe, expect, it } from 'vitest'
import type { Artifact } from '../../compiler/artifact.js'
import { DeviceError } from '../../runtime/errors.js'
import type { BatchShape } from '../../src/data/batch.js'
import { requireFit } from '../../src/train/fit.js'

/** A step that takes 100 bytes for its weights and 10 a token. */
const plan = ({ B, T }: BatchShape): Artifact => ({
  format: 'jola-artifact-1',
  name: 'Jola.step',
  requires: {
    features: [],
    storageBuffersPerStage: 0,
    bindingBytes: 0,
    workgroupInvocations: 1,
    unaddressable: [],
  },
  buffers: [{ bytes: 100, role: 'input' }],
  inputs: [],
  outputs: [],
  kernels: [],
  steps: [],
  peakBytes: 100 + 10 * B * T,
  leastBytes: 100,
})

const shape: BatchShape = { B: 8, T: 64, A: 64, everywhere: true }

/** What is said of a step that may take so much; nothing if it fits. */
const said = (capacity: number | undefined): DeviceError | undefined => {
  try {
    requireFit(plan(shape), capacity, shape, plan)
  } catch (error) {
    if (error instanceof DeviceError) return error
    throw error
  }
  return undefined
}

describe('a step that does not fit', () => {
  it('is none if it may take as much, or nobody knows', () => {
    expect(said(5220)).toBeUndefined()
    expect(said(undefined)).toBeUndefined()
  })

  it('says by how much, and the batch that would', () => {
    const error = said(3000)!
    expect(error.kind).toBe('out-of-memory')
    expect(error.why).toContain('2.2 KiB too little')
    expect(error.hint).toContain('--set batch=4')
    expect(error.hint).toContain('2.6 KiB')
  })

  it('names a shorter context where not even one example fits', () => {
    expect(said(500)!.hint).toContain('--set batch=1 --set context=32')
  })

  it('does not promise what no batch gives', () => {
    expect(said(90)!.hint).toContain('No smaller batch')
  })
})
