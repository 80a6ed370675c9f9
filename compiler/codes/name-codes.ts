import { type Entries, entries } from './code-entry.js'

/** E02xx: names that are unknown, ambiguous or declared twice. */
export const names: Entries = entries([
  {
    code: 'E0201',
    title: 'a module is not there',
    explanation:
      'Modules that begin with `std` come with the language. Others are files, looked for from the importing file’s folder: `import parts.head` is `parts/head.jola` beside it.',
    wrong: 'import std.nnn (softmax)',
    right: 'import std.nn (softmax)',
  },
  {
    code: 'E0202',
    title: 'modules import one another in a circle',
    explanation:
      'A module is checked after those that it imports, so imports have no circles. Move what both modules need into a third one.',
    wrong: 'import example',
    right: 'import std.nn',
  },
  {
    code: 'E0203',
    title: 'a name is declared twice',
    explanation:
      'Everything at the top of a module shares one set of names, imported names included; so do the parameters of a function, the fields of a record and the indices of one `for`. A later `let` may use a name anew.',
    wrong: 'fn f(x: f32) -> f32 = x\nfn f(x: i32) -> i32 = x',
    right: 'fn f(x: f32) -> f32 = x\nfn g(x: i32) -> i32 = x',
  },
  {
    code: 'E0204',
    title: 'a module does not have what is imported from it',
    explanation: 'A module exports what stands at its own top, not what it imports itself.',
    wrong: 'import std.nn (sofmax)',
    right: 'import std.nn (softmax)',
  },
  {
    code: 'E0205',
    title: 'a name is not known',
    explanation:
      'A name is a parameter, a `let`, an index, something at the top of the module, something imported, or built in. Names of a module that is imported as a whole are qualified by it: `llama.Model`.',
    wrong: 'fn f(x: f32) -> f32 = sqr(x)',
    right: 'fn f(x: f32) -> f32 = sqrt(x)',
  },
  {
    code: 'E0206',
    title: 'a name is of another kind than its place wants',
    explanation:
      'Records are types, sizes are numbers, functions are called: each stands where its kind makes sense.',
    wrong: 'size N\n\nfn f(x: N) -> f32 = 1',
    right: 'size N\n\nfn f(x: f32[N]) -> f32 = 1',
  },
  {
    code: 'E0207',
    title: 'an axis needs a size',
    explanation:
      'Axes are as long as sizes say: whole numbers, capitalised names, and sums and products of them. They are known before the program runs; a value is not.',
    wrong: 'fn f(n: i32, x: f32[n]) -> f32 = 1',
    right: 'fn f(x: f32[N]) -> f32 = 1',
  },
  {
    code: 'E0208',
    title: 'a choice belongs to several settings or constants',
    explanation:
      'When two settings or constants share the name of a choice, only a comparison with one of them tells which is meant.',
    wrong: `recipe R(c: f32) {
  setting a: on | off = on
  setting b: on | off = on
  state { x: f32 }
  init(key) = let x = on
    { x: 0 }
  step(s, batch, key, at) = (s, { loss: 0 })
}`,
    right: `recipe R(c: f32) {
  setting a: on | off = on
  setting b: on | off = on
  state { x: f32 }
  init(key) = { x: if a == on then 1 else 0 }
  step(s, batch, key, at) = (s, { loss: 0 })
}`,
  },
  {
    code: 'E0209',
    title: 'a record has no such field',
    explanation:
      'Fields are those of the record’s declaration. A tensor, a tuple or a type parameter has none; of an array of records, one is read first: `layers[l].wq`.',
    wrong: 'record Point { x: f32 y: f32 }\n\nfn f(p: Point) -> f32 = p.z',
    right: 'record Point { x: f32 y: f32 }\n\nfn f(p: Point) -> f32 = p.y',
  },
  {
    code: 'E0210',
    title: 'a record is written without some of its fields',
    explanation:
      'A record literal gives every field. To change some fields of a record there is, write `r with { … }`.',
    wrong: 'record Point { x: f32 y: f32 }\n\nfn f(p: Point) -> Point = Point { x: 0 }',
    right: 'record Point { x: f32 y: f32 }\n\nfn f(p: Point) -> Point = p with { x: 0 }',
  },
  {
    code: 'E0211',
    title: 'a constant is made of itself',
    explanation: 'Constants are worked out one from another, so they have no circles.',
    wrong: 'const a = b + 1\nconst b = a',
    right: 'const a = b + 1\nconst b = 1',
  },
  {
    code: 'E0212',
    title: 'functions call one another in a circle',
    explanation:
      'Every call is inlined, which is what lets the compiler fuse and differentiate across functions; so nothing can call itself. Repetition is `fold`, or `for` where the steps do not depend on one another.',
    wrong: 'fn f(x: f32) -> f32 = g(x)\nfn g(x: f32) -> f32 = f(x)',
    right: 'fn f(x: f32) -> f32 = fold x for i: 10 -> g(x)\nfn g(x: f32) -> f32 = x / 2',
  },
])
