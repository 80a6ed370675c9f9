import { programOf } from '../../acceptance/support.js'

const names = (n: number): readonly string[] => [...Array(n).keys()].map(i => `x${i}`)
const given = (n: number, type = 'f32[N]'): string =>
  names(n)
    .map(x => `${x}: ${type}`)
    .join(', ')

const text = `
size N
fn sum16(${given(16)}) -> f32[N] = for i -> ${names(16)
  .map(x => `${x}[i]`)
  .join(' + ')}
fn mixed(${given(20)}) -> f32[N] = for i -> ${names(20)
  .map((x, k) => `sin(${x}.at(i + ${k}, else: 1.0))`)
  .join(' * ')}
fn total(${given(24)}) -> f32 = sum i: N, j: 3 -> ${names(24)
  .map((x, k) => `${x}[i] * f32(j + ${k})`)
  .join(' + ')}
fn best(${given(12)}) -> i32 = argmax i: N -> ${names(12)
  .map(x => `${x}[i]`)
  .join(' + ')}
fn norm16(${given(16)}) -> f32 = sqrt(${names(16)
  .map(x => `(sum i -> ${x}[i] * ${x}[i])`)
  .join(' + ')})
fn clipped(${given(18)}) -> f32[N] =
  let n = norm16(${names(16).join(', ')})
  for i -> x16[i] / maximum(1.0, n) + x17[i] * ${names(16)
    .map(x => `${x}[i]`)
    .join(' * ')}
fn turns(${given(12)}) -> f32[N] =
  fold s = x0 for t: 3 -> for i -> ${names(12)
    .map(x => `${x}[i]`)
    .join(' + ')} + 0.5 * s[i]
fn picked(${given(12)}, k: idx[N][N]) -> f32[N] = for i -> ${names(12)
  .map(x => `${x}[k[i]]`)
  .join(' + ')}
fn slope(${given(12)}) -> f32[N] =
  grad(y -> sum i: N -> sin(y[i]) * ${names(12)
    .map(x => `${x}[i]`)
    .join(' * ')})(x0)
fn product(${given(14, 'f32[N, N]')}) -> f32[N, N] =
  for i, j -> sum k: N -> (${names(7)
    .map(x => `${x}[i, k]`)
    .join(' + ')}) * (${names(14)
    .slice(7)
    .map(x => `${x}[k, j]`)
    .join(' + ')})
`

/** Functions that read more tensors than a kernel may bind on many devices, with a value for N. */
export const vectors = {
  program: programOf(text),
  functions: [
    ['main.sum16', 100],
    ['main.mixed', 37],
    ['main.total', 70000],
    ['main.best', 50],
    ['main.norm16', 33],
    ['main.clipped', 64],
    ['main.turns', 64],
    ['main.picked', 9],
    ['main.slope', 17],
    ['main.product', 24],
  ] as const,
}
