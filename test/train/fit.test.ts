import { describe, expect, it } from 'vitest'
import { DeviceError } from '../../runtime/errors.js'
import type { BatchShape } from '../../src/data/batch.js'
import { type Remedies, requireFit } from '../../src/train/fit.js'

/** A recipe that takes 100 bytes for its weights and 10 a token. */
const plan = ({ B, T }: BatchShape) => ({ bytes: 100 + 10 * B * T, given: 100 })

const shape: BatchShape = { B: 8, T: 64, A: 64, everywhere: true }

const bySettings: Remedies = { batch: '--set batch=', context: '--set context=' }

/** What is said of a recipe that may take so much; nothing if it fits. */
const said = (
  capacity: number | undefined,
  remedies: Remedies = bySettings,
  replan: ((shape: BatchShape) => ReturnType<typeof plan>) | 'nothing' = plan,
): DeviceError | undefined => {
  try {
    requireFit({
      name: 'Jola',
      plan: plan(shape),
      capacity,
      shape,
      replan: replan === 'nothing' ? undefined : replan,
      remedies,
    })
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

  it('plans nothing else where what it is given is too much already', () => {
    const never = () => expect.unreachable('another shape was planned')
    expect(said(90, bySettings, never)!.hint).toContain('No smaller batch')
  })

  it('advises what the command can be told, and nothing else', () => {
    const bare = { batch: undefined, context: undefined }
    expect(said(3000, bare)!.hint).toBe('A batch of 4 would fit: it needs 2.6 KiB.')
    expect(said(500, { ...bySettings, context: undefined })!.hint).not.toContain('--set')
    expect(said(90)!.hint).not.toMatch(/--(weights|memory)/)
    const all = { ...bySettings, weights: '--weights', memory: '--memory' }
    expect(said(90, all)!.hint).toMatch(/--weights of fewer bits, or give it more --memory/)
  })

  it('advises no other size to a run that goes on', () => {
    const error = said(3000, bySettings, 'nothing')
    expect(error!.hint).toContain('only as it was begun')
    expect(error!.hint).not.toContain('--set')
  })
})
