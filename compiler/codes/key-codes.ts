import { type Entries, entries } from './code-entry.js'

/** E04xx: keys used twice or not at all. */
export const keys: Entries = entries([
  {
    code: 'E0401',
    title: 'a key is used twice',
    explanation:
      'Randomness is a pure function of a key and a position: two draws from one key at one position are the same number, which is hardly ever meant. So a key is used once on every path, and `split` makes two of one. The branches of an `if` are different paths. In a loop, or in a function that is called more than once, the position of a draw or the key itself must depend on the index or on the function’s parameters: a `fold` would else add one number in every turn.',
    wrong: 'fn f(k: key) -> f32 = uniform(k, 0) + normal(k, 0)',
    right: 'fn f(k: key) -> f32 =\n  let (a, b) = split(k)\n  uniform(a, 0) + normal(b, 0)',
  },
])
