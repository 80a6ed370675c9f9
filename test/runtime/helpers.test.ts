import './own-cache.js'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { KernelDecl } from '../../compiler/artifact.js'
import { type Helper, openNodeDevice, rehearse } from '../../runtime/node.js'
import { helperProcess } from '../../runtime/node-helper.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory, temporaryFile } from '../support/temporary.js'
import { slowKernel, wordyKernel } from './slow-kernels.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The processes that a test of this file has forked. */
const forked = vi.hoisted((): ChildProcess[] => [])
vi.mock('node:child_process', async original => {
  const real = await original<typeof import('node:child_process')>()
  const fork = (...args: Parameters<typeof real.fork>): ChildProcess => {
    const child = real.fork(...args)
    forked.push(child)
    return child
  }
  return { ...real, fork }
})
beforeEach(() => void forked.splice(0))

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

/** Kernels that no driver has in its cache, the slow ones first. */
const unseen = (count: number, slow = 1) => {
  const salt = Math.random()
  return Array.from({ length: count }, (_, k) => (k < slow ? slowKernel : wordyKernel)(k, salt))
}

const isAlive = (pid: number): boolean => {
  const status = `/proc/${pid}/status`
  return existsSync(status) && !/^State:\s*Z/m.test(readFileSync(status, 'utf8'))
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(10)
}

withDevice('a rehearsal with helpers', device => {
  if (!device.traits.software) return it.skip('is for software devices', () => undefined)

  const rehearsed = async (
    helpers: () => readonly Helper[],
    kernels: readonly KernelDecl[] = unseen(5),
    told: string[] = [],
  ) => {
    const ready = (done: number, total: number) => void told.push(`${done}/${total}`)
    const { helped } = await rehearse(device, kernels, { ready, helpers })
    expect(told).toEqual(kernels.map((_, i) => `${i + 1}/${kernels.length}`))
    return helped
  }

  it('asks a helper no longer when what it says to have compiled is not found', async () => {
    const told: string[] = []
    let [asked, started, toldWhenClosed] = [0, 0, 0]
    let end = (): void => undefined
    const pretender: Helper = {
      compile: () => {
        asked += 1
        return asked === 1
          ? Promise.resolve()
          : new Promise((_, reject) => {
              end = () => reject(new Error('closed'))
            })
      },
      close: () => {
        toldWhenClosed ||= told.length
        end()
      },
    }
    const start = () => {
      started += 1
      return [pretender]
    }
    expect(await rehearsed(start, unseen(8, 2), told)).toBe(0)
    expect({ asked, started }).toEqual({ asked: 2, started: 1 })
    expect(toldWhenClosed).toBeLessThan(5)
  })

  it('asks nobody for what is little', async () => {
    let asked = false
    const start = () => {
      asked = true
      return []
    }
    await rehearsed(start, unseen(2))
    expect(asked).toBe(false)
  })

  // A machine may be so busy that what the cache has takes its time, but not time after time.
  it.skipIf(!/llvmpipe/.test(device.traits.name))(
    'asks nobody for what the cache has',
    { retry: 5 },
    async () => {
      const kernels = unseen(5)
      let asked = 0
      const start = () => {
        asked += 1
        return []
      }
      await rehearsed(start, kernels)
      expect(asked).toBe(1)
      const again = await openNodeDevice()
      await rehearse(again, kernels, { ready: () => undefined, helpers: start })
      again.close()
      expect(asked).toBe(1)
    },
  )

  it('does without helpers that can not be started', async () => {
    const start = () => {
      throw new Error('no more processes')
    }
    expect(await rehearsed(start)).toBe(0)
  })

  it('rejects with what its progress throws, also where a helper has compiled the kernel', async () => {
    let [asked, closed] = [0, 0]
    const pretender: Helper = {
      compile: () => {
        asked += 1
        return Promise.resolve()
      },
      close: () => {
        closed += 1
      },
    }
    const ready = (done: number) => {
      if (done === 2) throw new Error('stop')
    }
    await expect(rehearse(device, unseen(5), { ready, helpers: () => [pretender] })).rejects.toThrow('stop')
    expect(asked).toBeGreaterThan(0)
    expect(closed).toBe(1)
  })

  it('takes back what a helper refuses', async () => {
    let [asked, closed] = [0, 0]
    const unwilling: Helper = {
      compile: () => {
        asked += 1
        return Promise.reject(new Error('no'))
      },
      close: () => {
        closed += 1
      },
    }
    expect(await rehearsed(() => [unwilling])).toBe(0)
    expect({ asked, closed }).toEqual({ asked: 1, closed: 1 })
  })

  it.each([
    ['is missing', undefined],
    ['fails', 'throw new Error("broken")'],
    ['ends when it is asked', 'process.on("message", () => process.exit(0))'],
    ['answers something else', 'process.on("message", () => process.send({ compiled: "perhaps" }))'],
    ['answers before it is asked', 'process.send("compiled"); setInterval(() => undefined, 1000)'],
    ['never answers', 'process.on("message", () => undefined)'],
  ])('does without a helper whose script %s, and leaves none behind', async (_, body) => {
    const script = body === undefined ? join(root, 'missing.mjs') : await temporaryFile('helper.mjs', body)
    expect(await rehearsed(() => [helperProcess(script, [])], unseen(5, 2))).toBe(0)
    expect(forked).toHaveLength(1)
    await until(() => forked.every(isOver))
  })

  it('that ends because the device is closed ends its helpers', async () => {
    const own = await openNodeDevice()
    const script = await temporaryFile('helper.mjs', 'process.on("message", () => undefined)')
    const rehearsal = rehearse(own, unseen(5), { helpers: () => [helperProcess(script, [])] })
    const ended = expect(rehearsal).rejects.toMatchObject({ kind: 'lost' })
    await until(() => forked.length > 0)
    expect(forked.some(isOver)).toBe(false)
    own.close()
    await ended
    await until(() => forked.every(isOver))
  })
})

