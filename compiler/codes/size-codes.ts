import { type Entries, entries } from './code-entry.js'

/** E0301 to E0329: declarations, sizes and indices. */
export const sizes: Entries = entries([
  {
    code: 'E0301',
    title: 'this is not a size',
    explanation: 'Sizes are polynomials: whole numbers and size names joined by `+`, `-` and `*`.',
    wrong: 'fn f(x: f32[N / 2]) -> f32 = 1',
    right: 'fn f(x: f32[2 * M]) -> f32 = 1',
  },
  {
    code: 'E0302',
    title: 'a size is defined by itself',
    explanation:
      'A definition like `size H = K * G` is expanded wherever `H` stands, so definitions have no circles.',
    wrong: 'size H = 2 * K\nsize K = H + 1',
    right: 'size H = 2 * K\nsize K',
  },
  {
    code: 'E0303',
    title: 'two definitions of one size meet',
    explanation:
      'Within one signature one name is one size. Definitions come along with the records that use them: a signature that mentions a model with `H = K * G` speaks of that `H` everywhere.',
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
      'Sizes are compared multiplied out, as sums of products. Such a sum has at most 64 terms, each a product of at most 24 sizes, with whole numbers that are exact; the checker says so where a program passes that, instead of taking all memory.',
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
    title: 'there are no arrays of this',
    explanation:
      'Tensors hold numbers and arrays hold records or tuples. Functions are inlined and never stored; many keys are made of one with `fold_in(key, i)` where they are used.',
    wrong: 'fn f(k: key[N]) -> f32 = 1',
    right: 'fn f(k: key) -> f32 = sum i: 4 -> uniform(k, i)',
  },
  {
    code: 'E0306',
    title: 'a function cannot be stored, chosen or given back',
    explanation:
      'Functions are second class: they are handed to functions and inlined there. A record may hold them, and a function may give such a record back; no tuple, array or state holds one, no `if` chooses one, and no result is a function by itself.',
    wrong: 'fn adder(x: f32) -> (f32) -> f32 = y -> x + y',
    right: 'fn twice(f: (f32) -> f32, x: f32) -> f32 = f(f(x))',
  },
  {
    code: 'E0307',
    title: 'nothing says which record a type parameter is',
    explanation:
      'A record that holds a `type P` says in every mention which record that is: a function’s own `P`, or one given by name.',
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
    explanation: 'Arguments name the sizes that the record’s fields mention, after its module’s definitions.',
    wrong: 'record R { x: f32[N] }\n\nfn f(r: R(M = 3)) -> f32 = 1',
    right: 'record R { x: f32[N] }\n\nfn f(r: R(N = 3)) -> f32 = 1',
  },
  {
    code: 'E0309',
    title: 'a record contains itself',
    explanation: 'Records are trees of known depth. `Layer[L]` is L records of one kind.',
    wrong: 'record Node { value: f32 next: Node }',
    right: 'record Node { value: f32 }\nrecord List { nodes: Node[N] }',
  },
  {
    code: 'E0310',
    title: 'a parameter without a default follows one with a default',
    explanation: 'Arguments are given in order, so those that may be left out come last.',
    wrong: 'fn f(eps: f32 = 1e-5, x: f32) -> f32 = x + eps',
    right: 'fn f(x: f32, eps: f32 = 1e-5) -> f32 = x + eps',
  },
  {
    code: 'E0311',
    title: 'a parameter has no type',
    explanation:
      'Signatures are written out; inside functions types are found. In a recipe only `init`, `step`, `validate` and `predict` know the types of their parameters.',
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
    explanation: 'The sizes of a result follow from those of the arguments; nothing else could tell them.',
    wrong: 'fn zeros(x: f32) -> f32[N] = for i -> x',
    right: 'fn zeros(x: f32[N]) -> f32[N] = for i: N -> 0',
  },
  {
    code: 'E0313',
    title: 'a body uses a size that its function does not know',
    explanation:
      'Inside a function a size name means a size that occurs in the types of its parameters, or one defined by those.',
    wrong: 'fn f(x: f32[N]) -> f32 = sum i: M -> x[0]',
    right: 'fn f(x: f32[N]) -> f32 = sum i: N -> x[i]',
  },
  {
    code: 'E0314',
    title: 'a stored shape does not fit its field',
    explanation:
      'With `as […]` a field says in which shape a checkpoint stores it. The numbers are the same in the same order, so both shapes have as many elements, for every value of the sizes.',
    wrong: 'record R { w: f32[H, D, E] from "q.weight" as [H * D, D] }',
    right: 'record R { w: f32[H, D, E] from "q.weight" as [H * D, E] }',
  },
  {
    code: 'E0315',
    title: 'a size may be negative',
    explanation:
      'A size name stands for any number from 0 up, and an axis has as many elements. So a size that is written, or that a call makes necessary, is a sum in which nothing is taken away: `N - 1` is none, since N may be 0. Call the smaller size `N` and the larger one `N + 1`.',
    wrong: 'fn third(x: f32[N + 3]) -> f32 = x[2]\nfn f(x: f32[M]) -> f32 = third(x)',
    right: 'fn third(x: f32[N + 3]) -> f32 = x[2]\nfn f(x: f32[M + 3]) -> f32 = third(x)',
  },
  {
    code: 'E0320',
    title: 'an index runs over another range than the axis that it reads',
    explanation:
      'An index without a written range runs over the first axis that it reads; every other axis it reads must be as long, for every value of the sizes. A product axis `K * G` is read with a tuple `(k, g)`.',
    wrong: 'fn f(a: f32[M, N], x: f32[M]) -> f32[M] = for i -> sum j -> a[i, j] * x[j]',
    right: 'fn f(a: f32[M, N], x: f32[N]) -> f32[M] = for i -> sum j -> a[i, j] * x[j]',
  },
  {
    code: 'E0321',
    title: 'two sizes must be equal and are not',
    explanation:
      'Sizes are compared as polynomials, once for all values: `N` and `M` are different sizes even if they happen to be equal in some run.',
    wrong: 'fn f(x: f32[N], y: f32[M]) -> f32[N] = x + y',
    right: 'fn f(x: f32[N], y: f32[N]) -> f32[N] = x + y',
  },
  {
    code: 'E0322',
    title: 'this is not an index',
    explanation:
      'An index is a number that is known to be in range: bound by a `for`, a reduction or a fold, from data of type `idx[N]`, or written as a whole number. A computed number is read with `.at(…, else: …)`, which says what is outside.',
    wrong: 'fn shift(x: f32[N]) -> f32[N] = for i: N -> x[i + 1]',
    right: 'fn shift(x: f32[N]) -> f32[N] = for i: N -> x.at(i + 1, else: 0)',
  },
  {
    code: 'E0323',
    title: 'two tensors have different numbers of axes',
    explanation: 'Nothing is broadcast and no axes are added: the number of axes is part of a type.',
    wrong: 'fn g(x: f32[N]) -> f32 = x[0]\nfn f(x: f32[M, N]) -> f32 = g(x)',
    right: 'fn g(x: f32[N]) -> f32 = sum i -> x[i]\nfn f(x: f32[M, N]) -> f32 = sum i -> g(x[i])',
  },
  {
    code: 'E0324',
    title: 'sizes cannot be told from their product',
    explanation: 'From `K * G` alone nobody can tell `K` and `G`: one of them must be given.',
    wrong: 'fn f(x: f32[K * G]) -> f32 = sum k, g -> x[(k, g)]',
    right: 'fn f(x: f32[K * G]) -> f32 = sum k: K, g -> x[(k, g)]',
  },
  {
    code: 'E0325',
    title: 'a whole number may be out of range',
    explanation:
      'A size may be anything from 0 up, so `x[0]` is safe on an axis of `N + 1` or of 2 but not of `N`.',
    wrong: 'fn first(x: f32[N]) -> f32 = x[0]',
    right: 'fn first(x: f32[N + 1]) -> f32 = x[0]',
  },
  {
    code: 'E0326',
    title: 'something is read with more indices than it has axes',
    explanation: 'Each index reads one axis. One axis of a product size is read with a tuple.',
    wrong: 'fn f(x: f32[A * B]) -> f32[A, B] = for a: A, b: B -> x[a, b]',
    right: 'fn f(x: f32[A * B]) -> f32[A, B] = for a: A, b: B -> x[(a, b)]',
  },
  {
    code: 'E0327',
    title: 'an array is not a full box of numbers',
    explanation: 'A written array has at least one element, and its rows have equal lengths.',
    wrong: 'test "t" {\n  let x = [[1, 2], [3]]\n  expect x[0, 0] == 1\n}',
    right: 'test "t" {\n  let x = [[1, 2], [3, 4]]\n  expect x[0, 0] == 1\n}',
  },
  {
    code: 'E0328',
    title: 'nothing bounds an index',
    explanation:
      'An index runs over the axis that it reads. One that reads none, or reads with `.at`, says how far it runs.',
    wrong: 'fn f(x: f32) -> f32 = sum i -> x',
    right: 'fn f(x: f32) -> f32 = sum i: 3 -> x',
  },
  {
    code: 'E0329',
    title: 'nothing tells a size of a function in use',
    explanation: 'The sizes of a function are found by its arguments; here no argument has this one.',
    wrong: 'fn g(f: (f32[N]) -> f32) -> f32 = 1\nfn f(x: f32) -> f32 = g(y -> 1)',
    right: 'fn g(f: (f32[N]) -> f32, y: f32[N]) -> f32 = f(y)\nfn f(x: f32[M]) -> f32 = g(y -> 1, x)',
  },
])
