import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonLike } from '../src/json/json-like.js'
import { JsonError, parseJson } from '../src/json/parse-json.js'

const refusal = (text: string, limits = {}): string => {
  try {
    parseJson(text, limits)
  } catch (error) {
    expect(error).toBeInstanceOf(JsonError)
    return String(error)
  }
  throw new Error(`it was read: ${text.slice(0, 80)}`)
}

describe('JSON', () => {
  it('is read as JSON.parse reads it, whatever its blanks', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent)
        expect(JSON.stringify(parseJson(`\r\n ${text}\t`))).toBe(JSON.stringify(JSON.parse(text)))
      }),
    )
  })

  it('is written with the numbers of a text that has the same', () => {
    const text = '{ "a": 30.0, "b": [1.0, 2, 1e-5], "c": { "d": 1E3, "e": 7 }, "f": 4.0, "g": 5.0 }'
    const value = {
      a: 30,
      b: [1, 2, 0.00001, 3],
      c: { d: 1000, e: 8 },
      f: 5,
      h: 5,
      i: [],
      j: {},
      k: undefined,
    }
    const lines = jsonLike(value, text)
      .split('\n')
      .map(l => l.trim())
      .join(' ')
    expect(lines).toBe(
      '{ "a": 30.0, "b": [ 1.0, 2, 1e-5, 3 ], "c": { "d": 1E3, "e": 8 }, "f": 5, "h": 5, "i": [], "j": {} }',
    )
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (value, other) => {
        const wanted = JSON.stringify(value, undefined, 2)
        expect(jsonLike(value, JSON.stringify(value))).toBe(wanted)
        expect(JSON.parse(jsonLike(value, JSON.stringify(other)))).toEqual(JSON.parse(wanted))
      }),
    )
  })

  it('is refused where JSON.parse refuses it', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom('', '"', ',', ':', '\\', '0', 'e', '}', '\n'),
        (value, at, put) => {
          const text = JSON.stringify(value)
          const changed = text.slice(0, at % text.length) + put + text.slice((at % text.length) + 1)
          let wanted: unknown
          try {
            wanted = JSON.parse(changed)
          } catch {
            return void refusal(changed)
          }
          try {
            expect(JSON.stringify(parseJson(changed))).toBe(JSON.stringify(wanted))
          } catch (error) {
            // What JSON.parse lets pass, and this does not.
            expect(String(error)).toMatch(/the number is too large|occurs twice/)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('has objects in which only what is written stands', () => {
    const read = parseJson('{"__proto__": {"a": 1}, "b": [], "constructor": 2}') as Record<string, unknown>
    expect(Object.keys(read)).toEqual(['__proto__', 'b', 'constructor'])
    expect(read.toString).toBeUndefined()
    expect(read.a).toBeUndefined()
    expect(Object.entries(read)[0]![1]).toEqual({ a: 1 })
  })

  it('has each name once in an object, however it is spelled', () => {
    expect(refusal('{"a": {"b": 1},\n "\\u0061": 3}')).toContain(
      "line 2, column 2: the name 'a' occurs twice",
    )
    expect(refusal('{"a": {"b": 1, "b": 1}}')).toContain("the name 'b' occurs twice")
    expect(parseJson('{"a": {"b": 1}, "c": {"b": 1}}')).toEqual({ a: { b: 1 }, c: { b: 1 } })
  })

  it('is bounded in depth, in values and in its numbers', () => {
    expect(parseJson('['.repeat(128) + ']'.repeat(128))).toBeDefined()
    expect(refusal('['.repeat(129) + ']'.repeat(129))).toContain('nested more than 128 deep')
    expect(refusal('{"a":'.repeat(5000))).toContain('nested more than 128 deep')
    expect(refusal('[1, 2, 3]', { values: 3 })).toContain('more than 3 values')
    expect(refusal('[1e999]')).toContain('too large')
  })

  it('may hold a text of ten million characters, as a name too', () => {
    const long = 'ab'.repeat(5_000_000)
    expect(parseJson(`"${long}"`)).toBe(long)
    expect(Object.keys(parseJson(`{"${long}": 0}`) as object)[0]).toBe(long)
    expect(refusal(`{"${long}": 0, "${long}": 1}`).length).toBeLessThan(200)
    expect(refusal(`["${long}`)).toContain('has no end')
  })
})
