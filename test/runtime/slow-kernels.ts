import type { Artifact } from '../../compiler/artifact.js'
import { artifact, buffer, dispatch, kernel, tensor } from './artifacts.js'

/**
 * `y` from `x` by so many kernels, each of which takes a software driver some tenths of a second to compile. Another salt makes kernels
 * that it has never seen.
 */
export const slowChain = (kernels: number, salt: number): Artifact => {
  const n = 64
  const body = (k: number): string =>
    Array.from(
      { length: 300 },
      (_, i) => `x = cos(3.7 * x) * ${(1 + 1e-3 * k + 1e-5 * i + 1e-6 * salt).toFixed(7)};`,
    ).join('\n  ')
  return artifact({
    name: 'slow chain',
    buffers: [
      buffer('input', n),
      ...Array.from({ length: kernels }, (_, k) => buffer(k + 1 === kernels ? 'output' : 'temp', n)),
    ],
    inputs: [tensor('x', [n], 0)],
    outputs: [tensor('y', [n], kernels)],
    kernels: Array.from({ length: kernels }, (_, k) =>
      kernel(`slow ${k}`, ['read', 'read_write'], `var x = b0[i];\n  ${body(k)}\n  b1[i] = x;`),
    ),
    steps: Array.from({ length: kernels }, (_, k) => dispatch(k, [k, k + 1], n)),
  })
}
