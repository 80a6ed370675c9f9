import { expect, it } from 'vitest'
import type { Artifact } from '../../compiler/artifact.js'
import { lower, specialiseFn } from '../../compiler/pipeline.js'
import { unroll } from '../../runtime/commands.js'
import { download, load, upload } from '../../runtime/node.js'
import { programOf } from '../acceptance/support.js'
import { withDevice } from '../support/device.js'
import { llvmpipe } from '../support/traits.js'

const program = programOf(`
fn once(x: f32[N]) -> f32 = fold s = 0.0 for i -> s + x[i]
fn twice(x: f32[N]) -> f32 =
  let both = fold s = (for c: 64 -> 0.0) for i: N ->
    let top = max c: 64 -> s[c]
    for c: 64 -> if c == 0 then top + x[i] else minimum(s[c], top)
  both[0]
`)
const compiled = (fn: string, N: number): Artifact =>
  lower(specialiseFn(program, program.fns.get(`main.${fn}`)!, { sizes: new Map([['N', N]]) }), llvmpipe, {
    scans: 'never',
  })

it('a long fold is unrolled part by part, none kept, and a short one is kept', () => {
  const long = unroll(compiled('once', 10_000_000))
  expect(long.kept).toBeUndefined()
  let turns = 0
  for (const { commands, slots } of long.parts()) {
    expect(commands.length).toBeLessThanOrEqual(8192)
    expect(slots.length).toBeLessThanOrEqual(long.mostSlots)
    turns += slots.length
    if (turns > 50_000) break
  }
  expect(unroll(compiled('once', 1000)).kept?.length).toBe(1)
  expect(unroll(compiled('once', 10_000)).kept?.length).toBe(2)
})

withDevice('a fold of more turns than a submission has dispatches', device => {
  it.each([
    ['once', 10_000],
    ['twice', 5000],
    ['once', 33_000],
  ] as const)('%s, %i turns, is right in each run', { timeout: 300_000 }, async (fn, N) => {
    const executable = await load(device, compiled(fn, N))
    const x = upload(
      device,
      { dtype: 'f32', label: 'x' },
      [N],
      Float32Array.from({ length: N }, (_, i) => (i % 7 === 0 ? 1 : 0)),
    )
    for (let run = 0; run < (N > 20_000 ? 1 : 2); run++) {
      const outputs = Object.values(executable.run({ x }))
      const [value] = await download(device, outputs)
      expect(value![0]).toBe(Math.ceil(N / 7))
      for (const t of outputs) t.destroy()
    }
    x.destroy()
    executable.destroy()
  })
})
