import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { checkProgram } from '../../../compiler/check/check.js'
import type { CoreExpr, Program } from '../../../compiler/core/core.js'
import { showType } from '../../../compiler/core/show-type.js'
import { sizeText } from '../../../compiler/core/size.js'
import type { Type } from '../../../compiler/core/type.js'
import { programs } from './programs.js'
import { checkText, codesOf, nodesOf, showDiagnostic } from './support.js'

const programOf = (result: E.Either<readonly Parameters<typeof showDiagnostic>[0][], Program>): Program => {
  if (E.isRight(result)) return result.right
  throw new Error(result.left.map(showDiagnostic).join('\n'))
}
const checked = (text: string): Program => programOf(checkText(text))
const bodyOf = (text: string, fn = 'f'): CoreExpr => checked(text).fns.get(`example.${fn}`)!.body
const typeText = (t: Type): string => showType(t, sizeText)
const nodes = nodesOf
const find = <K extends CoreExpr['kind']>(e: CoreExpr, kind: K): CoreExpr & { kind: K } =>
  nodes(e).find((n): n is CoreExpr & { kind: K } => n.kind === kind)!

describe('the programs of the design', () => {
  const whole = (): Program =>
    programOf(
      checkProgram(Object.keys(programs), n =>
        programs[n] === undefined ? undefined : { name: n, text: programs[n] },
      ),
    )

  test('check, and leave nothing unknown', () => {
    const program = whole()
    expect(program.fns.size).toBeGreaterThan(20)
    for (const fn of [
      ...program.fns.values(),
      ...[...program.recipes.values()].flatMap(r => [...r.methods.values()]),
    ])
      for (const node of nodes(fn.body)) expect(typeText(node.type), fn.id).not.toMatch(/\?|\b_\b/)
  })

  test('give every call the sizes of its caller', () => {
    const block = whole().fns.get('std.models.llama.block')!
    const attend = nodes(block.body).find(n => n.kind === 'call' && n.fn.endsWith('attend'))
    expect(
      attend?.kind === 'call' && [...attend.instance.sizes].map(([n, p]) => `${n} = ${sizeText(p)}`),
    ).toEqual(['T = T', 'R = R'])
  })

  test('expand definitions wherever a record that uses them is mentioned', () => {
    const fn = whole().fns.get('std.edits.jola.settled_logits')!
    expect(fn.params.map(p => typeText(p.type))).toEqual([
      'Edits(H = G * K, D = 2 * R)',
      'Model',
      'idx[V][T]',
    ])
    expect(typeText(fn.result)).toBe('f32[T, V]')
  })

  test('bind around a method the methods that it calls', () => {
    const step = whole().recipes.get('std.recipes.jola.Jola')!.methods.get('step')!
    const bound: string[] = []
    for (let e = step.body; e.kind === 'let'; e = e.body)
      if (e.pattern.kind === 'name') bound.push(e.pattern.name)
    expect(bound.slice(0, 2).sort()).toEqual(['objective', 'rates'])
    expect(typeText(step.result)).toBe('(State, { loss: f32, open: f32 })')
  })

  test('have their settings with types', () => {
    const recipe = whole().recipes.get('std.recipes.jola.Jola')!
    expect(recipe.settings.map(s => `${s.name}: ${typeText(s.type)}`)).toEqual([
      'learning_rate: f32',
      'gate_rate: f32',
      'warmup: i32',
      'epochs: i32',
      'patience: i32',
      'penalty: paper | reference | none',
    ])
    expect(recipe.state.id).toBe('std.recipes.jola.Jola.State')
    expect([...recipe.sizes].sort()).toEqual(['B', 'E', 'F', 'G', 'K', 'L', 'R', 'T', 'V'])
  })
})

