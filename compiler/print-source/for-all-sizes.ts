import { sortGraph } from '../ir/graph.js'
import type { Graph } from '../ir/ir.js'
import { simplify } from '../simplify/simplify.js'
import { nameSizes, type SizeNames } from './name-sizes.js'

/** A graph that holds for all sizes: it was made for some, and `sizes` says what its numbers stand for. */
export interface SizedGraph {
  readonly graph: Graph
  readonly sizes: SizeNames
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
 * Specialises for two sets of sizes, all of them prime, and simplifies as far as both come out the same. The two sets order the sizes in
 * opposite ways, so that no comparison of one size with another decides anything. Undefined where even the graphs as specialised
 * differ.
 */
export const forAllSizes = (
  names: readonly string[],
  specialise: (sizes: ReadonlyMap<string, number>) => Graph,
): SizedGraph | undefined => {
  const large = primesFrom(10_007, names.length)
  const small = [...primesFrom(1_201, names.length)].reverse()
  const at = [large, small].map(ps => new Map(names.map((n, i) => [n, ps[i]!])))
  const [a, b] = at.map(specialise) as [Graph, Graph]
  const ways: readonly ((g: Graph) => Graph)[] = [
    g => simplify(g),
    g => simplify(g, { anySize: true }),
    g => sortGraph(g),
  ]
  for (const way of ways) {
    const graph = way(a)
    const sizes = nameSizes(graph, way(b), [at[0]!, at[1]!])
    if (sizes !== undefined) return { graph, sizes }
  }
  return undefined
}
