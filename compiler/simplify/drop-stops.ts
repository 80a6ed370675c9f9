import type { ExprRule } from './rewrite-rule.js'

/** `stop(x) = x`: what it says about derivatives is of no use once they have been taken. */
export const dropStops: ExprRule = e => (e.op === 'stop' ? e.args[0] : undefined)