describe('sizes', () => {
  test('an index runs over what it reads', () => {
    const loop = find(bodyOf('fn f(x: f32[M, N]) -> f32[N, M] = for j, i -> x[i, j]'), 'for')
    expect(loop.binders.map(b => b.kind === 'index' && sizeText(b.bound))).toEqual(['N', 'M'])
  })

  test('one part of a product is found from the other', () => {
    const sum = find(bodyOf('fn f(x: f32[K * G]) -> f32 = sum k: K, g -> x[(k, g)]'), 'reduce')
    expect(sum.binders.map(b => b.kind === 'index' && sizeText(b.bound))).toEqual(['K', 'G'])
  })

  test('a whole number in a product finds how many there are', () => {
    const read = find(bodyOf('fn f(x: f32[2 * R]) -> f32 = sum r: R -> x[(1, r)]'), 'product')
    expect(read.bounds.map(sizeText)).toEqual(['2', 'R'])
    expect(codesOf('fn f(x: f32[2 * R]) -> f32 = sum r: R -> x[(2, r)]')).toEqual(['E0325'])
  })

  test('a product is split where the other argument tells how', () => {
    expect(
      codesOf(`fn g(x: f32[K * G], y: f32[K]) -> f32 = y.at(0, else: 0)
fn f(x: f32[A * B], y: f32[B]) -> f32 = g(x, y)`),
    ).toEqual([])
  })

  test('sizes that only a product holds are the caller’s of the same name', () => {
    const text = (k: string) => `fn g(x: f32[K * G]) -> f32 = sum k: K, g -> x[(k, g)]
fn f(x: f32[${k} * G]) -> f32 = g(x)`
    expect(codesOf(text('K'))).toEqual([])
    expect(codesOf(text('Q'))).toEqual(['E0324'])
  })

  test('arguments of a record that are given by name', () => {
    const text = `record R { x: f32[N] }
fn f(r: R(N = 2 * M), y: f32[2 * M]) -> f32[2 * M] = r.x + y`
    expect(codesOf(text)).toEqual([])
    expect(codesOf(text.replace('y: f32[2 * M]', 'y: f32[M]'))).toContain('E0321')
  })

  test('no error is told twice and none brings another', () => {
    expect(codesOf('fn f(x: f32[N]) -> f32 = let y = x[zz]\n  y + exp(y) * foo.bar')).toEqual([
      'E0205',
      'E0205',
    ])
  })
})

describe('numbers', () => {
  test('a literal and a size become what they meet', () => {
    expect(
      typeText(find(bodyOf('fn f(x: f32[N]) -> f32 = sqrt(N) * (1 + x.at(0, else: 2))'), 'size').type),
    ).toBe('f32')
    expect(typeText(bodyOf('fn f(n: i32) -> i32 = n * 2 + 1').type)).toBe('i32')
    expect(typeText(bodyOf('fn f(n: u32) -> u32 = n + 1').type)).toBe('u32')
    expect(typeText(bodyOf('fn f(x: f32[N]) -> f32 = 1 / N').type)).toBe('f32')
  })

  test('an index in arithmetic is cast to i32', () => {
    const body = bodyOf('fn f(x: f32[N]) -> f32[N] = for i -> if 2 * i < 5 then x[i] else 0')
    const cast = find(body, 'cast')
    expect(typeText(cast.type)).toBe('i32')
    expect(cast.arg.kind).toBe('var')
    expect(find(body, 'const').value).toBe(2)
  })

  test('an index where an i32 is wanted is cast', () => {
    const call = find(bodyOf('fn g(n: i32) -> i32 = n\nfn f(x: f32[N]) -> i32[N] = for i: N -> g(i)'), 'call')
    expect(call.args[0]?.kind).toBe('cast')
  })

  test('the sum of tensors is a tensor of sums', () => {
    const body = bodyOf('fn f(x: f32[T, E]) -> f32[E] = mean t -> x[t]')
    expect(body.kind).toBe('for')
    expect(find(body, 'reduce').op).toBe('mean')
    expect(typeText(body.type)).toBe('f32[E]')
  })
})

