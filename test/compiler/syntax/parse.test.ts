import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { lex, parse } from '../../../compiler/syntax/parse.js'
import { printSourceExpr } from '../../../compiler/syntax/print-module.js'
import { bare, fixture, parsed, refused } from './support.js'

const bodyOf = (text: string) => {
  const item = parsed(`fn f() -> f32 =\n  ${text}`).items[0]!
  if (item.kind !== 'fn') throw new Error('not a function')
  return item.body
}
const same = (a: string, b: string): void => expect(bare(bodyOf(a))).toEqual(bare(bodyOf(b)))

describe('the programs of the design', () => {
  it.each(['llama', 'edits', 'recipe', 'surface'])('%s parses', async name => {
    const tree = bare(parsed(fixture(`${name}.jola`)))
    await expect(`${JSON.stringify(tree, null, 1)}\n`).toMatchFileSnapshot(`fixtures/${name}.tree.json`)
  })
})

describe('expressions', () => {
  it('bind as tightly as written', () => {
    same('a or b and c', 'a or (b and c)')
    same('not a == b and c', '(not (a == b)) and c')
    same('a + b * c - d', '(a + (b * c)) - d')
    same('-x ^ 2', '-(x ^ 2)')
    same('a ^ b ^ c', 'a ^ (b ^ c)')
    same('-a * b', '(-a) * b')
    same('x[t, e] + sum h, d -> w[h] * z + 1', 'x[t, e] + (sum h, d -> ((w[h] * z) + 1))')
    same('if a then b else c + d', 'if a then b else (c + d)')
    same('f(x)(y).z[i].at(j, else: 0)', '((((f(x))(y)).z)[i]).at(j, else: 0)')
  })

  it('go over lines by operators, never by brackets', () => {
    same('a\n  + b\n  - c', 'a + b - c')
    same('a\n  and b', 'a and b')
    same('let x = a\n  (b, c)', 'let x = (a)\n  (b, c)')
    same('let x = a\n  [b]', 'let x = (a)\n  [b]')
    same('let x = A\n  { b }', 'let x = (A)\n  { b }')
    expect(bodyOf('let x = a\n  (b)').kind).toBe('let')
  })

  it('tell a record literal from a block by the capital', () => {
    expect(bodyOf('Edits { a }')).toMatchObject({ kind: 'record', type: { name: { text: 'Edits' } } })
    expect(bodyOf('m.Edits { a }')).toMatchObject({ kind: 'record', type: { module: { text: 'm' } } })
    expect(bodyOf('s with { a: 1 }')).toMatchObject({ kind: 'record', base: { kind: 'name' } })
  })

  it('qualify by imports and read fields otherwise', () => {
    const text =
      'import std.models.llama\nimport std.optim.adamw as adam\n' +
      'fn f() -> f32 = llama.f(adam.b, adamw.c, llama.x.y)'
    const item = parsed(text).items[0]!
    if (item.kind !== 'fn' || item.body.kind !== 'call') throw new Error('not a call')
    expect(item.body.callee).toMatchObject({ kind: 'name', path: { module: { text: 'llama' } } })
    expect(item.body.args.map(a => a.kind)).toEqual(['name', 'field', 'field'])
  })

  it('call max and min of numbers, reduce with the other words', () => {
    expect(bodyOf('max(a, b)').kind).toBe('call')
    expect(bodyOf('max (a, b) -> x[(a, b)]').kind).toBe('reduce')
    expect(bodyOf('max(a, b) -> x[(a, b)]').kind).toBe('reduce')
    expect(bodyOf('max i, j -> x[i, j]').kind).toBe('reduce')
  })

  it('keep contextual keywords as names', () => {
    const words = [
      'state',
      'setting',
      'test',
      'expect',
      'within',
      'from',
      'is',
      'per',
      'with',
      'type',
      'as',
      'key',
    ]
    for (const word of words)
      expect(printSourceExpr(bodyOf(`${word} + f(${word}) * ${word}.${word}`))).toContain(word)
  })

  it('have spans that cover their text', () => {
    const text = 'fn f() -> f32 = (a + b) * c[i]'
    const item = parsed(text).items[0]!
    if (item.kind !== 'fn' || item.body.kind !== 'binary') throw new Error('not a product')
    const textOf = (span: { start: number; end: number }) => text.slice(span.start, span.end)
    expect(textOf(item.body.span)).toBe('(a + b) * c[i]')
    expect(textOf(item.body.left.span)).toBe('(a + b)')
    expect(textOf(item.body.right.span)).toBe('c[i]')
  })
})

