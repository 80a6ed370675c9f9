import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'

/**
 * The reason why a type is expected of an expression. It words the message when the expression has another
 * type.
 */
export type ExpectedBy =
  | {
      readonly kind: 'argument'
      readonly fn: string
      readonly param: string
      readonly at?: Span
      /** The parameter's type as the function's signature has it. */
      readonly declared?: Type
      /** The whole call. */
      readonly call?: Span
      /** For a lambda: the argument that its parameter receives. */
      readonly handed?: Span
    }
  | { readonly kind: 'result'; readonly fn: string; readonly at: Span }
  | { readonly kind: 'let'; readonly name: string; readonly at: Span }
  | { readonly kind: 'field'; readonly field: string; readonly record: string; readonly at?: Span }
  | { readonly kind: 'branch'; readonly at: Span }
  | { readonly kind: 'carry'; readonly at: Span }
  | { readonly kind: 'condition' }
  | { readonly kind: 'element'; readonly at: Span }
  | { readonly kind: 'operand'; readonly op: string; readonly at?: Span }
  | { readonly kind: 'plain'; readonly text: string; readonly at?: Span }

/** The type that is expected of an expression, and by what. */
export interface Expected<T extends Type = Type> {
  readonly type: T
  readonly why: ExpectedBy
}

/** The place that expects a type, where there is one. */
export const placeOfExpectation = (why: ExpectedBy): Span | undefined => ('at' in why ? why.at : undefined)

/** Two types that must be equal: that of the expression at `span`, and the one that is expected of it. */
export interface TypeEquation {
  readonly span: Span
  readonly actual: Type
  readonly expected: Type
  readonly why: ExpectedBy
  /** For a lambda's parameter: the argument that gave it its type. */
  readonly from?: Span | undefined
}