/**
 * `helped.ts` in a process of its own, with an empty cache of the driver's, which tells how often something
 * was found in it.
 */
const helpedProgram = async (kernels: number, env: NodeJS.ProcessEnv = {}, ...args: readonly string[]) => {
  const program = join(root, 'test/runtime/helped.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', program, `${kernels}`, ...args], {
    cwd: root,
    detached: true,
    env: {
      ...process.env,
      MESA_SHADER_CACHE_DIR: await temporaryDirectory(),
      MESA_SHADER_CACHE_SHOW_STATS: 'true',
      ...env,
    },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

const outcome = async (child: ChildProcess) => {
  const [output, warnings] = [child.stdout!, child.stderr!].map(stream => {
    const parts: string[] = []
    stream.on('data', part => parts.push(String(part)))
    return () => parts.join('')
  })
  await new Promise(resolve => child.on('close', resolve))
  const [json, statistics] = output().trim().split('\n')
  return {
    ...(JSON.parse(json) as {
      readonly kernels: number
      readonly helped: number
      readonly started: number
      readonly told: readonly string[]
      readonly result: readonly number[]
    }),
    hits: Number(/hits = (\d+)/.exec(statistics ?? '')?.[1]),
    warnings: warnings(),
  }
}

/** Numbers of the processes that a process has started as helpers. */
const helpersOf = (parent: number): readonly number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const read = (file: string): string => readFileSync(`/proc/${pid}/${file}`, 'utf8')
        return (
          new RegExp(`^PPid:\\s*${parent}$`, 'm').test(read('status')) &&
          read('cmdline').includes('node-compile')
        )
      } catch {
        return false
      }
    })
    .map(Number)

withDevice('a process with a driver that caches kernels', ({ traits }) => {
  const suits = /llvmpipe/.test(traits.name) && availableParallelism() > 1 && existsSync('/proc/self/status')
  const test = suits ? it : it.skip

  test('finds what its helpers have compiled, computes the same, and hears nothing of them', {
    retry: 3,
  }, async () => {
    const helped = await outcome(await helpedProgram(6))
    const alone = await outcome(await helpedProgram(6, {}, 'alone'))
    expect(helped.started).toBeGreaterThan(0)
    expect(helped.helped).toBeGreaterThan(0)
    // About as many as helpers have compiled: the driver counts in its own time.
    expect(helped.hits).toBeGreaterThan(alone.hits)
    expect(helped.told).toEqual(Array.from({ length: 6 }, (_, i) => `${i + 1}/6`))
    expect(helped.result).toEqual(alone.result)
    expect(helped.warnings).toBe(alone.warnings)
  })

  test('has no helpers where the cache is off', async () => {
    const { started, helped, told } = await outcome(
      await helpedProgram(3, { MESA_SHADER_CACHE_DISABLE: 'true' }),
    )
    expect({ started, helped, told: told.length }).toEqual({ started: 0, helped: 0, told: 3 })
  })

  // A terminal's Ctrl-C goes to all processes of the group.
  describe.each([
    ['SIGKILL', 'alone'],
    ['SIGTERM', 'alone'],
    ['SIGINT', 'alone'],
    ['SIGINT', 'with its group'],
  ] as const)('that %s ends %s', (signal, whom) => {
    test('leaves no helper behind', async () => {
      const child = await helpedProgram(100)
      const ended = new Promise(resolve => child.on('exit', (_, by) => resolve(by)))
      await until(() => helpersOf(child.pid!).length > 0)
      const helpers = helpersOf(child.pid!)
      // Also one that is compiling.
      await sleep(500)
      process.kill(whom === 'alone' ? child.pid! : -child.pid!, signal)
      expect(await ended).toBe(signal)
      await until(() => !helpers.some(isAlive))
    })
  })
})
