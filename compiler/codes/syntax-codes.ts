import { type CodeEntries, indexEntries } from './code-entry.js'

/** E01xx: text that is not a program. */
export const syntaxCodes: CodeEntries = indexEntries([
  {
    code: 'E0101',
    title: 'a character has no meaning',
    explanation:
      'Programs are written in ASCII. Other characters may stand in comments and strings only. Names ' +
      'consist of letters, digits and `_`, and may end with primes.',
    wrong: 'fn f(x: f32) -> bool = x ≤ 1',
    right: 'fn f(x: f32) -> bool = x <= 1',
  },
  {
    code: 'E0102',
    title: 'a number is malformed or too large',
    explanation:
      'Numbers are written `1`, `0.5`, `1e-5` or `1_000`, without suffixes. A product needs `*`. The ' +
      'greatest whole number is 2^53 - 1.',
    wrong: 'fn f(x: f32) -> f32 = 2x',
    right: 'fn f(x: f32) -> f32 = 2 * x',
  },
  {
    code: 'E0103',
    title: 'a string is malformed',
    explanation:
      'A string stands between double quotes on one line. Its escapes are \\n \\t \\r \\" \\\\ and ' +
      '\\uXXXX.',
    wrong: 'const eps: f32 = 1e-5 from "rms_norm_eps',
    right: 'const eps: f32 = 1e-5 from "rms_norm_eps"',
  },
  {
    code: 'E0104',
    title: 'brackets do not match',
    explanation:
      'Each bracket must be closed by its partner before the declaration ends. The message shows ' +
      'where the partner was expected, and the bracket that it belongs to.',
    wrong: 'fn f(x: f32[T]) -> f32 = sum t -> (x[t] + 1',
    right: 'fn f(x: f32[T]) -> f32 = sum t -> (x[t] + 1)',
  },
  {
    code: 'E0105',
    title: 'the grammar expects something else',
    explanation:
      'The grammar does not allow what was found here. The message says what could have stood here.',
    wrong: 'fn f(x: f32) -> f32 = x + * 2',
    right: 'fn f(x: f32) -> f32 = x * 2',
  },
  {
    code: 'E0106',
    title: 'not a declaration',
    explanation:
      'A file begins with imports, and declarations follow. A declaration begins with `size`, `type`, ' +
      '`const`, `record`, `fn`, `recipe` or `test`.',
    wrong: 'let eps = 1e-5',
    right: 'const eps: f32 = 1e-5',
  },
  {
    code: 'E0107',
    title: 'a keyword is used as a name',
    explanation:
      'The words import, size, const, record, fn, recipe, let, if, then, else, for, fold, scan, and, or, ' +
      'not, true, false, idx and the reductions sum, mean, prod, max, min, argmax, argmin, any, all ' +
      'cannot be names. Words that have a meaning only in some places (`state`, `from`, `test`, …) ' +
      'can.',
    wrong: 'fn f(size: f32) -> f32 = 1',
    right: "fn f(size': f32) -> f32 = 1",
  },
  {
    code: 'E0108',
    title: 'a function does not say what it returns',
    explanation:
      'The signature of a top-level function states all types, the result included. The function is ' +
      'checked once, for all sizes, and its callers rely on the signature.',
    wrong: 'fn double(x: f32) = 2 * x',
    right: 'fn double(x: f32) -> f32 = 2 * x',
  },
  {
    code: 'E0109',
    title: '`=` stands where a comparison is meant',
    explanation: '`=` names a value in `let` and in declarations. Equality is written `==`.',
    wrong: 'fn f(x: i32) -> f32 = if x = 0 then 1.0 else 0.0',
    right: 'fn f(x: i32) -> f32 = if x == 0 then 1.0 else 0.0',
  },
  {
    code: 'E0110',
    title: 'an arrow is missing',
    explanation: 'An arrow divides the indices of a `for`, `fold` or reduction from its body.',
    wrong: 'fn f(x: f32[T]) -> f32 = sum t x[t]',
    right: 'fn f(x: f32[T]) -> f32 = sum t -> x[t]',
  },
  {
    code: 'E0111',
    title: 'comparisons are chained',
    explanation:
      'A comparison gives a bool, which cannot be compared with a number. Join two comparisons with ' +
      '`and`.',
    wrong: 'fn f(x: f32) -> bool = 0 < x < 1',
    right: 'fn f(x: f32) -> bool = 0 < x and x < 1',
  },
  {
    code: 'E0112',
    title: 'nesting is too deep',
    explanation:
      'An expression may be nested 120 levels deep, and a chain of operators, `let`s or calls may ' +
      'have 400 links. Give names to the parts of longer expressions.',
    wrong: `fn f(x: f32) -> f32 = ${'('.repeat(130)}x${')'.repeat(130)}`,
    right: 'fn f(x: f32) -> f32 = x',
  },
  {
    code: 'E0113',
    title: 'a mark or word of another language',
    explanation:
      'The marks `=>`, `&&`, `||`, `!`, `**`, `;`, `:=`, `+=`, `@` and the words `lambda` and ' +
      '`return` have no meaning here. The message says what to write instead.',
    wrong: 'fn f(a: bool, b: bool) -> bool = a && b',
    right: 'fn f(a: bool, b: bool) -> bool = a and b',
  },
  {
    code: 'E0114',
    title: 'a bracket begins a line',
    explanation:
      'A `(`, `[` or `{` at the beginning of a line begins a new expression. It does not call or read ' +
      'the expression on the line before. A line that begins with an operator continues the line ' +
      'before.',
    wrong: 'fn f(x: f32[T], t: idx[T]) -> f32 = x\n  [t]',
    right: 'fn f(x: f32[T], t: idx[T]) -> f32 = x[t]',
  },
  {
    code: 'E0115',
    title: 'a guarded read has no `else:`',
    explanation:
      '`x.at(i, else: v)` reads at a computed position and gives `v` outside the tensor. With an ' +
      'index that is known to be in range, write `x[i]`.',
    wrong: 'fn f(x: f32[T], t: idx[T]) -> f32 = x.at(t + 1)',
    right: 'fn f(x: f32[T], t: idx[T]) -> f32 = x.at(t + 1, else: 0)',
  },
  {
    code: 'E0116',
    title: 'a reduction is called like a function',
    explanation:
      'A reduction names the index that it reduces, because no axis is the default. The larger of two ' +
      'numbers is `maximum(a, b)`, the smaller `minimum(a, b)`.',
    wrong: 'fn f(x: f32[T]) -> f32 = sum(x)',
    right: 'fn f(x: f32[T]) -> f32 = sum t -> x[t]',
  },
  {
    code: 'E0117',
    title: 'an import comes after a declaration',
    explanation:
      'Imports stand at the beginning of the file, so that a reader sees first what the program ' +
      'depends on.',
    wrong: 'size E\nimport std.nn (softmax)',
    right: 'import std.nn (softmax)\nsize E',
  },
  {
    code: 'E0118',
    title: 'a parameter has no type',
    explanation:
      'The signature of a top-level function states all types. For lambdas and the functions of ' +
      'recipes, the compiler can infer them.',
    wrong: 'fn double(x) -> f32 = 2 * x',
    right: 'fn double(x: f32) -> f32 = 2 * x',
  },
  {
    code: 'E0119',
    title: 'a recipe has two `state` blocks',
    explanation: 'The state of a recipe is one record, so all its fields stand in one block.',
    wrong: `recipe R {
  state { a: f32 }
  state { b: f32 }
  init(key) = { a: 0, b: 0 }
  step(s, batch, key, at) = (s, { loss: 0 })
}`,
    right: `recipe R {
  state {
    a: f32
    b: f32
  }
  init(key) = { a: 0, b: 0 }
  step(s, batch, key, at) = (s, { loss: 0 })
}`,
  },
  {
    code: 'E0120',
    title: 'an `if` has no `else`',
    explanation: '`if` is an expression: it needs a value for both outcomes of its condition.',
    wrong: 'fn f(x: f32) -> f32 = if x > 0 then x',
    right: 'fn f(x: f32) -> f32 = if x > 0 then x else 0',
  },
])
