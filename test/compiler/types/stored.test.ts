import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { checkProgram } from '../../../compiler/check/check.js'
import { sizeText } from '../../../compiler/core/size.js'
import { inputsOf } from '../../../compiler/specialise/parameters.js'

const check = (text: string) =>
  checkProgram(['m'], name => (name === 'm' ? { name: 'm.jola', text } : undefined))

const errors = (text: string): readonly { readonly code: string; readonly title: string }[] => {
  const result = check(text)
  return E.isLeft(result) ? result.left.map(({ code, title }) => ({ code, title })) : []
}

/** The shapes that a function's parameters are stored in, by the tensors' names. */
const shapes = (text: string): Readonly<Record<string, readonly string[]>> => {
  const result = check(text)
  if (E.isLeft(result)) throw new Error(result.left.map(d => d.title).join('\n'))
  const fn = result.right.fns.get('m.f')!
  const specs = fn.params.flatMap(p => inputsOf(p.name, p.type))
  return Object.fromEntries(specs.map(s => [s.name, (s.from?.shape ?? []).map(sizeText)]))
}

const layers = `
size K, G, R
size H = K * G
size D = 2 * R
record Layer {
  wq: f32[H, D, E] from "q.weight" as [H * D, E]
  bq: f32[H, D] from "q.bias" as [H * D] else 0
  norm: f32[E] from "norm"
}
record Model { layers: Layer[L] from "layers.{}." }
`

describe('a stored shape', () => {
  it('is in the sizes of the function, after all definitions and arguments', () => {
    expect(shapes(`${layers}fn f(w: Model) -> f32 = 1`)).toEqual({
      'w.layers.wq': ['2 * G * K * R', 'E'],
      'w.layers.bq': ['2 * G * K * R'],
      'w.layers.norm': [],
    })
    expect(shapes(`${layers}fn f(w: Layer(E = 3 * N, G = 1)) -> f32 = 1`)).toMatchObject({
      'w.wq': ['2 * K * R', '3 * N'],
    })
  })

  it('may divide an axis, or be a single number in brackets', () => {
    expect(shapes('record R { x: f32[2 * N] from "x" as [2, N] }\nfn f(r: R) -> f32 = 1')).toEqual({
      'r.x': ['2', 'N'],
    })
    expect(shapes('record R { x: f32 from "x" as [1] }\nfn f(r: R) -> f32 = 1')).toEqual({ 'r.x': ['1'] })
  })

  it('has as many elements as the field for every value of the sizes', () => {
    expect(errors('record R { w: f32[H, D, E] from "q" as [H * D, D] }')).toEqual([
      {
        code: 'E0314',
        title: '`w` is stored as [D * H, D], which has another number of elements than [H, D, E]',
      },
    ])
    expect(errors('size R\nsize D = 2 * R\nrecord X { w: f32[D] from "q" as [3, R] }')).toMatchObject([
      { code: 'E0314' },
    ])
  })

  it('belongs to a tensor', () => {
    expect(errors(`${layers}record M { l: Layer[L] from "l.{}." as [L] }`)).toEqual([
      { code: 'E0314', title: '`l` is not a tensor, so it is stored in no shape' },
    ])
  })

  it('is made of sizes; what is wrong in it is told once', () => {
    expect(errors('record R { w: f32[N] from "q" as [N * 1.5] }').map(d => d.code)).toEqual(['E0301'])
    expect(errors('record R { w: f32[N] from "q" as [n] }').map(d => d.code)).toEqual(['E0207'])
  })
})
