import { expect, it } from 'vitest'
import { openNodeDevice } from '../../runtime/node.js'
import { Turns } from '../../src/async/turns.js'
import { openBase, SequenceModel, UserError } from '../../src/index.js'
import { withStories } from '../acceptance/support.js'
import { withDevice } from '../support/device.js'

it('turns are taken in order, also after one that fails, and an aborted one is never begun', async () => {
  const turns = new Turns()
  const done: number[] = []
  const work = (n: number) => async () => {
    await new Promise(resolve => setTimeout(resolve, 10 - n))
    if (n === 2) throw new Error('two')
    done.push(n)
    return n
  }
  const stop = new AbortController()
  const all = [
    turns.take(work(1)),
    turns.take(work(2)),
    turns.take(work(3), stop.signal),
    turns.take(work(4)),
  ]
  stop.abort(new Error('enough'))
  const settled = await Promise.allSettled(all)
  expect(settled.map(s => (s.status === 'fulfilled' ? s.value : String(s.reason)))).toEqual([
    1,
    'Error: two',
    'Error: enough',
    4,
  ])
  expect(done).toEqual([1, 4])
})

withStories('a sequence model', stories => {
  withDevice('on the device', device => {
    it('gives to each of many calls at once what it gives to one alone', async () => {
      const { sequence, tokenizer, model, close } = await openBase(device, stories, 'std.models.llama')
      expect(sequence).toBeInstanceOf(SequenceModel)
      const never = { stops: [] }
      const prompts = ['Once upon a time', 'The dog', 'Lily was sad because'].map(p => tokenizer.encode(p))
      const alone: (readonly number[])[] = []
      for (const p of prompts) alone.push((await sequence.greedy([p], 8, never))[0]!)
      expect(new Set(alone.map(a => a.join())).size).toBe(3)
      const [next] = await sequence.next([prompts[1]!])
      const row = { tokens: [...prompts[0]!, ...alone[0]!], from: prompts[0]!.length }
      const losses = await sequence.losses([row])

      const changing = [...prompts[2]!]
      const many = Promise.all([
        sequence.greedy([prompts[0]!], 8, never),
        sequence.next([prompts[1]!]),
        sequence.greedy([prompts[1]!], 8, never),
        sequence.losses([row]),
        sequence.greedy([changing], 8, never),
        sequence.next([prompts[0]!]),
      ])
      changing.fill(0)
      const [a, b, c, d, e] = await many
      expect([a[0], c[0], e[0]]).toEqual(alone)
      expect(b[0]).toEqual(next)
      expect(d).toEqual(losses)

      const wrong = async (rows: readonly (readonly number[])[], part: string) => {
        const error = await sequence.next(rows).catch((x: unknown) => x)
        expect(error).toBeInstanceOf(UserError)
        expect((error as UserError).why).toContain(part)
      }
      await wrong([[1, 512]], 'it is 512, and the model has those from 0 to 511')
      await wrong([[-1]], 'it is -1')
      await wrong([[1.5]], 'it is 1.5')
      await wrong([[Number.NaN]], 'it is NaN')
      await expect(sequence.greedy([[1]], 2.5, never)).rejects.toBeInstanceOf(UserError)
      await expect(sequence.losses([{ tokens: [1, 2], from: 2 }])).rejects.toBeInstanceOf(UserError)

      const last = sequence.greedy([prompts[0]!], 8, never)
      await Promise.all([close(), close()])
      expect((await last)[0]).toEqual(alone[0])
      await expect(sequence.next([[1]])).rejects.toThrow('the model was closed')
      expect(model.tokenizer).toBeDefined()
    })

    it(
      'obeys a signal before and while it compiles and while it generates, and goes on ' + 'afterwards',
      async () => {
        const own = await openNodeDevice()
        const { sequence, tokenizer, close } = await openBase(own, stories, 'std.models.llama')
        const prompt = tokenizer.encode('Once upon a time')
        const never = { stops: [] }
        const before = AbortSignal.abort(new Error('before'))
        await expect(sequence.greedy([prompt], 8, never, { signal: before })).rejects.toThrow('before')
        const stop = new AbortController()
        const compiling = sequence.greedy([prompt], 8, never, { signal: stop.signal })
        setTimeout(() => stop.abort(new Error('compiling')), 20)
        await expect(compiling).rejects.toThrow('compiling')
        const wanted = await sequence.greedy([prompt], 8, never)
        const later = new AbortController()
        const onToken = () => later.abort(new Error('a token'))
        await expect(
          sequence.greedy([prompt], 200, never, { signal: later.signal, onToken }),
        ).rejects.toThrow('a token')
        expect(await sequence.greedy([prompt], 8, never)).toEqual(wanted)
        await close()
        expect(own.residentBytes).toBe(0)
        own.close()
      },
    )
  })
})
