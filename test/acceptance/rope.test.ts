import { describe, expect, it } from 'vitest'
import { type ConstantValue, specialiseFn } from '../../compiler/specialise/specialise.js'
import { interpreterEngine } from '../../src/host/open-engine.js'
import type { JsonObject } from '../../src/json/json-values.js'
import { configuredConstants } from '../../src/model/config-values.js'
import { fixture, programOf } from './support.js'

interface RopeFixture {
  readonly config: { readonly rope_theta: number; readonly rope_scaling: JsonObject }
  readonly plain: readonly number[]
  readonly stretched: readonly number[]
}

/** By numpy from the published formula: `test/fixtures/numpy/rope_llama3.py`. */
const rope = fixture<RopeFixture>('numpy/rope-llama3.json')

const program = programOf(`import std.models.llama (frequency)
fn frequencies() -> f32[64] = for r: 64 -> frequency(r)`)

const frequencies = async (constants: ReadonlyMap<string, ConstantValue>): Promise<ArrayLike<number>> => {
  const graph = specialiseFn(program, program.fns.get('main.frequencies')!, { sizes: new Map(), constants })
  return (await interpreterEngine.run(graph, new Map())).get('result')!.data
}

/** max |a / b − 1|: the lowest frequencies matter as much as the highest. */
const worstRatio = (a: ArrayLike<number>, b: readonly number[]): number =>
  a.length === b.length ? Math.max(...b.map((y, i) => Math.abs(a[i]! / y - 1))) : Number.POSITIVE_INFINITY

const configured = (config: JsonObject) =>
  frequencies(configuredConstants(program, { model_type: 'llama', ...config }, 'config.json'))

describe('the rotary frequencies of std.models.llama', () => {
  it('are those of the published formula, by constants', async () => {
    const ids = (values: Readonly<Record<string, ConstantValue>>) =>
      new Map(
        Object.entries(values).map(
          ([name, value]) =>
            [`std.${name === 'rope_base' ? 'models.llama' : 'rope'}.${name}`, value] as const,
        ),
      )
    const numbers = {
      rope_base: 500000,
      stretch_factor: 8,
      stretch_low: 1,
      stretch_high: 4,
      stretch_context: 8192,
    }
    const llama3 = await frequencies(ids({ ...numbers, rotation: 'llama3' }))
    expect(worstRatio(llama3, rope.stretched)).toBeLessThan(1e-9)
    const plain = await frequencies(ids({ ...numbers, rotation: 'default' }))
    expect(worstRatio(plain, rope.plain)).toBeLessThan(1e-9)
    expect(worstRatio(plain, rope.stretched)).toBeGreaterThan(1)
  })

  it('are those of a configuration, in either of its spellings', async () => {
    const { rope_theta, rope_scaling } = rope.config
    const { rope_type, ...numbers } = rope_scaling
    const spellings: readonly JsonObject[] = [
      { rope_theta, rope_scaling },
      { rope_theta, rope_scaling: { type: rope_type!, ...numbers } },
      { rope_parameters: { rope_theta, ...rope_scaling } },
    ]
    for (const config of spellings)
      expect(worstRatio(await configured(config), rope.stretched)).toBeLessThan(1e-9)
  })

  it('take every number of the stretching from the configuration', async () => {
    const { rope_theta, rope_scaling } = rope.config
    for (const [entry, value] of Object.entries(rope_scaling)) {
      if (typeof value !== 'number') continue
      const changed = await configured({
        rope_theta,
        rope_scaling: { ...rope_scaling, [entry]: value * 1.5 },
      })
      expect(worstRatio(changed, rope.stretched), entry).toBeGreaterThan(1e-2)
    }
  })

  it('are not stretched where the configuration says `default`, null or nothing', async () => {
    const { rope_theta } = rope.config
    for (const rest of [{}, { rope_scaling: null }, { rope_scaling: { rope_type: 'default', factor: 8 } }])
      expect(worstRatio(await configured({ rope_theta, ...rest }), rope.plain)).toBeLessThan(1e-9)
  })
})
