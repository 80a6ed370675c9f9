import { type CodeEntries, indexEntries } from './code-entry.js'

/** E0301 to E0329: declarations, sizes and indices. */
export const sizeCodes: CodeEntries = indexEntries([
  {
    code: 'E0301',
    title: 'this is not a size',
    explanation: 'A size is a polynomial: whole numbers and size names, joined by `+`, `-` and `*`.',
    wrong: 'fn f(x: f32[N / 2]) -> f32 = 1',
    right: 'fn f(x: f32[2 * M]) -> f32 = 1',
  },
  {
    code: 'E0302',
    title: 'a size is defined by itself',
    explanation:
      'A definition such as `size H = K * G` replaces `H` wherever it stands, so definitions cannot ' +
      'form a circle.',
    wrong: 'size H = 2 * K\nsize K = H + 1',
    right: 'size H = 2 * K\nsize K',
  },
  {
    code: 'E0303',
    title: 'two definitions of one size meet in a signature',
    explanation:
      'Within one signature a name is one size. A record brings its size definitions into each ' +
      'signature that mentions it: if a record has `H = K * G`, then `H` means that in the whole ' +
      'signature.',
    wrong: `import std.models.llama
size Q
size H = 3 * Q

record Scores { values: f32[H, Q] }

fn f(w: llama.Model, s: Scores) -> f32 = 1`,
    right: `import std.models.llama
size H, Q

record Scores { values: f32[H, Q] }

fn f(w: llama.Model, s: Scores) -> f32 = 1`,
  },
  {
    code: 'E0304',
    title: 'a size is too large to be compared with others',
    explanation:
      'Sizes are compared as sums of products. Such a sum may have at most 64 terms, each a product ' +
      'of at most 24 sizes, with whole numbers that are exact. The checker refuses a larger size, ' +
      'because comparing it could take all memory.',
    wrong: `size A
size B = A * A * A * A * A * A
size C = B * B * B * B * B * B
fn f(x: f32[C]) -> f32 = 1`,
    right: `size A
size C
fn f(x: f32[C], y: f32[A]) -> f32 = 1`,
  },
  {
    code: 'E0305',
    title: 'such an array does not exist',
    explanation:
      'Tensors hold numbers, and arrays hold records or tuples. Functions are inlined and never ' +
      'stored. Instead of an array of keys, take one key and derive others with `fold_in(key, i)` ' +
      'where they are used.',
    wrong: 'fn f(k: key[N]) -> f32 = 1',
    right: 'fn f(k: key) -> f32 = sum i: 4 -> uniform(k, i)',
  },
  {
    code: 'E0306',
    title: 'a function cannot be stored, chosen or returned',
    explanation:
      'Functions are second class: a function can be passed to another function and is inlined there. ' +
      'A record may hold functions, and a function may return such a record. No tuple, array or state ' +
      'can hold a function, no `if` can choose one, and no result is a function by itself.',
    wrong: 'fn adder(x: f32) -> (f32) -> f32 = y -> x + y',
    right: 'fn twice(f: (f32) -> f32, x: f32) -> f32 = f(f(x))',
  },
  {
    code: 'E0307',
    title: 'a type parameter is unknown',
    explanation:
      'A record with fields of a `type P` needs to know which record `P` is. A function can have a ' +
      '`P` of its own; elsewhere, write it: `Pair(P = W)`.',
    wrong: `type P
record Pair { a: P b: P }
recipe R(c: f32) {
  state { p: Pair }
  init(key) = { p: { a: 0, b: 0 } }
  step(s, batch, key, at) = (s, { loss: 0 })
}`,
    right: `type P
record Pair { a: P b: P }
record W { w: f32[3] }
recipe R(c: f32) {
  state { p: Pair(P = W) }
  init(key) = let w = W { w: for i -> 0 }
    { p: { a: w, b: w } }
  step(s, batch, key, at) = (s, { loss: 0 })
}`,
  },
  {
    code: 'E0308',
    title: 'a record has no such size or type parameter',
    explanation:
      'The arguments of a record are the sizes and type parameters that its fields mention. A size ' +
      'that the module defines by others is not one of them.',
    wrong: 'record R { x: f32[N] }\n\nfn f(r: R(M = 3)) -> f32 = 1',
    right: 'record R { x: f32[N] }\n\nfn f(r: R(N = 3)) -> f32 = 1',
  },
  {
    code: 'E0309',
    title: 'a record contains itself',
    explanation:
      'A record is a tree of known depth, so it cannot contain itself. `Layer[L]` holds L records of ' +
      'one kind.',
    wrong: 'record Node { value: f32 next: Node }',
    right: 'record Node { value: f32 }\nrecord List { nodes: Node[N] }',
  },
  {
    code: 'E0310',
    title: 'a parameter without a default follows one with a default',
    explanation:
      'Arguments are matched with parameters in order, so the parameters that may be left out come ' +
      'last.',
    wrong: 'fn f(eps: f32 = 1e-5, x: f32) -> f32 = x + eps',
    right: 'fn f(x: f32, eps: f32 = 1e-5) -> f32 = x + eps',
  },
  {
    code: 'E0311',
    title: 'a parameter has no type',
    explanation:
      'Signatures state all types; inside functions the compiler infers them. In a recipe, only ' +
      '`init`, `step`, `validate` and `predict` need no types, because training fixes the types of ' +
      'their parameters.',
    wrong: `recipe R(c: f32) {
  state { x: f32 }
  twice(y) = y + y
  init(key) = { x: twice(c) }
  step(s, batch, key, at) = (s, { loss: 0 })
}`,
    right: `recipe R(c: f32) {
  state { x: f32 }
  twice(y: f32) = y + y
  init(key) = { x: twice(c) }
  step(s, batch, key, at) = (s, { loss: 0 })
}`,
  },
  {
    code: 'E0312',
    title: 'a size or type of the result occurs in no parameter',
    explanation:
      'The sizes of a result are computed from the sizes of the arguments, so each of them must occur ' +
      'in a parameter.',
    wrong: 'fn zeros(x: f32) -> f32[N] = for i -> x',
    right: 'fn zeros(x: f32[N]) -> f32[N] = for i: N -> 0',
  },
  {
    code: 'E0313',
    title: 'a body uses a size that its function does not know',
    explanation:
      'Inside a function, a size name is a size that occurs in the types of its parameters, or a size ' +
      'that is defined by such sizes.',
    wrong: 'fn f(x: f32[N]) -> f32 = sum i: M -> x[0]',
    right: 'fn f(x: f32[N]) -> f32 = sum i: N -> x[i]',
  },
  {
    code: 'E0314',
    title: 'a stored shape does not fit its field',
    explanation:
      '`as […]` gives the shape in which the checkpoint stores a field. The numbers and their order ' +
      'are the same, so both shapes must have the same number of elements for all values of the ' +
      'sizes.',
    wrong: 'record R { w: f32[H, D, E] from "q.weight" as [H * D, D] }',
    right: 'record R { w: f32[H, D, E] from "q.weight" as [H * D, E] }',
  },
  {
    code: 'E0315',
    title: 'a size may be negative',
    explanation:
      'A size name stands for any number from 0 up, and an axis cannot have a negative length. `N - ' +
      '1` may be negative, since N may be 0. Call the smaller size `N` and the larger size `N + 1` ' +
      'instead. This holds for the sizes that you write and for those that a call requires.',
    wrong: 'fn third(x: f32[N + 3]) -> f32 = x[2]\nfn f(x: f32[M]) -> f32 = third(x)',
    right: 'fn third(x: f32[N + 3]) -> f32 = x[2]\nfn f(x: f32[M + 3]) -> f32 = third(x)',
  },
  {
    code: 'E0320',
    title: 'an index runs over another range than the axis that it reads',
    explanation:
      'An index without a written range runs over the first axis that it reads. All other axes that ' +
      'it reads must have the same length for all values of the sizes. A product axis `K * G` is read ' +
      'with a tuple `(k, g)`.',
    wrong: 'fn f(a: f32[M, N], x: f32[M]) -> f32[M] = for i -> sum j -> a[i, j] * x[j]',
    right: 'fn f(a: f32[M, N], x: f32[N]) -> f32[M] = for i -> sum j -> a[i, j] * x[j]',
  },
  {
    code: 'E0321',
    title: 'two sizes must be equal and are not',
    explanation:
      'Sizes are compared as polynomials, once for all values. `N` and `M` are different sizes even ' +
      'if they are equal in some run.',
    wrong: 'fn f(x: f32[N], y: f32[M]) -> f32[N] = x + y',
    right: 'fn f(x: f32[N], y: f32[N]) -> f32[N] = x + y',
  },
  {
    code: 'E0322',
    title: 'this is not an index',
    explanation:
      'An index is known to be in range: a `for`, a reduction or a fold binds it, or it comes from ' +
      'data of type `idx[N]`, or it is a written whole number. Read at a computed number with `.at(…, ' +
      'else: …)`, which gives a value for positions outside.',
    wrong: 'fn shift(x: f32[N]) -> f32[N] = for i: N -> x[i + 1]',
    right: 'fn shift(x: f32[N]) -> f32[N] = for i: N -> x.at(i + 1, else: 0)',
  },
  {
    code: 'E0323',
    title: 'two tensors have different numbers of axes',
    explanation: 'The number of axes is part of a type. Nothing is broadcast, and no axes are added.',
    wrong: 'fn g(x: f32[N]) -> f32 = sum i -> x[i]\nfn f(x: f32[M, N]) -> f32 = g(x)',
    right: 'fn g(x: f32[N]) -> f32 = sum i -> x[i]\nfn f(x: f32[M, N]) -> f32 = sum i -> g(x[i])',
  },
  {
    code: 'E0324',
    title: 'sizes cannot be determined from their product',
    explanation: 'The product `K * G` alone determines neither `K` nor `G`: write one of them.',
    wrong: 'fn f(x: f32[K * G]) -> f32 = sum k, g -> x[(k, g)]',
    right: 'fn f(x: f32[K * G]) -> f32 = sum k: K, g -> x[(k, g)]',
  },
  {
    code: 'E0325',
    title: 'a whole number may be out of range',
    explanation:
      'A size may be 0, so `x[0]` is safe on an axis of length `N + 1` or 2, but not of length `N`.',
    wrong: 'fn first(x: f32[N]) -> f32 = x[0]',
    right: 'fn first(x: f32[N + 1]) -> f32 = x[0]',
  },
  {
    code: 'E0326',
    title: 'something is read with more indices than it has axes',
    explanation: 'Each index reads one axis. An axis whose size is a product is read with a tuple.',
    wrong: 'fn f(x: f32[A * B]) -> f32[A, B] = for a: A, b: B -> x[a, b]',
    right: 'fn f(x: f32[A * B]) -> f32[A, B] = for a: A, b: B -> x[(a, b)]',
  },
  {
    code: 'E0327',
    title: 'the rows of an array differ, or it is empty',
    explanation: 'An array literal has at least one element, and all its rows have the same length.',
    wrong: 'test "t" {\n  let x = [[1, 2], [3]]\n  expect x[0, 0] == 1\n}',
    right: 'test "t" {\n  let x = [[1, 2], [3, 4]]\n  expect x[0, 0] == 1\n}',
  },
  {
    code: 'E0328',
    title: 'the range of an index is unknown',
    explanation:
      'An index runs over the axis that it reads. If it reads no axis, or reads with `.at` only, ' +
      'write its range.',
    wrong: 'fn f(x: f32) -> f32 = sum i -> x',
    right: 'fn f(x: f32) -> f32 = sum i: 3 -> x',
  },
  {
    code: 'E0329',
    title: 'a size of a called function is unknown',
    explanation:
      'The sizes of a function are inferred from its arguments. No argument of this call determines ' +
      'this size.',
    wrong: 'fn g(f: (f32[N]) -> f32) -> f32 = 1\nfn f(x: f32) -> f32 = g(y -> 1)',
    right: 'fn g(f: (f32[N]) -> f32, y: f32[N]) -> f32 = f(y)\nfn f(x: f32[M]) -> f32 = g(y -> 1, x)',
  },
])
