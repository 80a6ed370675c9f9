import { type CodeEntries, indexEntries } from './code-entry.js'

/** E0330 to E0349: values, functions and operators. */
export const valueCodes: CodeEntries = indexEntries([
  {
    code: 'E0330',
    title: 'an expression has another type than its place needs',
    explanation:
      'Types are not converted silently; the one exception is an index, which can be used as an ' +
      '`i32`. Convert with `f32(x)`, `i32(x)` and `u32(x)`.',
    wrong: 'fn f(n: i32) -> f32 = n',
    right: 'fn f(n: i32) -> f32 = f32(n)',
  },
  {
    code: 'E0331',
    title: 'this is not an f32 for each field',
    explanation:
      'A value of type `f32 per P` is one `f32` for all of P, or a record with the field names of P ' +
      'and one `f32` for each.',
    wrong: `record W { a: f32[N] b: f32[N] }
fn f(w: W) -> W = map((x, r) -> r * x, w, { a: 1.0 })`,
    right: `record W { a: f32[N] b: f32[N] }
fn f(w: W) -> W = map((x, r) -> r * x, w, { a: 1.0, b: 2.0 })`,
  },
  {
    code: 'E0332',
    title: 'a type is not known where it is needed',
    explanation:
      'The parameters of a lambda get their types from the place that uses it. If nothing uses it, or ' +
      'if its parameter is read before its first use, write the type.',
    wrong: 'fn f(x: f32) -> f32 =\n  let g = y -> y\n  x',
    right: 'fn f(x: f32) -> f32 =\n  let g = (y: f32) -> y\n  g(x)',
  },
  {
    code: 'E0333',
    title: 'a reduction has no numbers to reduce',
    explanation:
      '`sum`, `mean`, `prod`, `max`, `min`, `argmax` and `argmin` reduce numbers. The body of a ' +
      'reduction reaches as far to the right as possible and includes comparisons: put parentheses ' +
      'around the reduction.',
    wrong: 'fn f(x: f32[N]) -> bool = sum i -> x[i] > 0',
    right: 'fn f(x: f32[N]) -> bool = (sum i -> x[i]) > 0',
  },
  {
    code: 'E0334',
    title: 'only one index may be bound here',
    explanation: '`argmax` and `argmin` give one index, and a `fold` runs over one index.',
    wrong: 'fn f(x: f32[M, N]) -> idx[M] = argmax i, j -> x[i, j]',
    right: 'fn f(x: f32[M, N]) -> idx[M] = argmax i -> max j -> x[i, j]',
  },
  {
    code: 'E0335',
    title: 'a value does not fit its pattern',
    explanation: 'The pattern `(a, b)` fits a tuple of two parts. The fields of a record are read by name.',
    wrong: 'fn f(k: key) -> f32 =\n  let (a, b, c) = split(k)\n  uniform(a, 0)',
    right: 'fn f(k: key) -> f32 =\n  let (a, b) = split(k)\n  uniform(a, 0)',
  },
  {
    code: 'E0336',
    title: 'a function has another number of parameters than it will get arguments',
    explanation:
      'A function that is passed to another function must have exactly the parameters that the other ' +
      'function declares for it.',
    wrong: 'fn g(f: (f32) -> f32) -> f32 = f(1)\nfn h(x: f32) -> f32 = g((a, b) -> a)',
    right: 'fn g(f: (f32) -> f32) -> f32 = f(1)\nfn h(x: f32) -> f32 = g(a -> a * x)',
  },
  {
    code: 'E0337',
    title: 'this is not a function',
    explanation: 'Parentheses call a function, brackets read a tensor, and braces make a record.',
    wrong: 'fn f(x: f32[N]) -> f32 = sum i: N -> x(i)',
    right: 'fn f(x: f32[N]) -> f32 = sum i: N -> x[i]',
  },
  {
    code: 'E0338',
    title: 'a built-in function is not called',
    explanation: 'A function by itself is not a value. Call it, or pass it to a function.',
    wrong: 'fn f(x: f32) -> f32 = exp + x',
    right: 'fn f(x: f32) -> f32 = exp(x)',
  },
  {
    code: 'E0339',
    title: 'a call has too many or too few arguments',
    explanation: 'Every parameter without a default needs an argument.',
    wrong: 'fn g(x: f32, y: f32) -> f32 = x + y\nfn f(x: f32) -> f32 = g(x)',
    right: 'fn g(x: f32, y: f32) -> f32 = x + y\nfn f(x: f32) -> f32 = g(x, 1)',
  },
  {
    code: 'E0340',
    title: 'numbers of different types are mixed',
    explanation:
      'An f32 has a gradient and a whole number has none, so the two do not mix: convert with ' +
      '`f32(…)`. Literals and sizes take the type that their place needs.',
    wrong: 'fn f(x: f32[N]) -> f32 = sum i -> x[i] * i',
    right: 'fn f(x: f32[N]) -> f32 = sum i -> x[i] * f32(i)',
  },
  {
    code: 'E0341',
    title: 'shapes differ and nothing is broadcast',
    explanation:
      'Two tensors of the same type can be added directly. For all others, write in a `for` which ' +
      'elements belong together.',
    wrong: 'fn f(x: f32[T, E], w: f32[E]) -> f32[T, E] = x * w',
    right: 'fn f(x: f32[T, E], w: f32[E]) -> f32[T, E] = for t, e -> x[t, e] * w[e]',
  },
  {
    code: 'E0342',
    title: 'an operator needs numbers',
    explanation: 'Combine records element by element with `map`. Convert a bool to a number with `f32(…)`.',
    wrong: 'record W { a: f32[N] }\nfn f(x: W, y: W) -> W = x + y',
    right: 'record W { a: f32[N] }\nfn f(x: W, y: W) -> W = map((a, b) -> a + b, x, y)',
  },
  {
    code: 'E0343',
    title: 'an operator takes another type of number',
    explanation:
      '`/` and `^` take f32. Divide whole numbers with `div(a, b)`, which rounds down; a power of a whole ' +
      'number is a product.',
    wrong: 'fn f(a: i32, b: i32) -> i32 = a / b',
    right: 'fn f(a: i32, b: i32) -> i32 = div(a, b)',
  },
  {
    code: 'E0344',
    title: 'tensors are not compared as a whole',
    explanation: 'Compare the elements: `all i -> x[i] == y[i]` is one bool.',
    wrong: 'fn f(x: f32[N], y: f32[N]) -> bool = x == y',
    right: 'fn f(x: f32[N], y: f32[N]) -> bool = all i -> x[i] == y[i]',
  },
  {
    code: 'E0345',
    title: 'nothing is differentiated with respect to this',
    explanation:
      '`grad` differentiates with respect to f32 alone: a number, a tensor, or a record or tuple of ' +
      'them. Other values that the function needs can be captured from outside.',
    wrong: 'fn f(n: i32) -> i32 = grad(m -> 1.0)(n)',
    right: 'fn f(x: f32) -> f32 = grad(y -> y * y)(x)',
  },
  {
    code: 'E0346',
    title: 'only an f32 can be differentiated',
    explanation: 'The function must give one f32, or a tuple that begins with one.',
    wrong: 'fn f(x: f32[N]) -> f32[N] = grad(y -> y)(x)',
    right: 'fn f(x: f32[N]) -> f32[N] = grad(y -> sum i -> y[i] ^ 2)(x)',
  },
  {
    code: 'E0347',
    title: 'this is not a tree of f32',
    explanation: '`map`, `total` and `zeros_like` take records and tensors that consist of f32 alone.',
    wrong: 'fn f(x: i32[N]) -> f32 = total(a -> a, x)',
    right: 'fn f(x: f32[N]) -> f32 = total(a -> a, x)',
  },
  {
    code: 'E0348',
    title: 'this is not a constant',
    explanation:
      'The value of a constant or setting is one number or bool, made of literals, arithmetic and ' +
      'constants, or one of the choices that it lists. A constant can also have one value for each ' +
      'index of a size that the module declares: `const rotates: bool[L] = for l -> true`.',
    wrong: 'const ones = [1, 1]',
    right: 'const one = 1',
  },
  {
    code: 'E0349',
    title: 'a constant with choices is read from an expression that is not a word',
    explanation:
      'An entry of the configuration can hold the name of a choice. `is` gives a bool and arithmetic ' +
      'gives a number, and neither is a choice.',
    wrong: 'const rotation: plain | llama3 = plain from "rope_scaling.rope_type" is "llama3"',
    right: 'const rotation: plain | llama3 = plain from "rope_scaling.rope_type" else "rope_scaling.type"',
  },
  {
    code: 'E0360',
    title: 'a written number is outside its type',
    explanation:
      'A written whole number becomes an `f32`, `i32` or `u32` by its use, and must be in the range ' +
      'of that type: i32 goes from −2³¹ to 2³¹ − 1, u32 from 0 to 2³² − 1, f32 to about 3.4e38. ' +
      'Computed whole numbers wrap around; a written number outside the range would become another ' +
      'number.',
    wrong: 'fn f(x: f32) -> i32 = 2147483648',
    right: 'fn f(x: f32) -> u32 = 2147483648',
  },
  {
    code: 'E0361',
    title: 'a default that nothing would use',
    explanation:
      'A field of a record may have a default, for literals that leave the field out. A field that is ' +
      'read from a checkpoint has none: its value for checkpoints without the tensor stands after ' +
      "`else`. The fields of a recipe's state get their first values in `init`.",
    wrong: 'record Model { bias: f32[N] = for i: N -> 0 from "bias" }',
    right: 'record Model { bias: f32[N] from "bias" else 0 }',
  },
])
