import type { Size } from '../core/size.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import { isError, typeF32, typeI32 } from './basic-types.js'
import type { BodyContext } from './body-context.js'
import { typeMismatch } from './mismatch-messages.js'
import { fieldTypes } from './type-traversal.js'

/** The types in the signatures of the methods that training calls. */
export interface RecipeProtocol {
  readonly state: Type
  readonly batch: Type
  /** What a method is given instead of a batch if it says so: right answers and wrong ones. */
  readonly pairs: Type | undefined
  readonly at: Type
  /** The vocabulary and the length of a sequence. */
  readonly vocabulary: Size
  readonly length: Size
}

/** How a method that training calls is declared; the names of the parameters are free. */
export interface MethodRole {
  readonly form: string
  readonly params: readonly Type[]
  /** Another type that the second parameter may be declared with. */
  readonly otherSecond?: Type | undefined
  /** How many of the last parameters a recipe may leave out. */
  readonly optional?: number
  /** The required result, where it is fixed. */
  readonly result?: Type
}

export const methodRoles = (p: RecipeProtocol): ReadonlyMap<string, MethodRole> =>
  new Map<string, MethodRole>([
    ['init', { form: 'init(key)', params: [{ kind: 'key' }], result: p.state }],
    [
      'step',
      {
        form: 'step(s, batch, key, at)',
        params: [p.state, p.batch, { kind: 'key' }, p.at],
        otherSecond: p.pairs,
      },
    ],
    ['edits_of', { form: 'edits_of(s) -> Sites', params: [p.state] }],
    ['validate', { form: 'validate(s, batch)', params: [p.state, p.batch], otherSecond: p.pairs }],
    [
      'predict',
      {
        form: 'predict(s, tokens, prompt)',
        params: [
          p.state,
          { kind: 'tensor', element: { kind: 'idx', bound: p.vocabulary }, dims: [p.length] },
          typeI32,
        ],
        optional: 1,
        result: { kind: 'tensor', element: typeF32, dims: [p.length, p.vocabulary] },
      },
    ],
  ])

/** `step` gives the state and a record of numbers; `validate` a number or such a record. */
export const checkMetrics = (cx: BodyContext, span: Span, method: string, type: Type): void => {
  const t = cx.solver.head(type)
  if (isError(t)) return
  if (method === 'validate' && (t.kind === 'scalar' || t.kind === 'var')) {
    const why = { kind: 'plain', text: '`validate` gives an f32' } as const
    cx.solver.unify(t, typeF32, { span, text: 'the result of `validate`' }, m =>
      cx.report(typeMismatch(cx, { span, actual: t, expected: typeF32, why }, m)),
    )
    return
  }
  if (t.kind !== 'record' && t.kind !== 'fields') {
    cx.report({
      code: 'E0351',
      title:
        method === 'step'
          ? `\`step\` gives a state and a record of numbers to show, not ${cx.show(t)} as its second part`
          : `\`validate\` gives an f32 or a record of them, not ${cx.show(t)}`,
      labels: [{ span, text: `this is ${cx.show(t)}` }],
      hint:
        method === 'step' ? 'for example `({ edits, moments }, { loss })`' : 'for example the loss itself',
    })
    return
  }
  if (method === 'validate' && !fieldTypes(t).has('loss'))
    cx.report({
      code: 'E0351',
      title: '`validate` gives no `loss`',
      labels: [{ span, text: `this is ${cx.show(t)}` }],
      text: 'Training keeps the state whose `loss` in validation is the least.',
      hint: 'give an f32, or name one field of the record `loss`',
    })
  for (const [n, f] of fieldTypes(t))
    cx.solver.unify(f, typeF32, { span, text: `the field \`${n}\`` }, () =>
      cx.report({
        code: 'E0351',
        title: `\`${n}\` is ${cx.show(f)}, but what \`${method}\` shows are f32 numbers`,
        labels: [{ span, text: `\`${n}\` is ${cx.show(f)}` }],
        hint: 'convert a whole number with `f32(…)`; take the mean of a tensor',
      }),
    )
}
