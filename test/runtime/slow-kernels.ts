import type { Artifact, KernelDecl } from '../../compiler/artifact.js'
import { artifact, buffer, dispatch, kernel, tensor } from './artifacts.js'

const copying = (name: string, salt: number, body: string): KernelDecl =>
  kernel(name, ['read', 'read_write'], `var x = b0[i] + ${salt.toFixed(9)};\n  ${body}\n  b1[i] = x;`)

/**
 * A kernel that takes a software driver some tenths of a second to compile. Another salt, in [0, 1), makes a
 * kernel that it has never seen.
 */
export const slowKernel = (k: number, salt: number): KernelDecl =>
  copying(
    `slow ${k}`,
    salt,
    Array.from({ length: 400 }, (_, i) => `x = cos(3.7 * x) * ${(1 + 1e-3 * k + 1e-5 * i).toFixed(5)};`).join(
      '\n  ',
    ),
  )

/** A kernel with a text not much shorter than a slow one's, which takes no time to compile. */
export const wordyKernel = (k: number, salt: number): KernelDecl =>
  copying(`wordy ${k}`, salt, `x *= ${k}.0; // ${'and so on '.repeat(1000)}`)

/** `y` from `x` by so many slow kernels. */
export const slowChain = (kernels: number, salt: number): Artifact => {
  const n = 64
  return artifact({
    name: 'slow chain',
    buffers: [
      buffer('input', n),
      ...Array.from({ length: kernels }, (_, k) => buffer(k + 1 === kernels ? 'output' : 'temp', n)),
    ],
    inputs: [tensor('x', [n], 0)],
    outputs: [tensor('y', [n], kernels)],
    kernels: Array.from({ length: kernels }, (_, k) => slowKernel(k, salt)),
    steps: Array.from({ length: kernels }, (_, k) => dispatch(k, [k, k + 1], n)),
  })
}
