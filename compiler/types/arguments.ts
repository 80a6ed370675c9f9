import type { CoreExpr } from '../core/core.js'
import type { Type } from '../core/type.js'
import type { Span } from '../diagnostics/source.js'
import type { SourceExpr } from '../syntax/ast.js'
import type { BodyContext } from './body-context.js'
import type { ExpectedBy } from './expected.js'
import type { Env } from './locals.js'
import { countOf } from './wording.js'

export type CallExpr = SourceExpr & { kind: 'call' }

/** Reports the errors in the arguments of a call that is wrong itself. */
export const inferArguments = (cx: BodyContext, env: Env, args: readonly SourceExpr[]): void => {
  for (const arg of args) if (arg.kind !== 'lambda') cx.infer(env, arg)
}

/** The parameters of a function as a wrong call reports them. */
export interface CalledFunction {
  readonly name: string
  /** Each with its name or type, quoted. */
  readonly params: readonly string[]
  /** How many of the last parameters have defaults. */
  readonly optional?: number
  readonly declaredAt?: Span | undefined
}

/** Reports a call with too few or too many arguments. */
export const reportArgumentCount = (cx: BodyContext, e: CallExpr, called: CalledFunction): void => {
  const { name, params, optional = 0, declaredAt } = called
  const least = params.length - optional
  const most = countOf(params.length, 'argument')
  const range = optional === 0 ? most : `${least} to ${most}`
  const missing = params.slice(e.args.length, least)
  cx.report({
    code: 'E0339',
    title: `\`${name}\` takes ${range}, but gets ${countOf(e.args.length, 'argument')}`,
    labels: [
      missing.length > 0
        ? { span: e.span, text: `lacks ${missing.join(', ')}` }
        : { span: e.args[params.length]?.span ?? e.span, text: 'one too many' },
      ...(declaredAt === undefined ? [] : [{ span: declaredAt, text: `\`${name}\` is declared here` }]),
    ],
  })
}

/** A parameter's type, and how messages name the parameter. */
export interface Parameter {
  readonly type: Type
  readonly why: ExpectedBy
}

/**
 * Checks arguments, those that tell most about unknown types first: values, then `per` trees, then functions.
 * A lambda needs no types when the values before it have fixed them.
 */
export const checkArguments = (
  cx: BodyContext,
  env: Env,
  args: readonly SourceExpr[],
  params: readonly Parameter[],
): readonly CoreExpr[] => {
  const rank = ({ type }: Parameter): number => (type.kind === 'fn' ? 2 : type.kind === 'per' ? 1 : 0)
  const order = args.map((_, i) => i).sort((a, b) => rank(params[a]!) - rank(params[b]!) || a - b)
  const checked = new Map<number, CoreExpr>()
  for (const i of order) checked.set(i, cx.check(env, args[i]!, params[i]!.type, params[i]!.why))
  return args.map((_, i) => checked.get(i)!)
}
