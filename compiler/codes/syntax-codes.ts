import { type Entries, entries } from './code-entry.js'

/** E01xx: text that is not a program. */
export const syntax: Entries = entries([
  {
    code: 'E0101',
    title: 'a character has no meaning',
    explanation:
      'Programs are written in ASCII; other characters may stand in comments and strings only. Names are made of letters, digits and `_`, and may end in primes.',
    wrong: 'fn f(x: f32) -> bool = x ≤ 1',
    right: 'fn f(x: f32) -> bool = x <= 1',
  },
  {
    code: 'E0102',
    title: 'a number is malformed or too large',
    explanation:
      'Numbers are written `1`, `0.5`, `1e-5` or `1_000`, without suffixes. A product needs its `*`. Whole numbers reach to 2^53 - 1.',
    wrong: 'fn f(x: f32) -> f32 = 2x',
    right: 'fn f(x: f32) -> f32 = 2 * x',
  },
  {
    code: 'E0103',
    title: 'a string is malformed',
    explanation:
      'A string stands between double quotes on one line. Its escapes are \\n \\t \\r \\" \\\\ and \\uXXXX.',
    wrong: 'const eps: f32 = 1e-5 from "rms_norm_eps',
    right: 'const eps: f32 = 1e-5 from "rms_norm_eps"',
  },
  {
    code: 'E0104',
    title: 'brackets do not match',
    explanation:
      'Every bracket is closed by its own partner before the declaration ends. The message shows the place where the partner was missed and the bracket that wanted it.',
    wrong: 'fn f(x: f32[T]) -> f32 = sum t -> (x[t] + 1',
    right: 'fn f(x: f32[T]) -> f32 = sum t -> (x[t] + 1)',
  },
  {
    code: 'E0105',
    title: 'something else was expected',
    explanation: 'The grammar has no place for what was found. The message says what could have stood there.',
    wrong: 'fn f(x: f32) -> f32 = x + * 2',
    right: 'fn f(x: f32) -> f32 = x * 2',
  },
  {
    code: 'E0106',
    title: 'not a declaration',
    explanation:
      'A file consists of imports and then of declarations, which begin with `size`, `type`, `const`, `record`, `fn`, `recipe` or `test`.',
    wrong: 'let eps = 1e-5',
    right: 'const eps: f32 = 1e-5',
  },
  {
    code: 'E0107',
    title: 'a keyword is used as a name',
    explanation:
      'The words import, size, const, record, fn, recipe, let, if, then, else, for, fold, and, or, not, true, false, idx and the reductions sum, mean, prod, max, min, argmax, argmin, any, all cannot be names. Other words that have a meaning in some places (`state`, `from`, `test`, …) can.',
    wrong: 'fn f(size: f32) -> f32 = 1',
    right: "fn f(size': f32) -> f32 = 1",
  },
  {
    code: 'E0108',
    title: 'a function does not say what it returns',
    explanation:
      'The signature of a top-level function is written out, result included: it is checked once, for all sizes, and is what the callers rely on.',
    wrong: 'fn double(x: f32) = 2 * x',
    right: 'fn double(x: f32) -> f32 = 2 * x',
  },
  {
    code: 'E0109',
    title: '`=` stands where a comparison is meant',
    explanation: '`=` gives a name to a value in `let` and in declarations. Equality is `==`.',
    wrong: 'fn f(x: i32) -> f32 = if x = 0 then 1.0 else 0.0',
    right: 'fn f(x: i32) -> f32 = if x == 0 then 1.0 else 0.0',
  },
  {
    code: 'E0110',
    title: 'an arrow is missing',
    explanation:
      'An arrow divides the indices that `for`, `fold` or a reduction binds from the body that reads them.',
    wrong: 'fn f(x: f32[T]) -> f32 = sum t x[t]',
    right: 'fn f(x: f32[T]) -> f32 = sum t -> x[t]',
  },
  {
    code: 'E0111',
    title: 'comparisons are chained',
    explanation:
      'A comparison gives a bool, which cannot be compared with a number; two comparisons are joined by `and`.',
    wrong: 'fn f(x: f32) -> bool = 0 < x < 1',
    right: 'fn f(x: f32) -> bool = 0 < x and x < 1',
  },
  {
    code: 'E0112',
    title: 'nesting is too deep',
    explanation:
      'An expression may be nested 120 deep, and a chain of operators, `let`s or calls may have 400 links. Machine-made programs beyond that must name their parts.',
    wrong: `fn f(x: f32) -> f32 = ${'('.repeat(130)}x${')'.repeat(130)}`,
    right: 'fn f(x: f32) -> f32 = x',
  },
  {
    code: 'E0113',
    title: 'a mark or word of another language',
    explanation:
      'The marks `=>`, `&&`, `||`, `!`, `**`, `;`, `:=`, `+=`, `@` and the words `lambda` and `return` mean nothing here; the message says what to write instead.',
    wrong: 'fn f(a: bool, b: bool) -> bool = a && b',
    right: 'fn f(a: bool, b: bool) -> bool = a and b',
  },
  {
    code: 'E0114',
    title: 'a bracket begins a line',
    explanation:
      'A `(`, `[` or `{` at the beginning of a line begins a new expression and never calls or reads what stands on the line before. A line that begins with an operator does continue.',
    wrong: 'fn f(x: f32[T], t: idx[T]) -> f32 = x\n  [t]',
    right: 'fn f(x: f32[T], t: idx[T]) -> f32 = x[t]',
  },
  {
    code: 'E0115',
    title: 'a guarded read has no `else:`',
    explanation:
      '`x.at(i, else: v)` reads at a computed position and gives `v` outside the tensor. A read with an index that is known to fit is written `x[i]`.',
    wrong: 'fn f(x: f32[T], t: idx[T]) -> f32 = x.at(t + 1)',
    right: 'fn f(x: f32[T], t: idx[T]) -> f32 = x.at(t + 1, else: 0)',
  },
  {
    code: 'E0116',
    title: 'a reduction is called like a function',
    explanation:
      'A reduction names the index that it folds away, so that it is plain which one that is: there is no default axis. Only `max(a, b)` and `min(a, b)` of numbers are calls.',
    wrong: 'fn f(x: f32[T]) -> f32 = sum(x)',
    right: 'fn f(x: f32[T]) -> f32 = sum t -> x[t]',
  },
  {
    code: 'E0117',
    title: 'an import comes after a declaration',
    explanation: 'Imports stand at the head of the file, so that what a program rests on is seen at once.',
    wrong: 'size E\nimport std.nn (softmax)',
    right: 'import std.nn (softmax)\nsize E',
  },
  {
    code: 'E0118',
    title: 'a parameter has no type',
    explanation:
      'The signatures of top-level functions are written out. Lambdas and the functions of recipes may leave the types to be inferred.',
    wrong: 'fn double(x) -> f32 = 2 * x',
    right: 'fn double(x: f32) -> f32 = 2 * x',
  },
  {
    code: 'E0119',
    title: 'a recipe has two `state` blocks',
    explanation: 'What training changes is one record; its fields stand in one block.',
    wrong: 'recipe R {\n  state { a: f32 }\n  state { b: f32 }\n}',
    right: 'recipe R {\n  state {\n    a: f32\n    b: f32\n  }\n}',
  },
  {
    code: 'E0120',
    title: 'an `if` has no `else`',
    explanation: '`if` is an expression: it has a value whichever way the condition turns out.',
    wrong: 'fn f(x: f32) -> f32 = if x > 0 then x',
    right: 'fn f(x: f32) -> f32 = if x > 0 then x else 0',
  },
])
