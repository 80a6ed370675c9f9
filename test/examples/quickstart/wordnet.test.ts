import { describe, expect, it } from 'vitest'
import {
  allowed,
  ask,
  categories,
  entries,
  shuffled,
  task,
  taskEntries,
} from '../../../examples/quickstart/wordnet.js'

const all = entries()
const parts = task(all)
const examples = [...parts.train, ...parts.valid, ...parts.test]

describe('entries', () => {
  it('reads words, category, definition and examples of a synset', () => {
    expect(all.length).toBeGreaterThan(117_000)
    const dog = all.find(e => e.words.includes('domestic dog'))!
    expect(dog.words).toEqual(['dog', 'domestic dog', 'Canis familiaris'])
    expect(dog.category).toBe('animal')
    expect(dog.definition).toMatch(/^a member of the genus Canis/)
    expect(dog.examples).toEqual(['the dog barked all night'])
    expect(dog.instance).toBe(false)
    expect(all.find(e => e.words.includes('Napoleon Bonaparte'))!.instance).toBe(true)
  })

  it('takes markers and quotation marks off', () => {
    const words = all.flatMap(e => e.words)
    expect(words.filter(w => /_|\((a|p|ip)\)$/.test(w))).toEqual([])
    expect(all.filter(e => e.definition.startsWith('"'))).toEqual([])
  })
})

describe('task', () => {
  it('has 200, 200 and 800 examples, equally many of each category', () => {
    expect([parts.train.length, parts.valid.length, parts.test.length]).toEqual([200, 200, 800])
    for (const part of [parts.train, parts.valid, parts.test])
      for (const category of categories)
        expect(part.filter(e => e.answer === ` ${category}`).length).toBe(part.length / categories.length)
  })

  it('never asks the same definition twice, nor one that names a category', () => {
    expect(new Set(examples.map(e => e.prompt)).size).toBe(examples.length)
    const named = new RegExp(`\\b(${categories.join('|')})s?\\b`, 'i')
    expect(examples.filter(e => named.test(e.prompt))).toEqual([])
  })

  it('is the same on every call', () => {
    expect(task(all)).toEqual(parts)
  })

  it('keeps every synset that shares a word or a definition with the task from pretraining', () => {
    const held = taskEntries(all)
    expect(new Set(held.map(e => ask(e).prompt))).toEqual(new Set(examples.map(e => e.prompt)))
    const definitions = new Set(held.map(e => e.definition))
    const words = new Set(held.flatMap(e => e.words.map(w => w.toLowerCase())))
    const seen = allowed(all)
    expect(seen.length).toBeGreaterThan(110_000)
    expect(seen.filter(e => e.words.some(w => words.has(w.toLowerCase())))).toEqual([])
    expect(seen.filter(e => definitions.has(e.definition))).toEqual([])
  })
})

describe('shuffled', () => {
  it('is a permutation that depends on the seed alone', () => {
    const items = Array.from({ length: 50 }, (_, i) => i)
    expect(shuffled(items, 3)).toEqual(shuffled(items, 3))
    expect(shuffled(items, 3)).not.toEqual(shuffled(items, 4))
    expect(shuffled(items, 3).sort((a, b) => a - b)).toEqual(items)
  })
})
