/*
 * Printing a derivative as a `.jola` module that can be checked and called (`jola grad FILE --fn f --wrt x`).
 * 1. The graph is made for two sets of prime sizes; numbers that differ between both are named as
 *    polynomials of the sizes, and graphs that differ in more than numbers have no one text
 *    (`for-all-sizes.ts`, `name-sizes.ts`).
 * 2. Small definitions are put where they are used (`inline-definitions.ts`).
 * 3. Expressions take the form in which people write them: products, powers, common factors (`tidy.ts`).
 * 4. Definitions are written as syntax, and the syntax printer prints it (`print-source.ts`,
 *    `write-expr.ts`).
 * For example the derivative of `sum i -> x[i] ^ 2` by x is printed as `for i -> 2 * x[i]`.
 * Loops that run backwards and random numbers have no source form: for those the text is the IR with named
 * sizes.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { CoreFn, Program } from '../core/core.js'
import { sizeText } from '../core/size.js'
import { printGraph } from '../ir/print.js'
import { type Bindings, specialiseGrad } from '../specialise/specialise.js'
import { forAllSizes, type SizedGraph } from './for-all-sizes.js'
import { printSource } from './print-source.js'

/** A derivative as text: source that can be checked and called, or the tensor IR and why it is not more. */
export type DerivativeText =
  | { readonly kind: 'source'; readonly text: string }
  | { readonly kind: 'graph'; readonly text: string; readonly why: string }

/**
 * The derivative of a function by one of its parameters, for all sizes, as a `.jola` module with one
 * function `fn_d_wrt`. Where the language cannot say it (a loop that runs backwards, random numbers), it is
 * the simplified IR with sizes named. Undefined where no one text holds for all sizes.
 */
export const derivativeSource = (
  program: Program,
  fn: CoreFn,
  wrt: string,
  bindings: Omit<Bindings, 'sizes' | 'sizesAsInputs'> = {},
): DerivativeText | undefined => {
  const sized = forAllSizes(fn.sizes, sizes =>
    specialiseGrad(program, fn, wrt, { ...bindings, sizes, sizesAsInputs: true }),
  )
  if (sized === undefined) return undefined
  const source = printSource(sized, { program, fn, wrt })
  return E.isRight(source)
    ? { kind: 'source', text: source.right }
    : { kind: 'graph', text: namedGraph(sized), why: source.left }
}

/** The IR with the names of sizes in place of numbers. */
const namedGraph = ({ graph, sizes }: SizedGraph): string =>
  printGraph(graph).replace(/(?<![%\w.])\d+(?![\w.])/g, digits => {
    const size = sizes.whole.get(Number(digits))
    return size === undefined ? digits : sizeText(size).replaceAll(' ', '')
  })
