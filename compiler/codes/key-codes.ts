import { type CodeEntries, indexEntries } from './code-entry.js'

/** E04xx: keys used twice or not at all. */
export const keyCodes: CodeEntries = indexEntries([
  {
    code: 'E0401',
    title: 'a key is used twice',
    explanation:
      'A random number is a pure function of a key and a position. Two draws from one key at one ' +
      'position give the same number, which is almost never intended. So each path through a program ' +
      'uses a key at most once; `split` makes two keys from one. The branches of an `if` are ' +
      'different paths. In a loop, or in a function that is called more than once, the key or the ' +
      'position of a draw must depend on the index or on the parameters of the function. Otherwise ' +
      'every turn gets the same number.',
    wrong: 'fn f(k: key) -> f32 = uniform(k, 0) + normal(k, 0)',
    right: 'fn f(k: key) -> f32 =\n  let (a, b) = split(k)\n  uniform(a, 0) + normal(b, 0)',
  },
])
