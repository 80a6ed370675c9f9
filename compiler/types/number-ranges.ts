import type { DType } from '../artifact.js'
import type { CoreExpr } from '../core/core.js'
import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import { subexpressionsOf } from './zonk.js'

type NumberType = Exclude<DType, 'bool'>

/**
 * The least and the greatest number of each type; those of `f32` are the last that do not round to infinity.
 */
export const numberRanges: Readonly<Record<NumberType, readonly [least: number, greatest: number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  f32: [-(2 ** 128 - 2 ** 103), 2 ** 128 - 2 ** 103],
}

/** Written numbers that their types do not have: they would become other numbers without a word. */
export const literalErrors = (body: CoreExpr): readonly Diagnostic[] => {
  const errors: Diagnostic[] = []
  const visit = (e: CoreExpr): void => {
    const written = literalOf(e)
    if (written === undefined) {
      for (const child of subexpressionsOf(e)) visit(child)
      return
    }
    const type = e.type.kind === 'scalar' && e.type.dtype !== 'bool' ? e.type.dtype : 'i32'
    const [least, greatest] = numberRanges[type]
    if ((written >= least && written <= greatest) || !Number.isFinite(written)) return
    errors.push(outsideType(`${written}`, type, e.span))
  }
  visit(body)
  return errors
}

/** A number as it is written, with its sign. */
const literalOf = (e: CoreExpr): number | undefined => {
  if (e.kind === 'const') return typeof e.value === 'number' ? e.value : undefined
  const arg = e.kind === 'op' && e.op === 'neg' ? e.args[0] : undefined
  return arg?.kind === 'const' && typeof arg.value === 'number' ? -arg.value : undefined
}

/** The error of a number, as it is written, that a type does not have. */
export const outsideType = (written: string, type: NumberType, span: Span): Diagnostic => {
  const [least, greatest] = numberRanges[type]
  return {
    code: 'E0360',
    title: `${type === 'u32' ? 'a' : 'an'} ${type} cannot be ${written}`,
    labels: [{ span, text: `outside ${type}` }],
    text:
      type === 'f32'
        ? 'The greatest f32 is about 3.4e38.'
        : `Numbers of type ${type} go from ${least} to ${greatest}.`,
    hint:
      type === 'u32' && written.startsWith('-')
        ? 'write an i32, or convert one: `u32(…)`'
        : 'write a number of the type, or compute with f32',
  }
}
