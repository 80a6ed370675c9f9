import * as Either from 'fp-ts/lib/Either.js'
import { checkProgram } from '../../../compiler/check.js'
import type { CoreFn, Program } from '../../../compiler/core/core.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import type { Graph } from '../../../compiler/ir/ir.js'
import { leastTraits } from '../../../compiler/least-traits.js'
import { ProgramLimit } from '../../../compiler/limit.js'
import { lower, simplified, specialiseFn } from '../../../compiler/pipeline.js'
import type { Source } from '../../../compiler/source.js'
import { inputsOf, isGiven } from '../../../compiler/specialise/parameters.js'
import { evaluate } from '../../../compiler/types/poly.js'

/** The sizes that every function of an accepted program is tried at, all its size names alike. */
export const triedSizes = [0, 1, 2, 5] as const

/** What came of a program: whether it was accepted, and what broke, if anything did. */
export interface Tried {
  readonly accepted: boolean
  readonly broke: string | undefined
}

const describe = (error: unknown): string | undefined =>
  error instanceof ProgramLimit
    ? undefined
    : error instanceof Error
      ? `${error.name}: ${error.message.split('\n')[0]} (${/\/(compiler\/[\w/-]+\.ts:\d+)/.exec(error.stack ?? '')?.[1] ?? '?'})`
      : String(error)

/** Whether a function can be called from outside: its parameters are tensors, or have defaults. */
const isCallable = (fn: CoreFn): boolean =>
  fn.types.length === 0 && fn.params.every(p => isGiven(p) || p.default !== undefined)

/** Numbers for a graph's inputs: indices below their bounds; undefined where there is no such index. */
const inputsFor = (
  fn: CoreFn,
  graph: Graph,
  sizes: ReadonlyMap<string, number>,
): Map<string, number[]> | undefined => {
  const bounds = new Map(
    fn.params.flatMap(p => inputsOf(p.name, p.type)).map(s => [s.name, s.bound && evaluate(s.bound, sizes)]),
  )
  const inputs = new Map<string, number[]>()
  for (const node of [...graph.nodes, ...(graph.unread ?? [])]) {
    if (node.kind !== 'input') continue
    const count = node.shape.reduce((n, d) => n * d, 1)
    const bound = bounds.get(node.name)
    if (bound === 0 && count > 0) return undefined
    if (count > 5000) return undefined
    const value = (i: number): number =>
      bound !== undefined
        ? i % bound
        : node.dtype === 'f32'
          ? ((i * 7) % 11) / 4 - 1
          : node.dtype === 'bool'
            ? i % 2
            : i % 3
    inputs.set(
      node.name,
      Array.from({ length: count }, (_, i) => value(i)),
    )
  }
  return inputs
}

const tryFunction = (program: Program, fn: CoreFn, size: number, lowers: boolean): string | undefined => {
  const sizes = new Map(fn.sizes.map(n => [n, size]))
  try {
    const graph = specialiseFn(program, fn, { sizes })
    const simple = simplified(graph)
    const inputs = inputsFor(fn, simple, sizes)
    if (inputs !== undefined) interpret(simple, inputs)
    if (lowers) lower(graph, leastTraits)
    return undefined
  } catch (error) {
    const what = describe(error)
    return what === undefined ? undefined : `\`${fn.name}\` at sizes of ${size}: ${what}`
  }
}

/** Checks a program, and specialises, interprets and lowers the functions of its module `m` if it is accepted. */
export const tryProgram = (
  text: string,
  load: (name: string) => Source | undefined,
  lowers: boolean,
): Tried => {
  try {
    const checked = checkProgram(['m'], name => (name === 'm' ? { name: 'm.jola', text } : load(name)))
    if (Either.isLeft(checked)) return { accepted: false, broke: undefined }
    const program = checked.right
    for (const id of program.modules.get('m')?.fns.values() ?? []) {
      const fn = program.fns.get(id)!
      if (!isCallable(fn)) continue
      for (const size of triedSizes) {
        const broke = tryFunction(program, fn, size, lowers && size === 2)
        if (broke !== undefined) return { accepted: true, broke }
      }
    }
    return { accepted: true, broke: undefined }
  } catch (error) {
    return { accepted: false, broke: `the checker: ${describe(error) ?? error}` }
  }
}
