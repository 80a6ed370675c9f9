import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { disagrees } from '../../src/bench/peers/agree.js'
import { comparePeers } from '../../src/bench/peers/compare.js'
import { PeerFailure, PeerProcess, type PeerProgram } from '../../src/bench/peers/process.js'
import { peerPrograms, peersFolder } from '../../src/bench/peers/programs.js'
import { productPlan, type WorkPlan } from '../../src/bench/peers/works.js'
import { withDevice } from '../support/device.js'

const script = fileURLToPath(new URL('fixtures/peer.mjs', import.meta.url))

const peer = (as: string): PeerProgram => ({
  name: as,
  commands: [[process.execPath, script, as]],
  install: 'nothing to install',
})

const small = productPlan('product 8×16×32', { batch: 1, m: 8, k: 16, n: 32, left: 'mk', right: 'kn' })

withDevice('peers', device => {
  const compare = (...programs: readonly PeerProgram[]) =>
    comparePeers(device, programs, [small], { runs: 2 })

  it('are timed in turn with ours once they have shown that they compute the same', async () => {
    const { comparisons, missing } = await compare(peer('good'))
    expect(missing).toEqual([])
    const [{ name, milliseconds, peers }] = comparisons as [(typeof comparisons)[0]]
    expect(name).toBe('product 8×16×32')
    expect(milliseconds!.least).toBeGreaterThan(0)
    expect(peers).toMatchObject([{ name: 'a good peer' }])
    const [one] = peers
    if (!('toOurs' in one!)) return expect.unreachable('it was refused')
    // Above 1 ours is faster.
    expect(one.toOurs.least).toBeGreaterThanOrEqual(one.milliseconds.least / milliseconds.most)
    expect(one.toOurs.most).toBeLessThanOrEqual(one.milliseconds.most / milliseconds.least)
  })

  it('that compute something else are not timed', async () => {
    const { comparisons } = await compare(peer('wrong'))
    expect(comparisons[0]!.peers).toEqual([
      {
        name: 'a wrong peer',
        refused: expect.stringMatching(/^it computes something else: its number 1 is/),
        differs: true,
      },
    ])
    expect(comparisons[0]!.milliseconds).toBeDefined()
  })

  it('that are missing, can not, or fail are told, and spoil nothing', async () => {
    const absent = { ...peer('absent'), commands: [['no-such-command']] } as const
    const all = [absent, peer('dies'), peer('refuses'), peer('unable'), peer('fails'), peer('good')]
    const { comparisons, missing } = await compare(...all)
    expect(missing.map(m => [m.name, m.why])).toEqual([
      ['absent', expect.stringMatching(/no-such-command/)],
      ['dies', expect.stringMatching(/no such driver/)],
      ['refuses', 'there is no device'],
    ])
    expect(comparisons[0]!.peers).toMatchObject([
      { name: 'a fails peer', refused: 'out of memory', differs: false },
      { name: 'a good peer', milliseconds: {} },
    ])
  })

  it('that fail while they are timed are told, and spoil nothing', async () => {
    const { comparisons } = await compare(peer('breaks'), peer('babbles'), peer('good'))
    expect(comparisons[0]!.peers).toMatchObject([
      { name: 'a breaks peer', refused: 'out of patience' },
      { name: 'a babbles peer', refused: expect.stringMatching(/^its answer is no JSON/) },
      { name: 'a good peer', milliseconds: {} },
    ])
  })

  it('that do not answer in time are ended', async () => {
    const { process: slow } = await PeerProcess.open({ ...peer('hangs'), patience: 2000 })
    const closes: (() => void | Promise<void>)[] = []
    const { request } = await small.prepare(device, close => closes.unshift(close))
    const asked = slow.ask({ verb: 'prepare', work: 'product', ...request })
    await expect(asked).rejects.toThrow('it did not answer within 2 s')
    await expect(slow.ask({ verb: 'open' })).rejects.toThrow(PeerFailure)
    for (const close of closes) await close()
  })

  it('leave nothing behind where our own part fails', async () => {
    const closed: string[] = []
    const failing: WorkPlan = {
      name: 'failing',
      prepare: async (_, afterwards) => {
        for (const name of ['folder', 'session']) afterwards(() => void closed.push(name))
        throw new Error('no room')
      },
    }
    await expect(comparePeers(device, [], [failing], { runs: 1 })).rejects.toThrow('no room')
    expect(closed).toEqual(['session', 'folder'])
  })

  it('the next command is tried where the first is no peer', async () => {
    const both = {
      ...peer('good'),
      commands: [['no-such-command'], ...peer('good').commands] as PeerProgram['commands'],
    }
    expect((await compare(both)).missing).toEqual([])
  })
})

describe('agreement', () => {
  it('is of numbers one by one, and of what was learned as a whole', () => {
    expect(disagrees([1, 100], { each: [1.0001, 100.01] })).toBeUndefined()
    expect(disagrees([1.01], { each: [1] })).toMatch(/its number 1 is 1.01, ours 1/)
    expect(disagrees([Number.NaN], { each: [1] })).toMatch(/NaN/)
    expect(disagrees([1], { each: [1, 2] })).toMatch(/1 numbers, not 2/)
    // Of a way from 2 to 2.5, not of where it ends.
    const learned = [{ name: 'gate', before: [2, 2], after: [2.5, 2] }]
    expect(disagrees([1, 2.502, 2], { each: [1], learned })).toBeUndefined()
    expect(disagrees([1, 2.51, 2], { each: [1], learned })).toMatch(/learned of gate is off by 2.0 %/)
    expect(disagrees([1, Number.NaN, 2], { each: [1], learned })).toMatch(/learned of gate/)
  })
})

describe('the folder for the peers', () => {
  it('is gone when a signal ends the bench, and the signal ends it as ever', async () => {
    const module = new URL('../../src/bench/temporary.ts', import.meta.url)
    const program = `const { temporaryFolder } = await import('${module}')
      console.log(temporaryFolder()); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program])
    const folder = String(await new Promise(resolve => child.stdout.once('data', resolve))).trim()
    expect(existsSync(folder)).toBe(true)
    child.kill('SIGINT')
    expect(await new Promise(resolve => child.once('exit', (_, signal) => resolve(signal)))).toBe('SIGINT')
    expect(existsSync(folder)).toBe(false)
  })
})

describe("the peers' folder", () => {
  it('has a script for each peer, and pins what they need', () => {
    for (const { commands } of peerPrograms(true))
      for (const [, file] of commands) expect(existsSync(file!), file).toBe(true)
    const { dependencies } = JSON.parse(readFileSync(`${peersFolder}/package.json`, 'utf8')) as {
      dependencies: Record<string, string>
    }
    for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/)
    expect(existsSync(`${peersFolder}/package-lock.json`)).toBe(true)
  })

  it('is no part of the package', () => {
    const listed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      encoding: 'utf8',
    })
    expect(listed).not.toMatch(/test\/bench/)
  })
})
