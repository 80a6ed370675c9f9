/** Files and what each imports of the others. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>

/**
 * The groups of files that import each other in a circle: the strongly connected components of more than one
 * file (Tarjan, "Depth-first search and linear graph algorithms", 1972).
 */
export const circlesOf = (graph: ImportGraph): readonly (readonly string[])[] => {
  const numbers = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const open = new Set<string>()
  const circles: string[][] = []
  const visit = (file: string): void => {
    const number = numbers.size
    numbers.set(file, number)
    lowest.set(file, number)
    stack.push(file)
    open.add(file)
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue
      if (!numbers.has(next)) visit(next)
      if (open.has(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!))
    }
    if (lowest.get(file) !== number) return
    const circle = stack.splice(stack.indexOf(file))
    for (const member of circle) open.delete(member)
    if (circle.length > 1 || graph.get(file)!.includes(file)) circles.push(circle.reverse())
  }
  for (const file of graph.keys()) if (!numbers.has(file)) visit(file)
  return circles
}
