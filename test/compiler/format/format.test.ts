import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { format } from '../../../compiler/format/format.js'
import { lex, parse } from '../../../compiler/syntax/parse.js'
import { printModule } from '../../../compiler/syntax/print-module.js'
import { filesUnder, root } from '../../house/sources.js'
import { module } from '../syntax/generate.js'
import { bare, parsed } from '../syntax/support.js'

const formatted = (text: string): string => {
  const result = format({ name: 'a.jola', text })
  if (E.isLeft(result)) throw new Error(result.left.map(d => d.title).join('\n'))
  return result.right
}

const programs = ['stdlib', 'examples', 'test'].flatMap(folder =>
  filesUnder(folder)
    .map(f => f.path)
    .filter(path => path.endsWith('.jola') && !/fixtures|print-source|test\/errors/.test(path)),
)
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The text with other white space between its tokens; only where nothing stands, none is put. */
const shaken = (text: string, random: () => number): string => {
  const { tokens, comments, docs } = lex({ name: 'a', text })
  const all = [...tokens, ...comments, ...docs].sort((a, b) => a.startOffset - b.startOffset)
  let out = ''
  let end = 0
  for (const token of all) {
    const gap = text.slice(end, token.startOffset)
    if (gap.includes('\n')) out += random() < 0.5 || out === '' ? gap : `${gap}${' '.repeat(random() * 9)}`
    else if (gap === '') out += random() < 0.8 || /[([.{]$|max$|min$/.test(out) ? '' : ' '
    else
      out +=
        random() < 0.3 && !/^(?:[([{]|with$|per$|\/\/)/.test(token.image) && !out.endsWith('type')
          ? `\n${' '.repeat(1 + random() * 7)}`
          : ' '.repeat(1 + random() * 3)
    out += token.image
    end = token.startOffset + token.image.length
  }
  return out + text.slice(end)
}

describe('format', () => {
  it.each(programs)('keeps %s as it is', path => {
    expect(formatted(textOf(path))).toBe(textOf(path))
  })

  it('keeps lines within 100 columns, comments apart', () => {
    const long = programs.flatMap(path =>
      textOf(path)
        .split('\n')
        .map(line => line.replace(/ *\/\/.*/, ''))
        .filter(line => line.length > 100),
    )
    expect(long).toEqual([])
  })

  it('keeps the tree of random modules, and changes nothing the second time', () => {
    fc.assert(
      fc.property(module, m => {
        const text = printModule(m)
        const once = formatted(text)
        expect(bare(parsed(once))).toEqual(bare(parsed(text)))
        expect(formatted(once)).toBe(once)
      }),
      { numRuns: 300 },
    )
  })

  it('does not depend on where lines were broken', () => {
    let seed = 7
    const random = (): number => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return seed / 2 ** 31
    }
    let compared = 0
    for (const path of programs) {
      const text = textOf(path)
      const other = shaken(text, random)
      const tree = parse({ name: 'a.jola', text: other })
      if (E.isLeft(tree) || JSON.stringify(bare(tree.right)) !== JSON.stringify(bare(parsed(text)))) continue
      compared += 1
      expect(formatted(other), path).toBe(text)
    }
    expect(compared).toBeGreaterThan(programs.length / 2)
  })
})

describe('a layout', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      'spaces',
      'fn f(x:f32,n:idx[N][T])->f32=-x+1*2-f(-1)',
      'fn f(x: f32, n: idx[N][T]) -> f32 = -x + 1 * 2 - f(-1)\n',
    ],
    ['tokens as written', 'fn f() -> f32 = (1_000 + (1e-6))', 'fn f() -> f32 = (1_000 + (1e-6))\n'],
    [
      'comments in any place',
      'fn f(x: f32 // one\n, y: f32) -> f32 =\n  // two\n  f( // three\n    x, y) // four\n// five\n',
      'fn f(\n  x: f32  // one\n  ,\n  y: f32\n) -> f32 =\n' +
        '  // two\n  f(  // three\n    x, y)  // four\n// five\n',
    ],
    ['commas at the end of a list', 'fn f() -> f32 = g(1, 2,)', 'fn f() -> f32 = g(1, 2)\n'],
    [
      'empty lines once',
      'size A\n\n\n\nsize B\nfn f() -> f32 =\n\n  let x = 1\n\n\n  x',
      'size A\n\nsize B\n\nfn f() -> f32 =\n\n  let x = 1\n\n  x\n',
    ],
    [
      'columns',
      'record R {\n  a: f32 /// one\n  long, b: f32[A] /// two\n}',
      'record R {\n  a:       f32     /// one\n  long, b: f32[A]  /// two\n}\n',
    ],
    ['nothing', '', ''],
    ['a comment alone', '// a', '// a\n'],
  ]
  it.each(cases)('of %s', (_, text, wanted) => {
    expect(formatted(text)).toBe(wanted)
    expect(formatted(wanted)).toBe(wanted)
  })

  it('of what does not parse is refused with the message of the parser', () => {
    expect(E.isLeft(format({ name: 'a.jola', text: 'fn f( -> f32 = 1' }))).toBe(true)
  })
})
