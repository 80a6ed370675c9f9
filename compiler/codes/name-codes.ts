import { type CodeEntries, indexEntries } from './code-entry.js'

/** E02xx: names that are unknown, ambiguous or declared twice. */
export const nameCodes: CodeEntries = indexEntries([
  {
    code: 'E0201',
    title: 'a module does not exist',
    explanation:
      'Modules that begin with `std` come with the language. Other modules are files. They are looked ' +
      'for in the folder of the importing file: `import parts.head` is the file `parts/head.jola` in ' +
      'that folder.',
    wrong: 'import std.nnn (softmax)',
    right: 'import std.nn (softmax)',
  },
  {
    code: 'E0202',
    title: 'modules import one another in a circle',
    explanation:
      'A module is checked after the modules that it imports, so imports cannot form a circle. Move ' +
      'what both modules need into a third module.',
    wrong: 'import example',
    right: 'import std.nn',
  },
  {
    code: 'E0203',
    title: 'a name is declared twice',
    explanation:
      'All declarations of a module share one set of names, and imported names belong to it too. The ' +
      'parameters of a function, the fields of a record and the indices of one `for` are such sets as ' +
      'well. A later `let` may use a name again.',
    wrong: 'fn f(x: f32) -> f32 = x\nfn f(x: i32) -> i32 = x',
    right: 'fn f(x: f32) -> f32 = x\nfn g(x: i32) -> i32 = x',
  },
  {
    code: 'E0204',
    title: 'a module does not have what is imported from it',
    explanation: 'A module exports its own declarations. It does not export what it imports.',
    wrong: 'import std.nn (sofmax)',
    right: 'import std.nn (softmax)',
  },
  {
    code: 'E0205',
    title: 'a name is not known',
    explanation:
      'A name is a parameter, a `let`, an index, a declaration of the module, an imported name, or a ' +
      'built-in name. The names of a module that is imported as a whole need its name before them: ' +
      '`llama.Model`.',
    wrong: 'fn f(x: f32) -> f32 = sqr(x)',
    right: 'fn f(x: f32) -> f32 = sqrt(x)',
  },
  {
    code: 'E0206',
    title: 'a name is of another kind than its place needs',
    explanation:
      'A record is a type, a size is a number, and a function is called. Each can stand only where ' +
      'its kind fits.',
    wrong: 'size N\n\nfn f(x: N) -> f32 = 1',
    right: 'size N\n\nfn f(x: f32[N]) -> f32 = 1',
  },
  {
    code: 'E0207',
    title: 'an axis needs a size',
    explanation:
      'The length of an axis is a size: a whole number, a capitalised name, or a sum or product of ' +
      'these. Sizes are known before the program runs, and values are not.',
    wrong: 'fn f(n: i32, x: f32[n]) -> f32 = 1',
    right: 'fn f(x: f32[N]) -> f32 = 1',
  },
  {
    code: 'E0208',
    title: 'a choice belongs to several settings or constants',
    explanation:
      'Two settings or constants have a choice of the same name. Compare the name with the setting ' +
      'that you mean, so that the compiler knows which choice it is.',
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
  step(s, batch, key, at) = (s, { loss: if a == on or b == on then 1 else 0 })
}`,
  },
  {
    code: 'E0209',
    title: 'a record has no such field',
    explanation:
      'A record has the fields that its declaration lists. A tensor, a tuple or a type parameter has ' +
      'no fields. Of an array of records, read one record first: `layers[l].wq`.',
    wrong: 'record Point { x: f32 y: f32 }\n\nfn f(p: Point) -> f32 = p.z',
    right: 'record Point { x: f32 y: f32 }\n\nfn f(p: Point) -> f32 = p.y',
  },
  {
    code: 'E0210',
    title: 'a record is written without some of its fields',
    explanation:
      'A record literal gives a value to every field. To change some fields of an existing record, ' +
      'write `r with { … }`.',
    wrong: 'record Point { x: f32 y: f32 }\n\nfn f(p: Point) -> Point = Point { x: 0 }',
    right: 'record Point { x: f32 y: f32 }\n\nfn f(p: Point) -> Point = p with { x: 0 }',
  },
  {
    code: 'E0211',
    title: 'a constant uses itself',
    explanation: 'The value of a constant may use other constants, but not itself, not even through others.',
    wrong: 'const a = b + 1\nconst b = a',
    right: 'const a = b + 1\nconst b = 1',
  },
  {
    code: 'E0212',
    title: 'functions call one another in a circle',
    explanation:
      'Every call is inlined, so that the compiler can fuse and differentiate across functions. ' +
      'Therefore a function cannot call itself. To repeat steps, write `fold`, or `for` where the ' +
      'steps do not depend on each other.',
    wrong: 'fn f(x: f32) -> f32 = g(x)\nfn g(x: f32) -> f32 = f(x)',
    right: 'fn f(x: f32) -> f32 = fold x for i: 10 -> g(x)\nfn g(x: f32) -> f32 = x / 2',
  },
])