describe('constants', () => {
  const constant = (text: string) => {
    const item = parsed(`const a: ${text}`).items[0]!
    if (item.kind !== 'const') throw new Error('not a constant')
    return { type: item.type?.kind, choices: item.choices?.map(c => c.text), from: item.from?.kind }
  }

  it('have choices or a type', () => {
    expect(constant('default | llama3 = default from "a.b" else "c"')).toEqual({
      choices: ['default', 'llama3'],
      from: 'else',
    })
    expect(constant('silu = silu from "hidden_act"')).toEqual({ choices: ['silu'], from: 'entry' })
    expect(constant('bool = true')).toEqual({ type: 'named' })
    expect(constant('f32 = b')).toEqual({ type: 'named' })
  })

  it('list their choices between bars', () => {
    expect(refused('const a: x | = x')).toHaveLength(1)
    expect(refused('const a: x | f32[N] = x')).toHaveLength(1)
  })
})

describe('tests', () => {
  it('divide at the outermost == only', () => {
    const statement = (text: string) => {
      const item = parsed(`test "t" { expect ${text} }`).items[0]!
      if (item.kind !== 'test' || item.statements[0]?.kind !== 'expect') throw new Error('not an expectation')
      return item.statements[0]
    }
    expect(statement('a == b within 1e-6')).toMatchObject({
      actual: { kind: 'name' },
      expected: { kind: 'name' },
    })
    expect(statement('(a == b)').expected).toBeUndefined()
    expect(statement('a == b or c').expected).toBeUndefined()
    expect(statement('any i -> a[i] == b').expected).toBeUndefined()
  })
})

describe('doc comments', () => {
  it('belong to what they stand above or beside', () => {
    const [a, b, r] = parsed(
      '/// file\n\n/// one\n/// two\nsize A  /// three\nsize B  /// b\n' +
        'record R {  /// r\n  x: f32  /// x\n  /// y\n  y, z: f32\n}\n',
    ).items
    expect(a).toMatchObject({ doc: 'one\ntwo\nthree' })
    expect(b).toMatchObject({ doc: 'b' })
    expect(r).toMatchObject({ doc: 'r', fields: [{ doc: 'x' }, { doc: 'y' }, { doc: 'y' }] })
    expect(parsed('/// file\n\nsize A').doc).toBe('file')
    expect(parsed('/// file\nimport std.nn').doc).toBe('file')
    expect(parsed('/// a\nsize A').doc).toBeUndefined()
  })

  it('and ordinary comments stay reachable', () => {
    const lexed = lex({ name: 'a', text: 'size A // one\n/// two\nsize B' })
    expect(lexed.comments.map(c => c.image)).toEqual(['// one'])
    expect(lexed.docs.map(c => c.image)).toEqual(['/// two'])
  })
})

describe('any text', () => {
  const answers = (text: string): boolean => {
    const result = parse({ name: 'a', text })
    return E.isRight(result) || result.left.length > 0
  }

  it('gives a module or errors, never an exception', () => {
    const surface = fixture('surface.jola')
    const pieces = surface.split(/(?<=\s)|(?=[[\](){},.:])/)
    fc.assert(fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 40 }), p => answers(p.join(''))))
    fc.assert(fc.property(fc.string({ unit: 'binary' }), answers))
    const cut = fc.tuple(fc.nat(surface.length), fc.nat(20))
    fc.assert(fc.property(cut, ([at, length]) => answers(surface.slice(0, at) + surface.slice(at + length))))
  })

  it.each([
    ['parentheses', (n: number) => `${'('.repeat(n)}1${')'.repeat(n)}`],
    ['functions', (n: number) => `${'x -> '.repeat(n)}1`],
    ['conditions', (n: number) => `${'if a then b else '.repeat(n)}1`],
    ['signs', (n: number) => `${'- '.repeat(n)}1`],
    ['sums', (n: number) => `${'1 + '.repeat(n)}1`],
    ['powers', (n: number) => `${'1 ^ '.repeat(n)}1`],
    ['bindings', (n: number) => `${'let x = 1\n'.repeat(n)}x`],
    ['calls', (n: number) => `f${'()'.repeat(n)}`],
  ])('may nest %s, to a limit', (_, build) => {
    bodyOf(build(50))
    for (const depth of [1000, 20_000]) {
      expect(refused(`fn f() -> f32 =\n  ${build(depth)}`).map(d => d.code)).toEqual(['E0112'])
    }
  })
})