describe('functions', () => {
  test('a lambda bound by let takes its types from its first use', () => {
    expect(codesOf('fn f(x: f32[N]) -> f32 =\n  let g = (a, i) -> a[i] * 2\n  sum i -> g(x, i)')).toEqual([])
  })

  test('a function with defaults serves where fewer arguments are handed over', () => {
    const text = `fn g(x: f32, y: f32 = 2) -> f32 = x + y
fn twice(h: (f32) -> f32, x: f32) -> f32 = h(h(x))
fn f(x: f32) -> f32 = twice(g, x)`
    const call = find(bodyOf(text), 'call')
    expect(call.args[0]?.kind).toBe('lambda')
  })

  test('a built-in function serves as a function', () => {
    expect(codesOf('record W { a: f32[N] }\nfn f(w: W) -> W = map(exp, w)')).toEqual([])
    expect(codesOf('record W { a: f32[N] }\nfn f(w: W) -> W = map(maximum, w, w)')).toEqual([])
  })

  test('numbers by field, nested as the record is', () => {
    const text = (rates: string) => `record A { a: f32[N] }
record W { p: A q: A[L] }
fn f(w: W) -> W = map((x, r) -> r * x, w, ${rates})`
    expect(codesOf(text('{ p: { a: 1.0 }, q: { a: 2.0 } }'))).toEqual([])
    expect(codesOf(text('{ p: 1.0, q: 2.0 }'))).toEqual([])
    expect(codesOf(text('0.5'))).toEqual([])
    expect(codesOf(text('{ p: { b: 1.0 }, q: 2.0 }'))).toEqual(['E0331'])
  })

  test('a function of the caller’s tree', () => {
    const text = `type P
fn scale(p: P, by: f32) -> P = map(x -> by * x, p)
record W { a: f32[N] }
fn f(w: W, x: f32[M]) -> (W, f32[M]) = (scale(w, 2), scale(x, 2))`
    expect(codesOf(text)).toEqual([])
    expect(codesOf(`${text}\nfn g(n: i32[M]) -> i32[M] = scale(n, 2)`)).toEqual(['E0330'])
  })

  test('value_and_grad gives what the function gives, and the derivative', () => {
    const body = bodyOf(
      'fn f(x: f32[N]) -> ((f32, f32), f32[N]) = value_and_grad(y -> (sum i -> y[i], 1.0))(x)',
    )
    expect(typeText(body.type)).toBe('((f32, f32), f32[N])')
  })
})

describe('keys', () => {
  test('branches are alternatives', () => {
    expect(codesOf('fn f(k: key, b: bool) -> f32 = if b then uniform(k, 0) else normal(k, 0)')).toEqual([])
    expect(
      codesOf('fn f(k: key, b: bool) -> f32 = (if b then uniform(k, 0) else normal(k, 0)) + uniform(k, 1)'),
    ).toEqual(['E0401'])
  })

  test('a tuple of keys is one key', () => {
    expect(
      codesOf(
        'fn f(k: key) -> f32 =\n  let ks = split(k)\n  let (a, b) = ks\n  let (c, d) = ks\n  uniform(a, 0)',
      ),
    ).toEqual(['E0401'])
  })
})

describe('modules', () => {
  test('imports of user modules are relative to the importing one', () => {
    const asked: string[] = []
    const texts: Readonly<Record<string, string>> = {
      'lab.main': 'import parts.head (f)\nfn g(x: f32) -> f32 = f(x)',
      'lab.parts.head': 'import tail (h)\nfn f(x: f32) -> f32 = h(x)',
      'lab.parts.tail': 'fn h(x: f32) -> f32 = x',
    }
    const result = checkProgram(['lab.main'], name => {
      asked.push(name)
      const text = texts[name]
      return text === undefined ? undefined : { name, text }
    })
    expect([...programOf(result).fns.keys()].sort()).toEqual([
      'lab.main.g',
      'lab.parts.head.f',
      'lab.parts.tail.h',
    ])
    expect(asked).toEqual(['lab.main', 'lab.parts.head', 'lab.parts.tail'])
  })

  test('a circle of imports is an error with every step', () => {
    const result = checkText('import a', { a: 'import b', b: 'import a' })
    expect(E.isLeft(result) && result.left.map(d => d.code)).toEqual(['E0202'])
    expect(E.isLeft(result) && result.left[0]!.labels).toHaveLength(2)
  })

  test('an error in one module is no error in those that import it', () => {
    const result = checkText('import a (f)\nfn g(x: f32) -> f32 = f(x) + zz', { a: 'fn f(' })
    expect(E.isLeft(result) && result.left.map(d => d.code[1] + d.code[2])).toEqual(['01', '02'])
  })

  test('tests are those of the modules asked for', () => {
    const program = checked(
      'import std.nn (softmax)\ntest "one" {\n  let x = [1, 2]\n  expect softmax(x) == softmax(x)\n}',
    )
    expect(program.tests.map(t => t.title)).toEqual(['one'])
    expect(program.tests[0]!.expectations[0]!.lets).toHaveLength(1)
  })
})
