import { type Entries, entries } from './code-entry.js'

/** E0330 to E0349: values, functions and operators. */
export const values: Entries = entries([
  {
    code: 'E0330',
    title: 'something is of another type than its place wants',
    explanation:
      'Types are never converted silently, but for an index that serves as an `i32`. `f32(x)`, `i32(x)` and `u32(x)` convert.',
    wrong: 'fn f(n: i32) -> f32 = n',
    right: 'fn f(n: i32) -> f32 = f32(n)',
  },
  {
    code: 'E0331',
    title: 'this is not an f32 for each field',
    explanation:
      '`f32 per P` is one `f32` for all of P, or a record with the names of P’s fields and an `f32` for each.',
    wrong: `record W { a: f32[N] b: f32[N] }
fn f(w: W) -> W = map((x, r) -> r * x, w, { a: 1.0 })`,
    right: `record W { a: f32[N] b: f32[N] }
fn f(w: W) -> W = map((x, r) -> r * x, w, { a: 1.0, b: 2.0 })`,
  },
  {
    code: 'E0332',
    title: 'a type is not known where it is needed',
    explanation:
      'A lambda’s parameters get their types from where the lambda is used. Where nothing uses it, or its parameter is read before that, write the type.',
    wrong: 'fn f(x: f32) -> f32 =\n  let g = y -> y\n  x',
    right: 'fn f(x: f32) -> f32 =\n  let g = (y: f32) -> y\n  g(x)',
  },
  {
    code: 'E0333',
    title: 'a reduction has no number to fold',
    explanation:
      '`sum`, `mean`, `prod`, `max`, `min`, `argmax` and `argmin` fold numbers. The body of a reduction reaches as far as it can, comparisons included: put parentheses around the reduction.',
    wrong: 'fn f(x: f32[N]) -> bool = sum i -> x[i] > 0',
    right: 'fn f(x: f32[N]) -> bool = (sum i -> x[i]) > 0',
  },
  {
    code: 'E0334',
    title: 'only one index may be bound here',
    explanation: '`argmax` and `argmin` give one index, and a `fold` runs over one.',
    wrong: 'fn f(x: f32[M, N]) -> idx[M] = argmax i, j -> x[i, j]',
    right: 'fn f(x: f32[M, N]) -> idx[M] = argmax i -> max j -> x[i, j]',
  },
  {
    code: 'E0335',
    title: 'this cannot be taken apart like that',
    explanation: 'A pattern `(a, b)` fits a tuple of two parts. Fields of records are read by name.',
    wrong: 'fn f(k: key) -> f32 =\n  let (a, b, c) = split(k)\n  uniform(a, 0)',
    right: 'fn f(k: key) -> f32 =\n  let (a, b) = split(k)\n  uniform(a, 0)',
  },
  {
    code: 'E0336',
    title: 'a function has another number of parameters than it is handed arguments',
    explanation: 'A function that is handed to another has exactly the parameters that are said there.',
    wrong: 'fn g(f: (f32) -> f32) -> f32 = f(1)\nfn h(x: f32) -> f32 = g((a, b) -> a)',
    right: 'fn g(f: (f32) -> f32) -> f32 = f(1)\nfn h(x: f32) -> f32 = g(a -> a * x)',
  },
  {
    code: 'E0337',
    title: 'this is not a function',
    explanation: 'Parentheses call functions; brackets read tensors; braces make records.',
    wrong: 'fn f(x: f32[N]) -> f32 = sum i: N -> x(i)',
    right: 'fn f(x: f32[N]) -> f32 = sum i: N -> x[i]',
  },
  {
    code: 'E0338',
    title: 'a built-in function is not called',
    explanation: 'A function by itself is no value: it is called, or handed to a function.',
    wrong: 'fn f(x: f32) -> f32 = exp + x',
    right: 'fn f(x: f32) -> f32 = exp(x)',
  },
  {
    code: 'E0339',
    title: 'a call has too many or too few arguments',
    explanation: 'Every parameter without a default gets an argument.',
    wrong: 'fn g(x: f32, y: f32) -> f32 = x + y\nfn f(x: f32) -> f32 = g(x)',
    right: 'fn g(x: f32, y: f32) -> f32 = x + y\nfn f(x: f32) -> f32 = g(x, 1)',
  },
  {
    code: 'E0340',
    title: 'numbers of different kinds meet',
    explanation:
      'Whole numbers carry no gradients and f32 does, so they do not mix by themselves: convert with `f32(…)`. Literals and sizes adapt to what they meet.',
    wrong: 'fn f(x: f32[N]) -> f32 = sum i -> x[i] * i',
    right: 'fn f(x: f32[N]) -> f32 = sum i -> x[i] * f32(i)',
  },
  {
    code: 'E0341',
    title: 'shapes differ and nothing is broadcast',
    explanation:
      'Two tensors of one type may be added as they are. Anything else says which element goes with which, in a `for`.',
    wrong: 'fn f(x: f32[T, E], w: f32[E]) -> f32[T, E] = x * w',
    right: 'fn f(x: f32[T, E], w: f32[E]) -> f32[T, E] = for t, e -> x[t, e] * w[e]',
  },
  {
    code: 'E0342',
    title: 'an operator wants numbers',
    explanation: 'Records are combined element by element with `map`; a bool becomes a number by `f32(…)`.',
    wrong: 'record W { a: f32[N] }\nfn f(x: W, y: W) -> W = x + y',
    right: 'record W { a: f32[N] }\nfn f(x: W, y: W) -> W = map((a, b) -> a + b, x, y)',
  },
  {
    code: 'E0343',
    title: 'an operator is for another kind of number',
    explanation:
      '`/` and `^` are for f32; whole numbers are divided by `div(a, b)`, which rounds towards zero.',
    wrong: 'fn f(a: i32, b: i32) -> i32 = a / b',
    right: 'fn f(a: i32, b: i32) -> i32 = div(a, b)',
  },
  {
    code: 'E0344',
    title: 'tensors are not compared as a whole',
    explanation: 'Compare their elements: `all i -> x[i] == y[i]` is one bool.',
    wrong: 'fn f(x: f32[N], y: f32[N]) -> bool = x == y',
    right: 'fn f(x: f32[N], y: f32[N]) -> bool = all i -> x[i] == y[i]',
  },
  {
    code: 'E0345',
    title: 'nothing is differentiated with respect to this',
    explanation:
      '`grad` is taken with respect to f32 alone: a number, a tensor, a record or tuple of them. What else the function needs, it captures.',
    wrong: 'fn f(n: i32) -> i32 = grad(m -> 1.0)(n)',
    right: 'fn f(x: f32) -> f32 = grad(y -> y * y)(x)',
  },
  {
    code: 'E0346',
    title: 'only an f32 is differentiated',
    explanation: 'The function gives one f32, or a tuple that begins with it.',
    wrong: 'fn f(x: f32[N]) -> f32[N] = grad(y -> y)(x)',
    right: 'fn f(x: f32[N]) -> f32[N] = grad(y -> sum i -> y[i] ^ 2)(x)',
  },
  {
    code: 'E0347',
    title: 'this is no tree of f32',
    explanation: '`map`, `total` and `zeros_like` go over records and tensors that are made of f32 alone.',
    wrong: 'fn f(x: i32[N]) -> f32 = total(a -> a, x)',
    right: 'fn f(x: f32[N]) -> f32 = total(a -> a, x)',
  },
  {
    code: 'E0348',
    title: 'this is not a constant',
    explanation:
      'Constants and settings are one number or bool each, made of literals, arithmetic and constants, or one of the choices that they list. A constant may also have one for each index of a size that the module declares: `const rotates: bool[L] = for l -> true`.',
    wrong: 'const ones = [1, 1]',
    right: 'const one = 1',
  },
  {
    code: 'E0349',
    title: 'a constant with choices is read from something that is no word',
    explanation:
      'An entry of the configuration can hold one of the choices; an `is` and arithmetic give truth values and numbers.',
    wrong: 'const rotation: plain | llama3 = plain from "rope_scaling.rope_type" is "llama3"',
    right: 'const rotation: plain | llama3 = plain from "rope_scaling.rope_type" else "rope_scaling.type"',
  },
  {
    code: 'E0360',
    title: 'a written number is outside its type',
    explanation:
      'A whole number becomes an `f32`, `i32` or `u32` by its use, and must be one: i32 goes from −2³¹ to 2³¹ − 1, u32 from 0 to 2³² − 1, f32 to about 3.4e38. Computed whole numbers wrap around; a written one that did would only be another number than was meant.',
    wrong: 'fn f(x: f32) -> i32 = 2147483648',
    right: 'fn f(x: f32) -> u32 = 2147483648',
  },
  {
    code: 'E0361',
    title: 'a default that nothing would use',
    explanation:
      "A field of a record may have a default, which it has where a literal leaves the field out. A tensor of a checkpoint never is a literal: what it is where a checkpoint lacks it stands behind `else`. The fields of a recipe's state get their first values in `init`.",
    wrong: 'record Model { bias: f32[N] = for i: N -> 0 from "bias" }',
    right: 'record Model { bias: f32[N] from "bias" else 0 }',
  },
])
