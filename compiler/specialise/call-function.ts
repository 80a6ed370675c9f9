import type { CoreExpr, CoreFn } from '../core/core.js'
import type { Instance } from '../core/type.js'
import { bindAll, type EvalContext, evaluateCore, extent } from './eval-context.js'
import type { Scope } from './scope.js'
import type { CoreValue } from './value.js'

const instanceKey = (c: EvalContext, instance: Instance): string =>
  [...instance.sizes.values()].map(p => extent(c, p)).join()

/** A lambda. Two are equal if they stand in one place of the program and see equal values. */
export const evaluateLambda = (c: EvalContext, e: Extract<CoreExpr, { kind: 'lambda' }>): CoreValue => {
  const { calls } = c
  let known: string | undefined
  const key = (): string => {
    const sees = calls.captured(e, c.variables).map(id => calls.key(c.variables.get(id)!))
    known ??= calls.short(`λ${calls.number(e)}<${[...c.sizes.values()].join()}>(${sees.join()})`)
    return known
  }
  const apply = (args: readonly CoreValue[], scope: Scope): CoreValue =>
    calls.once(scope, `${key()}(${args.map(a => calls.key(a)).join()})`, () =>
      evaluateCore(
        bindAll(
          { ...c, scope },
          e.params.map((p, i) => [p.id, args[i]!] as const),
        ),
        e.body,
      ),
    )
  return { kind: 'fn', apply, key }
}

/** A top-level function as a value. */
export const evaluateFunctionName = (c: EvalContext, e: Extract<CoreExpr, { kind: 'fn' }>): CoreValue => ({
  kind: 'fn',
  apply: (args, scope) => callFunction({ ...c, scope }, e.fn, e.instance, args),
  key: () => `${e.fn}<${instanceKey(c, e.instance)}>`,
})

/**
 * Calls a top-level function; arguments left out take their defaults, evaluated in the function's own
 * scope.
 */
export const callFunction = (
  c: EvalContext,
  id: string,
  instance: Instance,
  args: readonly CoreValue[],
): CoreValue => {
  const fn = c.program.fns.get(id)
  if (fn === undefined) throw new Error(`specialise: there is no function ${id}`)
  const given = args.map(a => c.calls.key(a)).join()
  return c.calls.once(c.scope, `${id}<${instanceKey(c, instance)}>(${given})`, () =>
    inlineCall(c, fn, instance, args),
  )
}

const inlineCall = (
  c: EvalContext,
  fn: CoreFn,
  instance: Instance,
  args: readonly CoreValue[],
): CoreValue => {
  const sizes = new Map([...instance.sizes].map(([name, p]) => [name, extent(c, p)]))
  let inner: EvalContext = { ...c, sizes, variables: new Map(), label: fn.name }
  fn.params.forEach((p, i) => {
    const given = args[i] ?? evaluateCore(inner, p.default!)
    inner = bindAll(inner, [[p.id, given]])
  })
  return evaluateCore(inner, fn.body)
}
