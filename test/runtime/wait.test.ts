import { afterEach, expect, it, vi } from 'vitest'
import { sleepingWait } from '../../runtime/wait.js'

const after = <T>(milliseconds: number, value: T): Promise<T> =>
  new Promise(resolve => setTimeout(resolve, milliseconds, value))

const turn = () => new Promise(resolve => setImmediate(resolve))

afterEach(() => void vi.restoreAllMocks())

it('puts the main thread to sleep while something is pending, and only then', async () => {
  const sleep = vi.spyOn(Atomics, 'wait')
  const wait = sleepingWait()
  await turn()
  expect(sleep).not.toHaveBeenCalled()
  const results = await Promise.all([wait(after(20, 'slow')), wait(after(5, 'quick'))])
  expect(results).toEqual(['slow', 'quick'])
  expect(sleep.mock.calls.length).toBeGreaterThan(0)
  await turn()
  const asleep = sleep.mock.calls.length
  for (let i = 0; i < 10; i++) await turn()
  expect(sleep.mock.calls.length).toBe(asleep)
  expect(await wait(after(5, 'again'))).toBe('again')
  expect(sleep.mock.calls.length).toBeGreaterThan(asleep)
})

it('sleeps as long as the least patient of those who wait', async () => {
  const sleep = vi.spyOn(Atomics, 'wait')
  const wait = sleepingWait()
  await Promise.all([wait(after(40, 0), 7), wait(after(5, 0), 2)])
  const lengths = sleep.mock.calls.map(call => call[3]!)
  expect(new Set(lengths)).toEqual(new Set([2, 7]))
  expect(lengths).toEqual([...lengths].sort((a, b) => a - b))
})

it('takes no core for those who are patient', async () => {
  const sleep = vi.spyOn(Atomics, 'wait')
  const wait = sleepingWait()
  const turns = vi.spyOn(globalThis, 'setImmediate')
  await wait(after(20, 0), 7)
  expect(turns.mock.calls.length).toBeLessThanOrEqual(sleep.mock.calls.length + 1)
})

it('passes failures on', async () => {
  const wait = sleepingWait()
  await expect(wait(Promise.reject(new Error('refused')))).rejects.toThrow('refused')
  await expect(wait(after(5, 1))).resolves.toBe(1)
})
