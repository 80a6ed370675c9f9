import { type CodeEntries, indexEntries } from './code-entry.js'

/** W04xx: what is probably not meant. */
export const warningCodes: CodeEntries = indexEntries([
  {
    code: 'W0401',
    title: 'nothing reads a name',
    explanation:
      'A `let` that nothing reads is work for nothing, and often a slip: the name beside it was meant. A ' +
      'parameter that is a number, a bool or a key is there to be read, too; one with axes may be there ' +
      'for its sizes. A name that begins with `_` says that this is meant.',
    wrong: 'fn f(x: f32) -> f32 =\n  let y = x * x\n  x + 1',
    right: 'fn f(x: f32) -> f32 =\n  let y = x * x\n  y + 1',
  },
  {
    code: 'W0402',
    title: 'nothing has a size or a type parameter',
    explanation: 'A declared size that no type of the file mentions says nothing.',
    wrong: 'size N, M\nfn f(x: f32[N]) -> f32 = sum i -> x[i]',
    right: 'size N\nfn f(x: f32[N]) -> f32 = sum i -> x[i]',
  },
  {
    code: 'W0403',
    title: 'nothing uses an import',
    explanation:
      'An import that nothing uses makes a reader look for its use. `jola check --fix` removes it.',
    wrong: 'import std.nn (softmax)\nfn f(x: f32) -> f32 = x',
    right: 'import std.nn (softmax)\nfn f(x: f32[N]) -> f32[N] = softmax(x)',
  },
  {
    code: 'W0404',
    title: 'a local name hides a built-in function',
    explanation:
      'Below the name, the built-in function is not to be had, and a reader takes one for the other. `key` ' +
      'and `total` are what everyone calls a key and a sum, and are not warned of.',
    wrong: 'fn f(x: f32) -> f32 =\n  let exp = x * x\n  exp + 1',
    right: 'fn f(x: f32) -> f32 =\n  let square = x * x\n  square + 1',
  },
])
