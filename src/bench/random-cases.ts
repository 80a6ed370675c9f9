import { random32 } from '../data/random.js'
import { type Case, matrixVectorCase, normCase, productCase, softmaxCase } from './cases.js'
import type { ProductShape } from './handwritten/product.js'

const largest = 300

/**
 * Cases of random shapes, the same ones for the same seed: products, matrices times vectors and rows, most of
 * them small, many odd.
 */
export const randomCases = (seed: number, count: number): readonly Case[] =>
  Array.from({ length: count }, (_, stream) => {
    let drawn = 0
    const draw = (): number => random32(seed, stream, drawn++) / 2 ** 32
    const one = <A>(...of: readonly A[]): A => of[Math.floor(draw() * of.length)]!
    /** Every order of magnitude is as likely as another. */
    const size = (): number => {
      const n = Math.floor((largest + 1) ** draw())
      return draw() < 0.5 && n < largest ? n | 1 : n
    }
    const kind = one('product', 'product', 'product', 'matrix-vector', 'rows')
    if (kind === 'matrix-vector') return matrixVectorCase(size(), size(), 0)
    if (kind === 'rows') return one(softmaxCase, normCase)(size(), size(), 0)
    const [m, n, k] = [size(), size(), size()]
    const left = one<ProductShape['left']>('mk', 'km')
    const right = one<ProductShape['right']>('kn', 'nk')
    const batch = one(1, 1, Math.ceil(12 * draw()))
    const letters = `${left === 'km' ? 'Aᵀ' : 'A'}·${right === 'nk' ? 'Bᵀ' : 'B'}`
    const name = `${batch === 1 ? 'product' : `${batch} products`} ${letters} ${m}×${k}×${n}`
    return productCase(name, { batch, m, n, k, left, right }, 0)
  })
