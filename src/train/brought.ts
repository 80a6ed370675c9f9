import type { DType } from '../../compiler/artifact.js'
import type { BatchShape } from '../data/batch.js'

/** A tensor that the driver provides for each step. */
export interface BroughtTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
}

/**
 * The tensors that the driver provides to a recipe's methods for batches of a shape: the fields of `Batch`
 * and of `At` (`std.data`), and a key. Methods that want pairs are given the tensors of two batches.
 */
export const broughtBy = ({ B, T, A }: BatchShape) =>
  ({
    batch: {
      tokens: { dtype: 'i32', shape: [B, T] },
      position: { dtype: 'i32', shape: [B, A] },
      target: { dtype: 'i32', shape: [B, A] },
      weight: { dtype: 'f32', shape: [B, A] },
      prompt: { dtype: 'i32', shape: [B] },
      example: { dtype: 'i32', shape: [B] },
    },
    at: {
      step: { dtype: 'f32', shape: [] },
      steps: { dtype: 'f32', shape: [] },
      epoch: { dtype: 'f32', shape: [] },
    },
    key: { key: { dtype: 'u32', shape: [2] } },
  }) as const satisfies Readonly<Record<string, Readonly<Record<string, BroughtTensor>>>>
