import type { Diagnostic } from '../diagnostics/diagnostic.js'
import type { Span } from '../diagnostics/source.js'
import type { KeyDraw } from './key-uses.js'

/** The error of a key that is used again after its first use. */
export const usedTwice = (name: string, first: Span, second: Span): Diagnostic => {
  const base = /^\w+/.exec(name)?.[0] ?? 'k'
  return {
    code: 'E0401',
    title: `the key \`${name}\` is used twice`,
    labels: [
      { span: second, text: 'used again' },
      { span: first, text: 'used first' },
    ],
    text: 'Two draws from one key give the same numbers.',
    hint: `split it: \`let (${base}1, ${base}2) = split(${name})\``,
  }
}

/** The error of a draw in a loop whose position depends on no index of the loop. */
export const sameInEveryTurn = (d: KeyDraw, turn: string): Diagnostic => ({
  code: 'E0401',
  title: `the key \`${d.name}\` gives the same number in every ${turn}`,
  labels: [{ span: d.span, text: 'drawn at a position that does not change' }],
  text: 'A random number is a function of a key and a position, and nothing here depends on the turn.',
  hint:
    'put the index into the position, or derive a key for each turn: `fold_in(k, i)`; ' +
    'a number that is the same for all turns belongs outside, in a `let`',
})
