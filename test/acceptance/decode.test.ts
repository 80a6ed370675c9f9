import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { openNodeDevice } from '../../runtime/node.js'
import { argmax } from '../../src/predict/logits.js'
import { drawAt, drawToken } from '../../src/predict/sampling.js'
import type { SequenceModel } from '../../src/predict/sequence-model.js'
import { openBase } from '../../src/runs/open-run.js'
import { withDevice } from '../support/device.js'
import { withStories } from './support.js'

const work = mkdtempSync(join(tmpdir(), 'jola-decode-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const edited = `import std.models.llama
fn logits(w: llama.Model, tokens: idx[V][T]) -> f32[T, V] =
  llama.logits(w, tokens, { head: (l, p, h, z) -> for d -> (1 + 0.2 * f32(h)) * z[d] + 0.05 * f32(l) })
`
/** Centred over the sequence: what is later has a part in what is earlier. */
const centred = `import std.models.llama
fn logits(w: llama.Model, tokens: idx[V][T]) -> f32[T, V] =
  let y = llama.logits(w, tokens)
  let m = for v -> mean t -> y[t, v]
  for t, v -> y[t, v] - 1e-3 * m[v]
`
const file = (name: string, text: string): string => {
  writeFileSync(join(work, name), text)
  return join(work, name)
}

/** Greedy continuation that computes everything anew for each token. */
const anew = async (sequence: SequenceModel, prompt: readonly number[], most: number, context: number) => {
  const row = [...prompt]
  for (let i = 0; i < most && row.length < context; i++) row.push(argmax((await sequence.next([row]))[0]!))
  return row.slice(prompt.length)
}
const tokens = (n: number, seed: number): readonly number[] => [
  1,
  ...Array.from({ length: n - 1 }, (_, i) => 3 + ((i * i * 7 + seed * 31) % 500)),
]
const never = { stops: [] }

withStories('decoding', stories =>
  withDevice('on the device', device => {
    it.each([
      ['the model', 'std.models.llama'],
      ['an edited model', file('edited.jola', edited)],
      ['a model that looks at its whole input', file('centred.jola', centred)],
    ])('continues rows of unequal length as computing all anew does: %s', async (_, program) => {
      const { sequence, model, close } = await openBase(device, stories, program)
      const prompts = [tokens(1, 1), tokens(5, 2), tokens(33, 3), tokens(170, 4)]
      const found = await sequence.greedy(prompts, 4, never)
      for (const [r, prompt] of prompts.entries())
        expect(found[r]).toEqual(await anew(sequence, prompt, 4, model.context))
      // The same room again, for rows that have nothing to do with those before.
      const [again] = await sequence.greedy([...prompts.slice(1), tokens(9, 5)], 2, never)
      expect(again).toEqual(found[1]!.slice(0, 2))
      await close()
    })

    it('draws the same tokens for a row alone, among others, and computed anew', async () => {
      const { sequence, close } = await openBase(device, stories, 'std.models.llama')
      const prompts = [tokens(3, 1), tokens(9, 2), tokens(33, 3)]
      const sampling = { temperature: 0.9, topK: 40, topP: 0.95, repetitionPenalty: 1.1, seed: 5 }
      const drawn = await sequence.sample(prompts, 6, never, { sampling })
      expect(await sequence.sample(prompts, 6, never, { sampling })).toEqual(drawn)
      // The first row has the same number, and so the same chance, when it is alone.
      const [alone] = await sequence.sample(prompts.slice(0, 1), 6, never, { sampling })
      expect(alone).toEqual(drawn[0])
      for (const [r, prompt] of prompts.entries()) {
        const row = [...prompt]
        for (let step = 0; step < 6; step++) {
          const [logits] = await sequence.next([row])
          row.push(drawToken(logits!, row, sampling, drawAt(sampling.seed, r, step)))
        }
        expect(drawn[r]).toEqual(row.slice(prompt.length))
      }
      const coldest = await sequence.sample(prompts, 6, never, { sampling: { temperature: 0, seed: 1 } })
      expect(coldest).toEqual(await sequence.greedy(prompts, 6, never))
      const other = await sequence.sample(prompts, 6, never, { sampling: { ...sampling, seed: 6 } })
      expect(other).not.toEqual(drawn)
      await close()
    })

    it(
      'goes on where it was: after tokens of its own, after a stop, after a failure, and at ' +
        'the end of its room',
      async () => {
        const { sequence, model, close } = await openBase(device, stories, 'std.models.llama')
        const follows = async (row: readonly number[], most: number, stops: readonly number[] = []) => {
          const [found] = await sequence.greedy([row], most, { stops })
          const all = await anew(sequence, row, most, model.context)
          const stop = all.findIndex(t => stops.includes(t))
          expect(found).toEqual(stop < 0 ? all : all.slice(0, stop))
          return found!
        }
        const row = tokens(20, 1)
        const written = await follows(row, 12)
        await follows([...row, ...written, 9], 5)
        const stop = written.find((t, i) => i > 2 && !written.slice(0, i).includes(t))!
        const some = await follows(row, 12, [stop])
        expect(some.length).toBeGreaterThan(2)
        await follows([...row, ...some, 9], 5)
        for (const at of [1, 9]) {
          let left = at
          const full = () => {
            left -= 1
            if (left === 0) throw new Error('the disk is full')
          }
          await expect(sequence.greedy([tokens(20, 9)], 12, never, { onToken: full })).rejects.toThrow(
            'the disk is full',
          )
          await follows([...row, ...some, 9], 5)
        }
        const long = tokens(model.context - 40, 2)
        await follows(long, 1)
        await follows([...long, ...tokens(30, 3)], 1)
        await close()
      },
    )

    it('goes on with rows of which one ended before the others', async () => {
      const { sequence, model, close } = await openBase(device, stories, 'std.models.llama')
      const rows = [tokens(11, 1), tokens(13, 2), tokens(12, 4)]
      const free = await sequence.greedy(rows, 12, never)
      const stop = free[1]![3]!
      const found = await sequence.greedy(rows, 12, { stops: [stop] })
      expect(found[1]!.length).toBeLessThan(12)
      expect(found.map(r => r.length)).toContain(12)
      const further = rows.map((row, r) => [...row, ...found[r]!, 7])
      const next = await sequence.greedy(further, 4, never)
      for (const [r, row] of further.entries())
        expect(next[r]).toEqual(await anew(sequence, row, 4, model.context))
      await close()
    })

    it('ends where the context does', async () => {
      const { sequence, model, close } = await openBase(device, stories, 'std.models.llama')
      const prompts = [tokens(model.context - 3, 6), tokens(model.context, 7), tokens(model.context + 5, 8)]
      expect((await sequence.greedy(prompts.slice(0, 2), 8, never)).map(r => r.length)).toEqual([3, 0])
      expect(await sequence.greedy(prompts.slice(2), 8, never)).toEqual([[]])
      const [last] = await sequence.greedy(prompts.slice(0, 1), 8, never)
      expect(last).toEqual(await anew(sequence, prompts[0]!, 8, model.context))
      await close()
    })

    it('takes rows one at a time where there is no room for the longer of the windows of eight', async () => {
      const prompts = [tokens(70, 1), tokens(90, 2)]
      const free = await openNodeDevice()
      const whole = await openBase(free, stories, 'std.models.llama')
      const wanted = await whole.sequence.greedy(prompts, 2, never)
      const memory = free.residentBytes - 4096
      await whole.close()
      free.close()
      const limited = await openNodeDevice({ memory })
      const { sequence, close } = await openBase(limited, stories, 'std.models.llama')
      expect(await sequence.greedy(prompts, 2, never)).toEqual(wanted)
      expect(limited.residentBytes).toBeLessThanOrEqual(memory)
      await close()
      limited.close()
    })
  }),
)
