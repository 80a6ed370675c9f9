import { orderedExpr } from '../affine/affine-expr.js'
import { affineOfAnySize } from '../affine/affine-of.js'
import { rewriter } from '../ir/expr.js'
import { sortGraph } from '../ir/graph.js'
import type { Graph } from '../ir/ir.js'
import { nameSizes, type SizeNames } from '../open/name-sizes.js'
import { simplify } from '../simplify/simplify.js'

/** A graph that holds for all sizes: it was made for some, and `sizes` says what its numbers stand for. */
export interface SizedGraph {
  readonly graph: Graph
  readonly sizes: SizeNames
}

/** Whole numbers as sums without repetitions: `t2 + (t + 1 - t2)` is `t + 1`. */
const withNormalIndices = (graph: Graph): Graph => {
  const simpler = rewriter(e => (e.dtype === 'i32' && e.op !== 'read' ? orderedExpr(affineOfAnySize(e)) : e))
  return {
    ...graph,
    nodes: graph.nodes.map(n => (n.kind === 'compute' ? { ...n, body: simpler(n.body) } : n)),
  }
}

const isPrime = (n: number): boolean => {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false
  return n > 1
}

const primesFrom = (start: number, count: number): readonly number[] => {
  const out: number[] = []
  for (let n = start; out.length < count; n++) if (isPrime(n)) out.push(n)
  return out
}

/**
 * Specialises for two sets of sizes, all of them prime, and simplifies as far as both come out the same.
 * First the two sets order the sizes in opposite ways, so that no comparison of one size with another can
 * go unnoticed; where that fails, they order them alike, and nothing is decided by sizes. Undefined where
 * even then the graphs differ.
 */
export const forAllSizes = (
  names: readonly string[],
  specialise: (sizes: ReadonlyMap<string, number>) => Graph,
): SizedGraph | undefined => {
  const assigned = (primes: readonly number[]) => new Map(names.map((n, i) => [n, primes[i]!]))
  const large = assigned(primesFrom(10_007, names.length))
  const small = primesFrom(1_201, names.length)
  const [opposite, alike] = [assigned([...small].reverse()), assigned(small)]
  const ways: readonly (readonly [ReadonlyMap<string, number>, (g: Graph) => Graph])[] = [
    [opposite, g => simplify(g)],
    [alike, g => withNormalIndices(simplify(g, { anySize: true }))],
    [alike, g => withNormalIndices(sortGraph(g))],
  ]
  for (const [other, way] of ways) {
    const graph = way(specialise(large))
    const sizes = nameSizes(graph, way(specialise(other)), [large, other])
    if (sizes !== undefined) return { graph, sizes }
  }
  return undefined
}
