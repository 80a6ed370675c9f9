import { existsSync, readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { checkProgram } from '../../../compiler/check/check.js'
import type { CoreFn, Program } from '../../../compiler/core/core.js'
import { evaluateSize } from '../../../compiler/core/size.js'
import { interpret } from '../../../compiler/ir/interpret.js'
import { specialiseFn, specialiseGrad } from '../../../compiler/pipeline.js'
import { derivativeSource } from '../../../compiler/print-source/derivative.js'
import { inputsOf } from '../../../compiler/specialise/parameters.js'

/** Checks modules beside the standard library; throws what is wrong with them. */
export const programOf = (modules: Readonly<Record<string, string>>): Program => {
  const checked = checkProgram(Object.keys(modules), name => {
    const file = `stdlib/${name.split('.').slice(1).join('/')}.jola`
    const text = modules[name] ?? (existsSync(file) ? readFileSync(file, 'utf8') : undefined)
    return text === undefined ? undefined : { name, text }
  })
  if (E.isLeft(checked))
    throw new Error(`${JSON.stringify(checked.left.map(d => d.title))}\n${Object.values(modules).at(-1)}`)
  return checked.right
}

/** The source of a derivative; throws where there is none. */
export const sourceOf = (program: Program, fn: CoreFn, wrt: string): string => {
  const found = derivativeSource(program, fn, wrt)
  if (found?.kind !== 'source') throw new Error(`no source: ${found?.why ?? 'no text holds for all sizes'}`)
  return found.text
}

/** Numbers that look random, in [-1, 1) or below the bound. */
const numbers = (count: number, seed: number, bound?: number): number[] => {
  let state = seed * 7919 + 17
  return [...Array(count)].map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const unit = state / 2 ** 32
    return bound === undefined ? 2 * unit - 1 : Math.floor(unit * bound)
  })
}

/** Values for a function's parameters; those named `u` lie between 0 and 1. */
const inputsFor = (fn: CoreFn, sizes: ReadonlyMap<string, number>): ReadonlyMap<string, number[]> =>
  new Map(
    fn.params
      .flatMap(p => inputsOf(p.name, p.type))
      .map((spec, i) => {
        const count = spec.dims.reduce((n, d) => n * evaluateSize(d, sizes), 1)
        const values = numbers(count, i + 1, spec.bound && evaluateSize(spec.bound, sizes))
        return [spec.name, spec.name === 'u' ? values.map(v => (v + 1) / 2) : values]
      }),
  )

/**
 * How far the printed derivative, checked as a module of its own and evaluated, is from `grad`, at sizes
 * from 2 to 5: the largest difference relative to 1 + the value.
 */
export const distance = (text: string, name: string, wrt: string): number => {
  const program = programOf({ example: text })
  const fn = program.fns.get(`example.${name}`)!
  const source = sourceOf(program, fn, wrt)
  const derived = programOf({ example: text, derived: source })
  const printed = derived.fns.get(`derived.${name}_d_${wrt}`)!
  let worst = 0
  for (const start of [2, 3]) {
    const sizes = new Map(fn.sizes.map((n, i) => [n, start + ((i * 2 + start) % 3)]))
    const inputs = inputsFor(fn, sizes)
    const wanted = interpret(specialiseGrad(program, fn, wrt, { sizes }), inputs)
    const got = interpret(specialiseFn(derived, printed, { sizes }), inputs)
    for (const [output, values] of wanted) {
      if (output === 'value') continue
      const path = output.slice(`grad.${wrt}`.length + 1)
      const mine = got.get(path === '' ? 'result' : path)!
      if (mine.length !== values.length) return Number.POSITIVE_INFINITY
      values.forEach((v, i) => {
        const error = Math.abs(v - mine[i]!) / (1 + Math.abs(v))
        worst =
          Number.isNaN(error) && !Object.is(v, mine[i])
            ? Number.POSITIVE_INFINITY
            : Math.max(worst, error || 0)
      })
    }
  }
  return worst
}
