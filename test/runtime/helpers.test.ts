import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Helper, openNodeDevice, rehearse } from '../../runtime/node.js'
import { helperProcess } from '../../runtime/node-helper.js'
import { withDevice } from '../support/device.js'
import { temporaryDirectory, temporaryFile } from '../support/temporary.js'
import { slowChain } from './slow-kernels.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Kernels that no driver has in its cache. */
const unseen = (count: number) => slowChain(count, Math.floor(Math.random() * 1e6)).kernels

const isAlive = (pid: number): boolean => {
  const status = `/proc/${pid}/status`
  return existsSync(status) && !/^State:\s*Z/m.test(readFileSync(status, 'utf8'))
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(10)
}

/** A script for a helper, which leaves its process's number in a file. */
const scriptOf = async (body: string) => {
  const folder = await temporaryDirectory()
  const file = join(folder, 'pid')
  const head = `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(file)}, String(process.pid))\n`
  return {
    script: await temporaryFile('helper.mjs', head + body),
    pid: () => Number(readFileSync(file)),
    file,
  }
}

withDevice('a rehearsal with helpers', device => {
  if (!device.traits.software) return it.skip('is for software devices', () => undefined)

  const rehearsed = async (helpers: () => readonly Helper[], count = 5, told: string[] = []) => {
    const kernels = unseen(count)
    const { helped } = await rehearse(
      device,
      kernels,
      (done, total) => told.push(`${done}/${total}`),
      helpers,
    )
    expect(told).toEqual(kernels.map((_, i) => `${i + 1}/${count}`))
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
    expect(await rehearsed(start, 8, told)).toBe(0)
    expect({ asked, started }).toEqual({ asked: 2, started: 1 })
    expect(toldWhenClosed).toBeLessThan(5)
  })

  it('asks nobody for what is known already, or is little', async () => {
    const known = unseen(5)
    const asked = () => expect.unreachable()
    await rehearse(
      device,
      known,
      () => undefined,
      () => [],
    )
    const again = await openNodeDevice()
    await rehearse(again, known, () => undefined, asked)
    again.close()
    await rehearsed(asked, 2)
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
    const made = body === undefined ? undefined : await scriptOf(body)
    expect(await rehearsed(() => [helperProcess(made?.script ?? join(root, 'missing.mjs'), [])])).toBe(0)
    if (made !== undefined) await until(() => !existsSync(made.file) || !isAlive(made.pid()))
  })

  it('that ends because the device is closed ends its helpers', async () => {
    const own = await openNodeDevice()
    const { script, pid, file } = await scriptOf('process.on("message", () => undefined)')
    const rehearsal = rehearse(own, unseen(20), undefined, () => [helperProcess(script, [])])
    const ended = expect(rehearsal).rejects.toMatchObject({ kind: 'lost' })
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '')
    expect(isAlive(pid())).toBe(true)
    own.close()
    await ended
    await until(() => !isAlive(pid()))
  })
})

/** `helped.ts` in a process of its own, with an empty cache of the driver's, which tells how often something was found in it. */
const helpedProgram = async (env: NodeJS.ProcessEnv = {}, ...args: readonly string[]) => {
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'test/runtime/helped.ts'), ...args], {
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

  test('finds what its helpers have compiled, computes the same, and hears nothing of them', async () => {
    const helped = await outcome(await helpedProgram())
    const alone = await outcome(await helpedProgram({}, 'alone'))
    expect(helped.started).toBeGreaterThan(0)
    expect(helped.helped).toBeGreaterThan(0)
    // About as many: the driver counts in its own time.
    expect(helped.hits).toBeGreaterThan(alone.hits)
    expect(helped.told).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 1}/10`))
    expect(helped.result).toEqual(alone.result)
    expect(helped.warnings).toBe(alone.warnings)
  })

  test('has no helpers where the cache is off', async () => {
    const { started, helped, told } = await outcome(
      await helpedProgram({ MESA_SHADER_CACHE_DISABLE: 'true' }),
    )
    expect({ started, helped, told: told.length }).toEqual({ started: 0, helped: 0, told: 10 })
  })

  // A terminal's Ctrl-C goes to all processes of the group.
  describe.each([
    ['SIGKILL', 'alone'],
    ['SIGTERM', 'alone'],
    ['SIGINT', 'alone'],
    ['SIGINT', 'with its group'],
  ] as const)('that %s ends %s', (signal, whom) => {
    test('leaves no helper behind', async () => {
      const child = await helpedProgram()
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
