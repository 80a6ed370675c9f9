import { readFileSync } from 'node:fs'
import { describe } from 'vitest'
import type { CoreFn, Program } from '../../compiler/core/core.js'
import { sizeName } from '../../compiler/core/size.js'
import type { Bindings } from '../../compiler/specialise/specialise.js'
import { deviceEngine, type Engine, type HostTensor } from '../../src/engine/engine.js'
import { openModel } from '../../src/folders/open-model.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import { bindModel, modelFacts } from '../../src/model/model.js'
import { sizesOf } from '../../src/model/sizes.js'
import { readBound } from '../../src/model/weights.js'
import { withDevice } from '../support/device.js'
import { sharedPath } from '../support/shared.js'

export { programOf } from '../support/program.js'

/** The folder of stories260K, if this machine has it. */
export const stories = sharedPath('data', 'models', 'stories260K')

/** Tests on a real model; skipped, visibly, where its folder is missing. */
export const withStories = (title: string, tests: (directory: string) => void): void => {
  if (stories === undefined) describe.skip(`${title} (needs stories260K: set JOLA_SHARED)`, () => tests(''))
  else describe(title, () => tests(stories))
}

/** The same tests on the interpreter and, where there is one, on the device. */
export const onBoth = (tests: (engine: Engine) => void): void => {
  describe('on the interpreter', () => tests(interpreterEngine))
  withDevice('on the device', device => tests(deviceEngine(device)))
}

/** Numbers as nested lists, as fixtures have them. */
export type Nested = number | readonly Nested[]

export const flat = (x: Nested): readonly number[] => (typeof x === 'number' ? [x] : x.flatMap(flat))

const shapeOf = (x: Nested): readonly number[] => (typeof x === 'number' ? [] : [x.length, ...shapeOf(x[0]!)])

export const tensor = (x: Nested, dtype: 'f32' | 'i32' | 'u32' = 'f32'): HostTensor => ({
  dtype,
  shape: shapeOf(x),
  data: Float64Array.from(flat(x)),
})

/** A JSON file of `test/fixtures`. */
export const fixture = <A>(name: string): A =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')) as A

/** max |a − b| */
export const worstDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let worst = 0
  for (let i = 0; i < a.length; i++) {
    const error = a[i] === b[i] ? 0 : Math.abs(a[i]! - b[i]!)
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
  }
  return worst
}

/** max |a − b| / max(|b|, a thousandth of the largest |b|) */
export const worstRelative = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  const floor = Math.max(1e-30, 1e-3 * Math.max(...Array.from(b, Math.abs)))
  const errors = Array.from(b, (y, i) => Math.abs(a[i]! - y) / Math.max(Math.abs(y), floor))
  return errors.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...errors)
}

/** A function whose record parameter `w` is bound to stories260K. */
export interface OnStories {
  readonly program: Program
  readonly fn: CoreFn
  readonly bindings: Bindings
  readonly weights: ReadonlyMap<string, HostTensor>
}

/** Binds a function's parameter `w` to the checkpoint; `sizes` are those that it does not tell. */
export const onStories = async (
  program: Program,
  id: string,
  sizes: Readonly<Record<string, number>>,
): Promise<OnStories> => {
  const fn = program.fns.get(id)!
  const params = fn.params.filter(p => p.name === 'w')
  const model = await openModel(stories!, { weights: true, tokenizer: false })
  try {
    const facts = modelFacts(
      program,
      params.map(p => p.type),
      model,
    )
    const given = Object.entries(sizes).map(([n, value]) => ({
      size: sizeName(n),
      value,
      source: 'the test',
    }))
    const solved = sizesOf(fn.sizes, [...facts.equations, ...given])
    const bound = bindModel(params, solved, model, facts)
    const weights = new Map<string, HostTensor>()
    for (const t of bound.tensors)
      weights.set(t.spec.name, {
        dtype: 'f32',
        shape: t.shape,
        data: await readBound(model.checkpoint!, t),
      })
    return {
      program,
      fn,
      bindings: { sizes: solved, constants: facts.constants, absent: bound.absent },
      weights,
    }
  } finally {
    await model.checkpoint?.close()
  }
}
