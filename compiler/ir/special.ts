/** a − ⌊a/b⌋·b, exact but for the last addition: a rest of 0 has the sign of b. */
export const realMod = (a: number, b: number): number => {
  const rest = a % b
  if (rest === 0) return b < 0 || Object.is(b, -0) ? -0 : 0
  return rest < 0 === b < 0 ? rest : rest + b
}

/**
 * erf to float64 accuracy, by 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!! (Abramowitz and Stegun 7.1.6), whose
 * terms are all positive.
 */
export const erf = (x: number): number => {
  if (Number.isNaN(x)) return x
  if (Math.abs(x) > 6) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

const rotations = [13, 15, 26, 6, 17, 29, 16, 24]
const parity = 0x1bd11bda

/**
 * Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"): both words,
 * as u32.
 */
export const threefry = (k0: number, k1: number, c0: number, c1: number): readonly [number, number] => {
  const keys = [k0 | 0, k1 | 0, k0 ^ k1 ^ parity]
  let x = (c0 + k0) | 0
  let y = (c1 + k1) | 0
  for (let round = 0; round < 20; round++) {
    const r = rotations[round % 8]!
    x = (x + y) | 0
    y = ((y << r) | (y >>> (32 - r))) ^ x
    if (round % 4 === 3) {
      const block = (round + 1) / 4
      x = (x + keys[block % 3]!) | 0
      y = (y + keys[(block + 1) % 3]! + block) | 0
    }
  }
  return [x >>> 0, y >>> 0]
}

/** The WGSL text of the same function: `threefry(k0, k1, c0, c1)`. */
export const threefryWgsl = (): string => {
  const lines = [
    'fn threefry(k0: u32, k1: u32, c0: u32, c1: u32) -> vec2<u32> {',
    `  let k2 = k0 ^ k1 ^ ${parity}u;`,
    '  var x = c0 + k0;',
    '  var y = c1 + k1;',
  ]
  for (let round = 0; round < 20; round++) {
    const r = rotations[round % 8]!
    lines.push(`  x = x + y; y = ((y << ${r}u) | (y >> ${32 - r}u)) ^ x;`)
    if (round % 4 === 3) {
      const block = (round + 1) / 4
      lines.push(`  x = x + k${block % 3}; y = y + k${(block + 1) % 3} + ${block}u;`)
    }
  }
  return [...lines, '  return vec2<u32>(x, y);', '}'].join('\n')
}
