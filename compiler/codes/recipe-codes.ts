import { type CodeEntries, indexEntries } from './code-entry.js'

/** E0350 to E0359: recipes. */
export const recipeCodes: CodeEntries = indexEntries([
  {
    code: 'E0350',
    title: 'a method of a recipe is not declared as training calls it',
    explanation:
      'Training calls `init(key)`, `step(s, batch, key, at)`, `validate(s, batch)` and `predict(s, ' +
      'tokens)`. The first two are required. The types of their parameters need not be written.',
    wrong: `recipe R(c: f32) {
  state { x: f32 }
  init(key) = { x: c }
}`,
    right: `recipe R(c: f32) {
  state { x: f32 }
  init(key) = { x: c }
  step(s, batch, key, at) = (s, { loss: s.x })
}`,
  },
  {
    code: 'E0351',
    title: 'a method gives no numbers to show',
    explanation:
      '`step` gives the state and a record of f32 numbers. `validate` gives an f32 or such a record.',
    wrong: `recipe R(c: f32) {
  state { x: f32 }
  init(key) = { x: c }
  step(s, batch, key, at) = (s, { loss: batch.weight })
}`,
    right: `recipe R(c: f32) {
  state { x: f32 }
  init(key) = { x: c }
  step(s, batch, key, at) = (s, { loss: mean b, a -> batch.weight[b, a] })
}`,
  },
  {
    code: 'E0352',
    title: 'the value of a setting or constant is not one of its choices',
    explanation:
      'A setting or constant with choices has one of them as its value. It can be compared with its ' +
      'choices only.',
    wrong: `recipe R(c: f32) {
  setting schedule: linear | cosine = cosin
  state { x: f32 }
  init(key) = { x: c }
  step(s, batch, key, at) = (s, { loss: s.x })
}`,
    right: `recipe R(c: f32) {
  setting schedule: linear | cosine = cosine
  state { x: f32 }
  init(key) = { x: c }
  step(s, batch, key, at) = (s, { loss: if schedule == linear then s.x else 0 })
}`,
  },
  {
    code: 'E0353',
    title: 'the records that training hands to recipes are missing',
    explanation: '`Batch` and `At` are declared in `std.data`. Recipes use them without importing them.',
    wrong: `recipe R(c: f32) {
  state { x: f32 }
  init(key) = { x: c }
  step(s, batch, key, at) = (s, { loss: s.x })
}`,
    right: `import std.data (Batch, At)`,
  },
  {
    code: 'E0354',
    title: 'training cannot use the default of a setting',
    explanation:
      'Training reads `epochs`, `batch`, `patience` and `context` itself, if a recipe has them. Each ' +
      'is a whole number of at least 1. `end_of_text` is true or false. A recipe without `patience` ' +
      'never stops early, and a recipe without `context` takes that of the model.',
    wrong: `import std.data (Batch)
recipe R {
  setting epochs = 2.5
  state { x: f32 }
  init(key) = { x: 0 }
  step(s, batch, key, at) = (s, { loss: s.x })
}`,
    right: `import std.data (Batch)
recipe R {
  setting epochs = 2
  state { x: f32 }
  init(key) = { x: 0 }
  step(s, batch, key, at) = (s, { loss: s.x })
}`,
  },
  {
    code: 'E0362',
    title: 'a setting that nothing reads',
    explanation:
      'A setting changes a run by being read: in a method of the recipe, or by training itself, which ' +
      'reads `epochs`, `batch`, `patience`, `context` and `end_of_text`. One that nothing reads would be ' +
      'listed, set and saved, and change nothing.',
    wrong: `import std.data (Batch)
recipe R {
  setting rate = 0.1
  state { x: f32 }
  init(key) = { x: 0 }
  step(s, batch, key, at) = (s, { loss: s.x })
}`,
    right: `import std.data (Batch)
recipe R {
  setting rate = 0.1
  state { x: f32 }
  init(key) = { x: 0 }
  step(s, batch, key, at) = ({ x: s.x - rate }, { loss: s.x })
}`,
  },
])
