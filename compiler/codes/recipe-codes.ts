import { type Entries, entries } from './code-entry.js'

/** E0350 to E0359: recipes. */
export const recipes: Entries = entries([
  {
    code: 'E0350',
    title: 'a recipe’s method is not as training calls it',
    explanation:
      'Training calls `init(key)`, `step(s, batch, key, at)`, `validate(s, batch)` and `predict(s, tokens)`; the first two must be there. Their parameters’ types need not be written.',
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
    title: 'a method does not give numbers to show',
    explanation:
      '`step` gives the state and a record of f32 numbers; `validate` gives an f32 or such a record.',
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
    title: 'a setting or constant is none of its choices',
    explanation:
      'A setting or constant written with choices has one of them as its value, and is compared with no other word.',
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
  step(s, batch, key, at) = (s, { loss: s.x })
}`,
  },
  {
    code: 'E0353',
    title: 'the records that training hands to recipes are not there',
    explanation: '`Batch` and `At` are declared in `std.data`, which recipes read without importing it.',
    wrong: `recipe R(c: f32) {
  state { x: f32 }
  init(key) = { x: c }
  step(s, batch, key, at) = (s, { loss: s.x })
}`,
    right: `import std.data (Batch, At)`,
  },
  {
    code: 'E0354',
    title: 'a setting that training reads has a default that it cannot begin with',
    explanation:
      'Training reads `epochs`, `batch`, `patience` and `context` itself, if a recipe has them: each counts something, and is a whole number of at least 1. `end_of_text` is true or false. A recipe without `patience` never stops early, and one without `context` takes the model’s.',
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
])
