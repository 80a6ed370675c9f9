/**
 * A counter-based random generator: 32 random bits from (seed, stream, counter) alone, so that any point of
 * any stream can be computed directly. It applies MurmurHash3's finaliser (Appleby) three times to the mixed
 * words.
 */
export const random32 = (seed: number, stream: number, counter: number): number => {
  const finalise = (word: number): number => {
    let h = word >>> 0
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return (h ^ (h >>> 16)) >>> 0
  }
  const a = finalise((seed >>> 0) + 0x9e3779b9)
  const b = finalise(a ^ Math.imul(stream + 1, 0x85ebca77))
  return finalise(b ^ Math.imul(counter + 1, 0xc2b2ae3d))
}

/** A permutation of 0 … n−1 by the Fisher–Yates shuffle, a pure function of (seed, epoch, n). */
export const permutation = (seed: number, epoch: number, n: number): Int32Array => {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor((random32(seed, epoch, i) / 2 ** 32) * (i + 1))
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return order
}
